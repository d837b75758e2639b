//! The questions of codex that wait for the user, and what is allowed from now on.

use proxy::approvals::{
    AnswerError, Approval, ApprovalAnswer, ApprovalQuestion, ApprovalRule, forget_rule_in, rules_in,
};
use proxy::health::{Health, Level};

use super::notices::Notice;
use super::{App, Change};
use crate::client_name::client_name;
use crate::gateway::Running;
use crate::view::ViewError;

impl App {
    /// Answers a question; the first answer counts.
    ///
    /// # Errors
    /// If it is no longer waiting, the answer does not fit it, or it cannot be remembered.
    pub async fn answer_approval(&self, id: String, answer: ApprovalAnswer) -> Result<(), ViewError> {
        let no_longer = || ViewError::new("This question is no longer waiting.");
        let approvals = self.running().ok_or_else(no_longer)?.proxy.approvals().clone();
        // Remembering writes a file.
        let answered = tokio::task::spawn_blocking(move || approvals.answer(&id, answer)).await;
        answered.map_err(|_| no_longer())?.map_err(|error| match error {
            AnswerError::NotWaiting => no_longer(),
            AnswerError::NotFitting => ViewError::new("This answer doesn't fit the question."),
            AnswerError::NotRemembered(error) => {
                ViewError::new(format!("Couldn't remember it: {error}. Allow it once, or deny it."))
            }
        })
    }

    /// The commands that run without asking, latest first.
    pub async fn approval_rules(&self) -> Vec<ApprovalRule> {
        let data_dir = self.0.data_dir.clone();
        tokio::task::spawn_blocking(move || rules_in(&data_dir)).await.unwrap_or_default()
    }

    /// Removes one of them: codex asks again.
    ///
    /// # Errors
    /// If it is gone, or the file cannot be written.
    pub async fn forget_approval_rule(&self, id: String) -> Result<(), ViewError> {
        let data_dir = self.0.data_dir.clone();
        let removed = tokio::task::spawn_blocking(move || forget_rule_in(&data_dir, &id)).await;
        let failed = |error: String| ViewError::new(format!("Couldn't remove it: {error}."));
        removed.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }

    /// Notifies of questions that are new.
    pub(super) fn notice_approvals(&self, before: &[Approval], now: &[Approval]) {
        if !self.0.settings.current().notify_asks {
            return;
        }
        for approval in now.iter().filter(|approval| before.iter().all(|known| known.id != approval.id)) {
            self.notify(Change::Notice(Notice::Asks {
                app: approval.client.clone(),
                key: approval.key.clone(),
                is_question: is_question(&approval.question),
            }));
        }
    }
}

/// What waits, oldest first, with the names of apps as the request log has them.
pub(super) fn waiting(running: Option<&Running>) -> Vec<Approval> {
    let waiting = running.map(|running| running.proxy.approvals().waiting().borrow().clone());
    let named = |approval: &Approval| Approval { client: client_name(&approval.client), ..approval.clone() };
    waiting.iter().flat_map(|waiting| waiting.iter()).map(named).collect()
}

/// Names the only question in the title.
pub(super) fn with_title(health: Health, waiting: &[Approval]) -> Health {
    match waiting {
        [only] if health.level == Level::Asking => Health { title: title(&only.question), ..health },
        _ => health,
    }
}

/// What codex asks, in a few words. The window's card has the same.
fn title(question: &ApprovalQuestion) -> String {
    match question {
        ApprovalQuestion::Command { .. } => "Codex asks to run a command".to_owned(),
        ApprovalQuestion::FileChange { files, .. } if files.len() == 1 => {
            "Codex asks to change 1 file".to_owned()
        }
        ApprovalQuestion::FileChange { files, .. } => format!("Codex asks to change {} files", files.len()),
        ApprovalQuestion::Permissions { .. } => "Codex asks for permissions".to_owned(),
        ApprovalQuestion::Input { questions } if questions.len() == 1 => "Codex has a question".to_owned(),
        ApprovalQuestion::Input { questions } => format!("Codex has {} questions", questions.len()),
        ApprovalQuestion::Form { server, fields, .. } if fields.is_empty() => {
            format!("{server} asks for permission")
        }
        ApprovalQuestion::Form { server, .. } => format!("{server} asks for details"),
        ApprovalQuestion::Url { server, .. } => format!("{server} asks to open a link"),
    }
}

/// Whether it asks to know something, rather than to do something.
fn is_question(question: &ApprovalQuestion) -> bool {
    match question {
        ApprovalQuestion::Input { .. } => true,
        ApprovalQuestion::Form { fields, .. } => !fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(question: ApprovalQuestion) -> Approval {
        Approval {
            id: "1".to_owned(),
            request: String::new(),
            key: "Default".to_owned(),
            client: "Open WebUI".to_owned(),
            model: "codex-local".to_owned(),
            folder: "/work".to_owned(),
            reason: None,
            asked_at: 0,
            expires_at: 0,
            can_remember: false,
            question,
        }
    }

    fn command() -> Approval {
        let command = "touch here.txt".to_owned();
        approval(ApprovalQuestion::Command { command, outside_sandbox: true, also: Vec::new() })
    }

    #[test]
    fn the_state_names_the_only_question_but_not_the_command() {
        let asking =
            Health { level: Level::Asking, title: "2 questions are waiting".to_owned(), ..Health::default() };
        let one = with_title(asking.clone(), &[command()]);
        assert_eq!(one.title, "Codex asks to run a command");
        assert_eq!(with_title(asking.clone(), &[command(), command()]), asking);
        let form = approval(ApprovalQuestion::Form {
            server: "tracker".to_owned(),
            message: String::new(),
            fields: Vec::new(),
        });
        assert_eq!(with_title(asking, &[form]).title, "tracker asks for permission");
    }

    #[test]
    fn a_state_that_matters_more_keeps_its_title() {
        let blocked =
            Health { level: Level::Blocked, title: "Usage limit reached".to_owned(), ..Health::default() };
        assert_eq!(with_title(blocked.clone(), &[command()]), blocked);
    }
}
