//! The parameters and answers of the app-server methods that we call, and the values our callers fill them with.
//!
//! Read off `codex app-server generate-ts --experimental` and measured; see the notes on codex in ARCHITECTURE.md. Only
//! what we use is here, and unknown fields are ignored, so that a newer codex does not break us.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Who speaks in an item of the conversation. codex drops `system` items, so there is no such role here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions to the model.
    Developer,
    /// The person, or the program, that asks.
    User,
    /// The model.
    Assistant,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// A picture, which only a user's message and a tool's output can hold.
    Image {
        /// A data URL; codex refuses the addresses of pictures elsewhere.
        url: String,
        /// `auto`, `low` or `high`, as the client said.
        detail: Option<String>,
    },
}

/// One earlier item of a conversation, as it goes into a thread before the turn starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Something that was said.
    Message {
        /// Who said it.
        role: Role,
        /// What was said, in parts.
        content: Vec<Content>,
    },
    /// A call that the model made of one of the client's tools.
    ToolCall(ToolCall),
    /// What the tool answered.
    ToolOutput {
        /// The call that it answers.
        call_id: String,
        /// The answer, in parts.
        output: Vec<Content>,
    },
}

/// A call that the model makes of one of the client's tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The id that its output refers to.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// The exact argument string.
    pub arguments: String,
}

impl Item {
    /// Whether there is a picture in it.
    #[must_use]
    pub fn has_pictures(&self) -> bool {
        match self {
            Self::Message { content, .. } | Self::ToolOutput { output: content, .. } => {
                content.iter().any(|part| matches!(part, Content::Image { .. }))
            }
            Self::ToolCall(_) => false,
        }
    }

    /// The item in the form that `thread/inject_items` takes: a raw item of the Responses API.
    pub(crate) fn to_raw(&self) -> Value {
        match self {
            Self::Message { role, content } => {
                let kind = if *role == Role::Assistant { "output_text" } else { "input_text" };
                let parts: Vec<Value> = content.iter().map(|part| part.to_raw(kind)).collect();
                json!({ "type": "message", "role": role, "content": parts })
            }
            Self::ToolCall(ToolCall { call_id, name, arguments }) => {
                json!({ "type": "function_call", "call_id": call_id, "name": name, "arguments": arguments })
            }
            Self::ToolOutput { call_id, output } => {
                let output: Value = match output.as_slice() {
                    [] => "".into(),
                    [Content::Text(text)] => text.as_str().into(),
                    parts => parts.iter().map(|part| part.to_raw("input_text")).collect(),
                };
                json!({ "type": "function_call_output", "call_id": call_id, "output": output })
            }
        }
    }
}

impl Content {
    /// The part as a raw one of the Responses API; `kind` is what it calls text here.
    fn to_raw(&self, kind: &str) -> Value {
        match self {
            Self::Text(text) => json!({ "type": kind, "text": text }),
            Self::Image { url, detail } => {
                let mut image = json!({ "type": "input_image", "image_url": url });
                if let Some(detail) = detail {
                    image["detail"] = detail.as_str().into();
                }
                image
            }
        }
    }

    /// The part's text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Image { .. } => None,
        }
    }

    /// The part in the form that a tool's output takes.
    pub(crate) fn to_tool_output(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "inputText", "text": text }),
            Self::Image { url, .. } => json!({ "type": "inputImage", "imageUrl": url }),
        }
    }

    /// The part in the form that `turn/start` takes as input.
    pub(crate) fn to_input(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "text", "text": text, "text_elements": [] }),
            Self::Image { url, detail } => {
                let mut image = json!({ "type": "image", "url": url });
                if let Some(detail) = detail {
                    image["detail"] = detail.as_str().into();
                }
                image
            }
        }
    }
}

/// What the commands that codex runs may do to this machine; the stricter mode is the lesser one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// Read files, change nothing.
    #[default]
    ReadOnly,
    /// Change files below the working folder.
    WorkspaceWrite,
    /// Anything that the user may do.
    DangerFullAccess,
}

impl SandboxMode {
    /// The mode's name, as codex spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::DangerFullAccess => "danger-full-access",
        }
    }

    /// The mode of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ReadOnly, Self::WorkspaceWrite, Self::DangerFullAccess]
            .into_iter()
            .find(|mode| mode.name() == name)
    }
}

/// How hard a model thinks, in codex's own words: `low`, `medium`, `high` and others by model.
pub type Effort = String;

/// A model of codex's own list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// The id that a turn names it by.
    pub id: String,
    /// The name that people read.
    #[serde(default)]
    pub display_name: String,
    /// One sentence about it.
    #[serde(default)]
    pub description: String,
    /// Whether codex keeps it out of its own menus.
    #[serde(default)]
    pub hidden: bool,
    /// Whether codex takes it when none is named.
    #[serde(default)]
    pub is_default: bool,
    /// The efforts that it knows.
    #[serde(default, rename = "supportedReasoningEfforts", deserialize_with = "effort_names")]
    pub efforts: Vec<Effort>,
    /// What it reads: `text`, `image`.
    #[serde(default)]
    pub input_modalities: Vec<String>,
}

fn effort_names<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Effort>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        reasoning_effort: Effort,
    }
    Ok(Vec::<Entry>::deserialize(deserializer)?.into_iter().map(|entry| entry.reasoning_effort).collect())
}

/// The account's limits as codex last heard them from upstream.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct RateLimits {
    /// One window, usually the short one; tell windows apart by their length and not by their position.
    #[serde(default)]
    pub primary: Option<RateLimitWindow>,
    /// The other window.
    #[serde(default)]
    pub secondary: Option<RateLimitWindow>,
}

/// One window of the account's limits.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitWindow {
    /// How much of it is used, from 0 to 100.
    pub used_percent: f64,
    /// Its length in minutes.
    #[serde(default)]
    pub window_duration_mins: Option<u64>,
    /// When it starts anew, in Unix seconds.
    #[serde(default)]
    pub resets_at: Option<u64>,
}

impl RateLimits {
    /// When the account may work again, in Unix seconds: the latest reset of the windows that are used up.
    #[must_use]
    pub fn blocked_until(&self) -> Option<u64> {
        [&self.primary, &self.secondary]
            .into_iter()
            .flatten()
            .filter(|window| window.used_percent >= 100.0)
            .filter_map(|window| window.resets_at)
            .max()
    }
}

/// The answer to `initialize`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Initialized {
    #[serde(default)]
    pub(crate) user_agent: String,
}

impl Initialized {
    /// codex's version out of `name/1.2.3 (system…)`.
    pub(crate) fn version(&self) -> Option<String> {
        let (_, rest) = self.user_agent.split_once('/')?;
        let version = rest.split_whitespace().next()?;
        version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
    }
}

/// The answer to `thread/start`.
#[derive(Debug, Deserialize)]
pub(crate) struct ThreadStarted {
    pub(crate) thread: ById,
    #[serde(default)]
    pub(crate) model: String,
}

/// The answer to `turn/start`.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnStarted {
    pub(crate) turn: ById,
}

/// A thread or a turn, of which we only need the id, and where a thread is written to if it is.
#[derive(Debug, Deserialize)]
pub(crate) struct ById {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
}

/// The answer to `model/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelPage {
    pub(crate) data: Vec<Model>,
    #[serde(default)]
    pub(crate) next_cursor: Option<String>,
}

/// The account that codex works with. It names a person, so it is for their eyes and no log.
#[derive(Clone, PartialEq, Eq)]
pub enum Account {
    /// A ChatGPT account, with its address and plan (`plus`, `enterprise`) where codex names them.
    ChatGpt {
        /// The address.
        email: Option<String>,
        /// The plan, as codex spells it.
        plan: Option<String>,
    },
    /// A key of OpenAI's API.
    ApiKey,
    /// One of another kind, by codex's name of the kind.
    Other(String),
    /// None, and the provider that codex is set to needs none.
    NotNeeded,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ChatGpt { .. } => "ChatGpt",
            Self::ApiKey => "ApiKey",
            Self::Other(_) => "Other",
            Self::NotNeeded => "NotNeeded",
        })
    }
}

/// The answer to `account/read`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountRead {
    #[serde(default)]
    account: Option<AccountFound>,
    #[serde(default)]
    requires_openai_auth: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountFound {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    plan_type: Option<String>,
}

impl AccountRead {
    /// The account; `None` when one is needed and missing.
    pub(crate) fn account(self) -> Option<Account> {
        match self.account {
            Some(found) if found.kind == "chatgpt" => {
                // What codex does not know it calls so.
                let plan = found.plan_type.filter(|plan| plan != "unknown");
                Some(Account::ChatGpt { email: found.email, plan })
            }
            Some(found) if found.kind == "apiKey" => Some(Account::ApiKey),
            Some(found) => Some(Account::Other(found.kind)),
            None => (!self.requires_openai_auth).then_some(Account::NotNeeded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_roles_and_exact_strings() {
        let say = |role| Item::Message { role, content: vec![Content::Text("hi".into())] }.to_raw();
        assert_eq!(
            say(Role::Developer),
            json!({"type":"message","role":"developer","content":[{"type":"input_text","text":"hi"}]})
        );
        assert_eq!(
            say(Role::Assistant),
            json!({"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi"}]})
        );
        let arguments = "{ \"a\":1}".to_owned();
        let call = Item::ToolCall(ToolCall { call_id: "c".into(), name: "n".into(), arguments });
        assert_eq!(call.to_raw()["arguments"], "{ \"a\":1}");
    }

    #[test]
    fn the_version_is_read_out_of_the_user_agent() {
        let version = |agent: &str| Initialized { user_agent: agent.into() }.version();
        assert_eq!(version("x/0.169.0 (Debian 12.0.0; x86_64) xterm (x; 1)").as_deref(), Some("0.169.0"));
        assert_eq!(version("no version"), None);
    }

    #[test]
    fn an_account_is_read_leniently_and_does_not_show_itself() {
        let read = |answer: Value| serde_json::from_value::<AccountRead>(answer).unwrap().account();
        let chatgpt = json!({"account":{"type":"chatgpt","email":"me@example.com","planType":"plus"},"requiresOpenaiAuth":true});
        let account = read(chatgpt).unwrap();
        assert!(!format!("{account:?}").contains("example"));
        let (email, plan) = (Some("me@example.com".to_owned()), Some("plus".to_owned()));
        assert_eq!(account, Account::ChatGpt { email, plan });
        assert_eq!(read(json!({"account":{"type":"apiKey"}})), Some(Account::ApiKey));
        assert_eq!(read(json!({"account":{"type":"gcp"}})), Some(Account::Other("gcp".to_owned())));
        assert_eq!(read(json!({"account":null,"requiresOpenaiAuth":false})), Some(Account::NotNeeded));
        assert_eq!(read(json!({"account":null,"requiresOpenaiAuth":true})), None);
    }

    #[test]
    fn the_account_is_blocked_until_the_last_full_window_resets() {
        let window = |used_percent, resets_at| {
            Some(RateLimitWindow { used_percent, resets_at: Some(resets_at), ..Default::default() })
        };
        assert_eq!(
            RateLimits { primary: window(100.0, 5), secondary: window(40.0, 9) }.blocked_until(),
            Some(5)
        );
        assert_eq!(
            RateLimits { primary: window(100.0, 5), secondary: window(100.0, 9) }.blocked_until(),
            Some(9)
        );
        assert_eq!(RateLimits::default().blocked_until(), None);
    }
}
