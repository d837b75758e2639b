//! codex's list of models, made so that no model brings tools or text of codex's own.
//!
//! codex adds to a prompt by what its list says of the model, beside what its settings say: a way of patching files, a
//! language to call tools in, teams of agents. The list that it prints is given back to it without those.

use std::time::Duration;

use serde_json::{Value, json};

use crate::environment::Environment;
use crate::install::Found;
use crate::process::{command, output};

/// How long codex may look in the network for models. A list from the last look, or the one that it came with, will do.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// How long it may take to print what it came with.
const PRINT_TIMEOUT: Duration = Duration::from_secs(5);

/// codex's list for plain models; `None` for a codex that does not print its list.
pub(super) async fn fetch(found: &Found, environment: &Environment) -> Option<Vec<u8>> {
    let mut printed = print(found, environment, &["debug", "models"], FETCH_TIMEOUT).await;
    if printed.is_none() {
        printed = print(found, environment, &["debug", "models", "--bundled"], PRINT_TIMEOUT).await;
    }
    let list = printed.as_deref().and_then(without_additions);
    if list.is_none() {
        tracing::info!("this codex does not print its list of models; plain models may be offered its tools");
    }
    list
}

async fn print(
    found: &Found,
    environment: &Environment,
    args: &[&str],
    timeout: Duration,
) -> Option<Vec<u8>> {
    let mut command = command(&found.path, environment);
    command.args(args);
    let output = output(command, timeout).await.ok()?;
    output.status.success().then_some(output.stdout)
}

/// The list without what would add to a prompt; `None` when it is none.
fn without_additions(printed: &[u8]) -> Option<Vec<u8>> {
    let mut list: Value = serde_json::from_slice(printed).ok()?;
    let models = list.get_mut("models")?.as_array_mut()?;
    for model in models.iter_mut() {
        let model = model.as_object_mut()?;
        for (key, value) in [
            ("apply_patch_tool_type", Value::Null),
            ("experimental_supported_tools", json!([])),
            ("tool_mode", Value::Null),
            ("multi_agent_version", Value::Null),
            // In codex's own form of a request tools are hidden among the messages, and there is no web search. The public
            // form is what everybody else sends; that ChatGPT takes it for every model could not be tried without an account.
            ("use_responses_lite", Value::Bool(false)),
            ("include_skills_usage_instructions", Value::Bool(false)),
            ("include_plugin_usage_instructions", Value::Bool(false)),
            ("include_apps_usage_instructions", Value::Bool(false)),
            ("model_messages", Value::Null),
            ("base_instructions", json!("")),
        ] {
            // An older codex may refuse what it does not know.
            if let Some(known) = model.get_mut(key) {
                *known = value;
            }
        }
    }
    if models.is_empty() { None } else { serde_json::to_vec(&list).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_keeps_what_it_is_and_loses_what_it_brings() {
        let printed = json!({ "models": [{
            "slug": "m", "apply_patch_tool_type": "freeform", "tool_mode": "code_mode_only", "context_window": 5,
            "base_instructions": "You are Codex.", "use_responses_lite": true
        }]});
        let list = without_additions(printed.to_string().as_bytes()).unwrap();
        let expected = json!({ "models": [{
            "slug": "m", "apply_patch_tool_type": null, "tool_mode": null, "context_window": 5,
            "base_instructions": "", "use_responses_lite": false
        }]});
        assert_eq!(serde_json::from_slice::<Value>(&list).unwrap(), expected);
    }

    #[test]
    fn what_is_no_list_is_left_out() {
        for printed in ["", "error: unrecognized subcommand", "{}", "{\"models\":[]}", "{\"models\":[1]}"] {
            assert_eq!(without_additions(printed.as_bytes()), None, "{printed}");
        }
    }
}
