//! codex's questions as they are shown, and the owner's values as codex takes them.

use std::collections::BTreeMap;

use codex_client::{FileDiff, FileDiffKind, FormFieldKind, Question};

use super::types::{
    ApprovalQuestion, FileChangeKind, FileToChange, FormField, FormInput, InputOption, InputQuestion,
};
use super::visible::{original, visible};

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
                Self::Input { questions: questions.iter().map(InputQuestion::from).collect() }
            }
            Question::Form { server, message, fields } => Self::Form {
                server: visible(server),
                message: visible(message),
                fields: fields.iter().map(FormField::from).collect(),
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
            FileDiffKind::Add => (visible(path), FileChangeKind::Added),
            FileDiffKind::Delete => (visible(path), FileChangeKind::Deleted),
            FileDiffKind::Update => (visible(path), FileChangeKind::Changed),
            FileDiffKind::Rename { to } => {
                (format!("{} → {}", visible(path), visible(to)), FileChangeKind::Renamed)
            }
        };
        Self { path, what, diff: visible(diff) }
    }
}

impl From<&codex_client::InputQuestion> for InputQuestion {
    fn from(asked: &codex_client::InputQuestion) -> Self {
        Self {
            id: visible(&asked.id),
            header: visible(&asked.header),
            question: visible(&asked.question),
            options: options(&asked.options),
            is_other: asked.is_other,
            is_secret: asked.is_secret,
        }
    }
}

impl From<&codex_client::FormField> for FormField {
    fn from(field: &codex_client::FormField) -> Self {
        Self {
            name: visible(&field.name),
            title: visible(&field.title),
            description: visible(&field.description),
            required: field.required,
            input: match &field.kind {
                FormFieldKind::Text => FormInput::Text,
                FormFieldKind::Number => FormInput::Number,
                FormFieldKind::Integer => FormInput::Integer,
                FormFieldKind::Boolean => FormInput::Boolean,
                FormFieldKind::Choice(all) => FormInput::Choice { options: options(all) },
                FormFieldKind::Choices(all) => FormInput::Choices { options: options(all) },
            },
            initial: field.default.iter().map(|value| visible(value)).collect(),
        }
    }
}

fn options(options: &[codex_client::InputOption]) -> Vec<InputOption> {
    let option = |option: &codex_client::InputOption| InputOption {
        label: visible(&option.label),
        description: visible(&option.description),
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
