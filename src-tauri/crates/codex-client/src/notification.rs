//! The notifications of the app-server, decoded once.
//!
//! Not here: what other clients of the same codex do (thread lists, read states), partial output of commands, and the
//! items of a history that we injected ourselves. Unknown fields are ignored, so that a newer codex does not break us.

mod failure;
mod thread_item;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::account::RateLimits;
use crate::event::Usage;

pub(crate) use failure::{TurnProblem, failure};
pub(crate) use thread_item::{ItemKind, ThreadItem};

/// Notifications that we never read; codex is asked not to send them.
pub(crate) const OPT_OUT: &[&str] = &[
    "configWarning",
    "remoteControl/status/changed",
    "thread/started",
    "thread/status/changed",
    "thread/closed",
    "thread/name/updated",
    "thread/settings/updated",
    "skills/changed",
    "app/list/updated",
    "item/commandExecution/outputDelta",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/plan/delta",
    "turn/diff/updated",
    "turn/plan/updated",
];

/// A notification.
#[derive(Debug)]
pub(crate) struct Notification<'a> {
    /// The thread that it is about.
    pub(crate) thread: Option<Cow<'a, str>>,
    pub(crate) event: Event<'a>,
}

/// What a notification says.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A piece of the message `item`.
    Text {
        item: Cow<'a, str>,
        delta: Cow<'a, str>,
    },
    /// A piece of the reasoning's summary.
    Reasoning(Cow<'a, str>),
    /// A new part of that summary.
    ReasoningPart,
    ItemStarted(ThreadItem),
    ItemCompleted(ThreadItem),
    /// An item as the model wrote it. It can be large and few turns need it, so it is not parsed here.
    RawItem(&'a RawValue),
    /// The end of an upstream response.
    ResponseCompleted(Option<Usage>),
    ThreadUsage(ThreadUsage),
    /// The upstream took another model.
    Rerouted(String),
    /// An error after which codex tries again.
    Retrying(TurnProblem),
    TurnCompleted(TurnState),
    RateLimits(RateLimits),
    /// How the start of an MCP server goes.
    McpServer(McpServer),
    /// Anything else; for its thread it is a sign of life.
    Other,
}

/// How a turn ended.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnState {
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) error: Option<TurnProblem>,
}

/// Tokens that a thread has cost, in its last response and in all.
#[derive(Debug, Deserialize)]
pub(crate) struct ThreadUsage {
    pub(crate) last: Usage,
    #[serde(default)]
    pub(crate) total: Usage,
}

/// An MCP server and its state.
#[derive(Debug, Deserialize)]
pub(crate) struct McpServer {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) error: Option<String>,
}

/// The parameters that we read, all optional: one parse serves every method.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    // The requests of the protocol's first version call it a conversation.
    #[serde(borrow, alias = "conversationId")]
    thread_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    item_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    delta: Option<Cow<'a, str>>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    turn: Option<TurnState>,
    usage: Option<Usage>,
    token_usage: Option<ThreadUsage>,
    error: Option<TurnProblem>,
    #[serde(default)]
    will_retry: bool,
    to_model: Option<String>,
    rate_limits: Option<RateLimits>,
}

impl<'a> Notification<'a> {
    /// Decodes a notification; `None` when its parameters have another form than ours.
    pub(crate) fn decode(method: &str, params: &'a RawValue) -> Option<Self> {
        if method == "mcpServer/startupStatus/updated" {
            let server = serde_json::from_str(params.get()).ok()?;
            return Some(Self { thread: None, event: Event::McpServer(server) });
        }
        let mut params: Params<'a> = serde_json::from_str(params.get()).ok()?;
        let thread = params.thread_id.take();
        Some(Self { thread, event: params.event(method).unwrap_or(Event::Other) })
    }
}

impl<'a> Params<'a> {
    fn event(self, method: &str) -> Option<Event<'a>> {
        let thread_item = |raw: &RawValue| serde_json::from_str(raw.get()).ok();
        Some(match method {
            "account/rateLimits/updated" => Event::RateLimits(self.rate_limits?),
            "error" if self.will_retry => Event::Retrying(self.error?),
            "item/agentMessage/delta" => Event::Text { item: self.item_id?, delta: self.delta? },
            "item/completed" => Event::ItemCompleted(thread_item(self.item?)?),
            "item/reasoning/summaryPartAdded" => Event::ReasoningPart,
            "item/reasoning/summaryTextDelta" => Event::Reasoning(self.delta?),
            "item/started" => Event::ItemStarted(thread_item(self.item?)?),
            "model/rerouted" => Event::Rerouted(self.to_model?),
            "rawResponse/completed" => Event::ResponseCompleted(self.usage),
            "rawResponseItem/completed" => Event::RawItem(self.item?),
            "thread/tokenUsage/updated" => Event::ThreadUsage(self.token_usage?),
            "turn/completed" => Event::TurnCompleted(self.turn?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_of_another_form_is_none_and_an_unknown_one_still_names_its_thread() {
        let decode = |method: &str, params: &'static str| {
            Notification::decode(method, serde_json::from_str(params).unwrap())
        };
        assert!(decode("mcpServer/startupStatus/updated", "[]").is_none());
        assert!(decode("item/agentMessage/delta", r#"{"threadId":1}"#).is_none());
        for (method, params) in [
            ("some/thing", r#"{"threadId":"t"}"#),
            ("item/agentMessage/delta", r#"{"threadId":"t"}"#),
            ("item/completed", r#"{"threadId":"t","item":{"type":5}}"#),
            ("error", r#"{"threadId":"t","error":{"message":"m"},"willRetry":false}"#),
            ("codex/event/thing", r#"{"conversationId":"t"}"#),
        ] {
            let notification = decode(method, params).unwrap();
            assert_eq!(notification.thread.as_deref(), Some("t"), "{method}");
            assert!(matches!(notification.event, Event::Other), "{method}");
        }
    }
}
