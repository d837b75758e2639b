//! The items of generated pictures. The model calls codex's tool, or on versions before 0.145 one of upstream's; both make the
//! same item.

use serde::Deserialize;
use serde_json::Value;

use super::failure::{TurnError, failure};
use crate::error::{FailureKind, TurnFailure};
use crate::event::Picture;
use crate::reason::brief;

/// How codex begins the output of its tool when upstream has refused a picture: the HTTP status and upstream's body follow.
const REFUSED: &str = "image generation failed: http ";

/// An item of the kind `imageGeneration`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ImageItem {
    id: String,
    /// The picture in base64; empty until it is complete.
    result: Option<String>,
    revised_prompt: Option<String>,
    failure: Option<Limit>,
}

/// Why there is no picture, as far as codex says so in the item.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    #[serde(rename = "type")]
    kind: String,
    resets_at: Option<u64>,
}

impl ImageItem {
    /// The picture of a completed item. Else its id, with which the tool's output says why, and the failure if the item has it.
    pub(crate) fn completed(self) -> Result<Picture, (String, Option<TurnFailure>)> {
        let Self { id, result, revised_prompt: prompt, failure } = self;
        match result.filter(|base64| !base64.is_empty()) {
            Some(base64) => Ok(Picture { id, base64: base64.into(), prompt }),
            None => {
                let limit = failure.filter(|failure| failure.kind == "usageLimitExceeded");
                let failure = limit.map(|limit| TurnFailure {
                    resets_at: limit.resets_at,
                    ..TurnFailure::new(FailureKind::UsageLimit, "the limit for pictures is reached")
                });
                Err((id, failure))
            }
        }
    }
}

/// Why the picture `id` failed, from the output of codex's tool in a raw item; `None` if the item is another one.
pub(crate) fn picture_failure(item: &str, id: &str, exhausted_until: Option<u64>) -> Option<TurnFailure> {
    #[derive(Deserialize)]
    struct Output {
        call_id: String,
        output: Value,
    }
    let Output { call_id, output } = serde_json::from_str(item).ok()?;
    let text = output.as_str().filter(|_| call_id == id)?;
    let Some(refusal) = text.strip_prefix(REFUSED) else {
        return Some(TurnFailure::new(FailureKind::Upstream, brief(text)));
    };
    // `400 Bad Request: Some("{\"error\":…}")`: Rust escapes a string almost as JSON does.
    let body = refusal.split_once("Some(").and_then(|(_, body)| body.strip_suffix(')'));
    let body: Option<String> = body.and_then(|body| serde_json::from_str(body).ok());
    let status = refusal.get(..3).unwrap_or_default();
    let message = format!("unexpected status {status}: {}", body.unwrap_or_default());
    let error = TurnError { message, codex_error_info: Value::Null, additional_details: None };
    Some(failure(Some(error), exhausted_until))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failed(output: &str) -> TurnFailure {
        let item = json!({"type": "function_call_output", "call_id": "c", "output": output}).to_string();
        assert_eq!(picture_failure(&item, "other", None), None);
        picture_failure(&item, "c", None).unwrap()
    }

    #[test]
    fn refusal_of_upstream_is_read_from_the_tools_output() {
        let body =
            json!({"error": {"message": "It was \"rejected\".", "code": "moderation_blocked"}}).to_string();
        let failure = failed(&format!("image generation failed: http 400 Bad Request: Some({body:?})"));
        assert_eq!(failure.kind, FailureKind::BadRequest);
        assert_eq!((failure.upstream_status, failure.message.as_str()), (Some(400), "It was \"rejected\"."));
    }

    #[test]
    fn limit_of_the_account_has_its_reset() {
        let body = json!({"error": {"type": "usage_limit_reached", "message": "Limit.", "resets_at": 5}})
            .to_string();
        let failure = failed(&format!("image generation failed: http 429 Too Many Requests: Some({body:?})"));
        assert_eq!((failure.kind, failure.resets_at), (FailureKind::UsageLimit, Some(5)));
        let item = json!({"id": "c", "status": "failed", "result": "",
            "failure": {"type": "usageLimitExceeded", "limitId": "image", "resetsAt": 7}});
        let item: ImageItem = serde_json::from_value(item).unwrap();
        let (id, failure) = item.completed().unwrap_err();
        assert_eq!((id.as_str(), failure.unwrap().resets_at), ("c", Some(7)));
    }

    #[test]
    fn other_failures_are_codexs_own_words() {
        let failure = failed("`num_last_images_to_include` must be between 1 and 5");
        assert_eq!(failure.kind, FailureKind::Upstream);
        assert!(failure.message.contains("between 1 and 5"));
    }
}
