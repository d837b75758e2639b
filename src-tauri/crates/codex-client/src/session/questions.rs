//! codex's requests as questions to the user, and the user's decisions as our answers.
//!
//! Whatever cannot be shown in full is not asked but declined: a request that lacks something, that has a field we do not know
//! where it matters, or that is too long to review.

mod elicitation;
mod permissions;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::server_requests::{self, Approval};
use crate::ask::{Decision, InputOption, InputQuestion, Question};
use crate::turn::Questions;
use elicitation::Elicitation;
use permissions::Profile;

/// The longest command, and the longest request of another kind, that somebody can review, in bytes.
const MAX_REVIEWED: usize = 64 * 1024;

/// The longest reason in bytes; more of it is cut off.
const MAX_REASON: usize = 4 * 1024;

/// How a decision becomes the answer to a request.
#[derive(Debug)]
pub(crate) struct Answerer {
    pub(crate) approval: Approval,
    kind: Kind,
    /// The turn, for an answer that ends it.
    turn_id: Option<String>,
}

#[derive(Debug)]
enum Kind {
    /// `accept`, `decline` or `cancel`.
    Decision,
    /// The permissions that were asked for.
    Permissions(Value),
    /// The ids of the questions.
    Input(Vec<String>),
    Elicitation(Elicitation),
}

/// An answer to send.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) result: Value,
    /// The turn to interrupt, because the answer does not.
    pub(crate) interrupt: Option<String>,
}

/// The question of a request, and how to answer it; `None` when it is to be declined.
pub(crate) fn read(
    approval: Approval,
    params: &RawValue,
    turn: &Questions,
) -> Option<(Question, Option<String>, Answerer)> {
    let params = params.get();
    let (question, reason, kind, turn_id) = match approval {
        Approval::Command => {
            let params: Command = serde_json::from_str(params).ok()?;
            let (turn_id, reason) = (params.turn_id.clone(), params.reason.clone());
            (params.question(turn)?, reason, Kind::Decision, turn_id)
        }
        Approval::FileChange => {
            let FileChange { turn_id, item_id, reason, grant_root } = serde_json::from_str(params).ok()?;
            let changes = turn.changes(&item_id)?.to_vec();
            let grant_root = grant_root.map(Into::into);
            (Question::FileChange { changes, grant_root }, reason, Kind::Decision, turn_id)
        }
        _ if params.len() > MAX_REVIEWED => return None,
        Approval::Permissions => {
            let Permissions { turn_id, cwd, reason, permissions } = serde_json::from_str(params).ok()?;
            let profile: Profile = serde_json::from_value(permissions.clone()).ok()?;
            let wants = profile.lines()?;
            let folder = cwd.map_or_else(|| turn.folder.clone(), Into::into);
            let kind = Kind::Permissions(permissions::granted(permissions));
            (Question::Permissions { wants, folder }, reason, kind, turn_id)
        }
        Approval::Input => {
            let Input { turn_id, questions } = serde_json::from_str(params).ok()?;
            let ids = questions.iter().map(|question| question.id.clone()).collect();
            let questions: Vec<_> = questions.into_iter().map(InputQuestion::from).collect();
            if questions.is_empty() {
                return None;
            }
            (Question::Input { questions }, None, Kind::Input(ids), turn_id)
        }
        Approval::Elicitation => {
            let (question, elicitation, turn_id) = elicitation::read(params)?;
            (question, None, Kind::Elicitation(elicitation), turn_id)
        }
    };
    let reason = reason.map(|reason| cut(reason, MAX_REASON)).filter(|reason| !reason.trim().is_empty());
    Some((question, reason, Answerer { approval, kind, turn_id }))
}

impl Answerer {
    /// The answer for a decision. One that does not fit the question declines.
    pub(crate) fn answer(self, decision: Decision) -> Answer {
        let Self { approval, kind, turn_id } = self;
        let declined = || server_requests::declined(approval);
        if decision == Decision::Cancel {
            return match kind {
                // codex ends the turn itself.
                Kind::Decision => Answer { result: json!({ "decision": "cancel" }), interrupt: None },
                _ => Answer { result: declined(), interrupt: turn_id },
            };
        }
        let accepted = match (kind, decision) {
            (Kind::Decision, Decision::Accept) => Some(json!({ "decision": "accept" })),
            (Kind::Permissions(asked), Decision::Accept) => {
                Some(json!({ "permissions": asked, "scope": "turn" }))
            }
            (Kind::Input(ids), Decision::Values(mut values)) => {
                let answers = ids.into_iter().filter_map(|id| {
                    let answers = values.remove(&id)?;
                    Some((id, json!({ "answers": answers })))
                });
                Some(json!({ "answers": answers.collect::<serde_json::Map<_, _>>() }))
            }
            (Kind::Elicitation(elicitation), decision) => elicitation.accepted(decision),
            _ => None,
        };
        Answer { result: accepted.unwrap_or_else(declined), interrupt: None }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Command {
    #[serde(default = "command")]
    kind: String,
    turn_id: Option<String>,
    item_id: String,
    reason: Option<String>,
    command: Option<String>,
    cwd: Option<String>,
    additional_permissions: Option<Profile>,
    network_approval_context: Option<Network>,
    available_decisions: Option<Vec<Value>>,
}

fn command() -> String {
    "command".to_owned()
}

#[derive(Deserialize)]
struct Network {
    host: String,
    protocol: String,
}

impl Command {
    fn question(self, turn: &Questions) -> Option<Question> {
        let Self { kind, item_id, command, cwd, additional_permissions, network_approval_context, .. } = self;
        let offered =
            self.available_decisions.is_none_or(|decisions| decisions.iter().any(|one| one == "accept"));
        let command =
            command.filter(|command| !command.trim().is_empty() && command.len() <= MAX_REVIEWED)?;
        if kind != "command" || !offered || !turn.has_command(&item_id) {
            return None;
        }
        let extra_permissions = match additional_permissions {
            Some(profile) => Some(profile.lines()?.join("\n")),
            None => None,
        };
        let network =
            network_approval_context.map(|Network { host, protocol }| format!("{host} ({protocol})"));
        Some(Question::Command {
            argv: words(&command),
            command,
            folder: cwd?.into(),
            // With more permissions or a host, it stays in its sandbox otherwise.
            escalates: extra_permissions.is_none() && network.is_none(),
            extra_permissions,
            network,
        })
    }
}

/// The words of a command as codex joined them; none if joining them again gives another text.
fn words(command: &str) -> Vec<String> {
    let words = shlex::split(command).unwrap_or_default();
    let joined = shlex::try_join(words.iter().map(String::as_str));
    if joined.is_ok_and(|joined| joined == command) { words } else { Vec::new() }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileChange {
    turn_id: Option<String>,
    item_id: String,
    reason: Option<String>,
    grant_root: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Permissions {
    turn_id: Option<String>,
    // 0.120 leaves it out.
    cwd: Option<String>,
    reason: Option<String>,
    permissions: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    turn_id: Option<String>,
    questions: Vec<OneInput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneInput {
    id: String,
    #[serde(default)]
    header: String,
    question: String,
    #[serde(default)]
    is_other: bool,
    #[serde(default)]
    is_secret: bool,
    options: Option<Vec<OneOption>>,
}

#[derive(Deserialize)]
struct OneOption {
    label: String,
    #[serde(default)]
    description: String,
}

impl From<OneInput> for InputQuestion {
    fn from(input: OneInput) -> Self {
        let OneInput { id, header, question, is_other, is_secret, options } = input;
        let option = |OneOption { label, description }| InputOption { label, description };
        let options = options.unwrap_or_default().into_iter().map(option).collect();
        Self { id, header, question, options, is_other, is_secret }
    }
}

/// The text, cut off at `max` bytes or shortly before.
fn cut(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}
