//! codex's questions as they are shown, and the owner's values as codex takes them.

use std::collections::BTreeMap;

use codex_client::{FileDiff, FileDiffKind, FormField, FormInput, InputOption, InputQuestion, Question};

use super::types::{ApprovalQuestion, FileToChange};
use super::visible::{original, visible};
use crate::changes::FileAction;

impl From<&Question> for ApprovalQuestion {
    fn from(question: &Question) -> Self {
        match question {
            Question::Command { command, escalates, extra_permissions, network, .. } => Self::Command {
                command: visible(command),
                outside_sandbox: *escalates,
                also: extra_permissions
                    .iter()
                    .flat_map(|lines| lines.lines().map(visible))
                    .chain(network.iter().map(|host| format!("Reach {}", visible(host))))
                    .collect(),
            },
            Question::FileChange { changes, grant_root } => Self::FileChange {
                files: changes.iter().map(FileToChange::from).collect(),
                folder_granted: grant_root.as_ref().map(|folder| visible(&folder.to_string_lossy())),
            },
            Question::Permissions { wants, .. } => {
                Self::Permissions { wants: wants.iter().map(|line| visible(line)).collect() }
            }
            Question::Input { questions } => {
                Self::Input { questions: questions.iter().map(visible_question).collect() }
            }
            Question::Form { server, message, fields } => Self::Form {
                server: visible(server),
                message: visible(message),
                fields: fields.iter().map(visible_field).collect(),
            },
            Question::Url { server, message, url } => {
                Self::Url { server: visible(server), message: visible(message), url: visible(url) }
            }
        }
    }
}

impl From<&FileDiff> for FileToChange {
    fn from(FileDiff { path, kind, diff }: &FileDiff) -> Self {
        let (path, what) = match kind {
            FileDiffKind::Add => (visible(path), FileAction::Added),
            FileDiffKind::Delete => (visible(path), FileAction::Deleted),
            FileDiffKind::Update => (visible(path), FileAction::Changed),
            FileDiffKind::Rename { to } => {
                (format!("{} → {}", visible(path), visible(to)), FileAction::Renamed)
            }
        };
        Self { path, what, diff: visible(diff) }
    }
}

fn visible_question(asked: &InputQuestion) -> InputQuestion {
    InputQuestion {
        id: visible(&asked.id),
        header: visible(&asked.header),
        question: visible(&asked.question),
        options: visible_options(&asked.options),
        ..*asked
    }
}

fn visible_field(field: &FormField) -> FormField {
    FormField {
        name: visible(&field.name),
        title: visible(&field.title),
        description: visible(&field.description),
        required: field.required,
        input: match &field.input {
            FormInput::Choice { options } => FormInput::Choice { options: visible_options(options) },
            FormInput::Choices { options } => FormInput::Choices { options: visible_options(options) },
            other => other.clone(),
        },
        initial: field.initial.iter().map(|value| visible(value)).collect(),
    }
}

fn visible_options(options: &[InputOption]) -> Vec<InputOption> {
    let option = |InputOption { label, description }: &InputOption| InputOption {
        label: visible(label),
        description: visible(description),
    };
    options.iter().map(option).collect()
}

impl ApprovalQuestion {
    /// Whether it is answered with values. A form without fields asks for a yes, such as to call a tool of an MCP server.
    pub(super) fn takes_values(&self) -> bool {
        match self {
            Self::Input { .. } => true,
            Self::Form { fields, .. } => !fields.is_empty(),
            _ => false,
        }
    }

    /// About the size of its texts.
    pub(super) fn bytes(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |text| text.len())
    }

    /// The values as codex knows them, with what was escaped for the owner restored; `None` if they do not fit.
    pub(super) fn values(
        &self,
        values: BTreeMap<String, Vec<String>>,
    ) -> Option<BTreeMap<String, Vec<String>>> {
        let options_of = |name: &str| match self {
            Self::Input { questions } => {
                let question = questions.iter().find(|question| question.id == name)?;
                Some(question.options.as_slice())
            }
            Self::Form { fields, .. } => match &fields.iter().find(|field| field.name == name)?.input {
                FormInput::Choice { options } | FormInput::Choices { options } => Some(options.as_slice()),
                _ => Some([].as_slice()),
            },
            _ => None,
        };
        let restored = values.into_iter().map(|(name, values)| {
            let options = options_of(&name)?;
            let is_option = |value: &String| options.iter().any(|option| option.label == *value);
            let value = |value: String| if is_option(&value) { original(&value) } else { value };
            Some((original(&name), values.into_iter().map(value).collect()))
        });
        if self.takes_values() { restored.collect() } else { None }
    }
}
