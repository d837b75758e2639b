//! codex's model list, stripped of everything that adds tools, text or parameters to a prompt.
//!
//! Besides its settings, entries in codex's model list add to a prompt: a patch tool, a tool-calling language, multi-agent
//! support, a verbosity. codex gets its own printed list back without those.

use std::time::Duration;

use serde_json::{Value, json};

use crate::environment::Environment;
use crate::install::Found;
use crate::process::{command, output};

/// How long codex may take to fetch its models. On a timeout the bundled list is used.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// How long codex may take to print its bundled list.
const PRINT_TIMEOUT: Duration = Duration::from_secs(5);

/// codex's list for plain models; `None` when codex cannot print its list.
pub(super) async fn fetch(found: &Found, environment: &Environment) -> Option<Vec<u8>> {
    let mut printed = print(found, environment, &["debug", "models"], FETCH_TIMEOUT).await;
    if printed.is_none() {
        printed = print(found, environment, &["debug", "models", "--bundled"], PRINT_TIMEOUT).await;
    }
    let list = printed.as_deref().and_then(without_additions);
    if list.is_none() {
        tracing::info!("codex cannot print its model list; plain models may be offered its tools");
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

/// The list without additions to the prompt; `None` when `printed` is not a model list.
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
            // codex's own request format hides tools among the messages and has no web search. The public format is what all
            // other clients send; whether ChatGPT accepts it for every model could not be tested without an account.
            ("use_responses_lite", Value::Bool(false)),
            ("include_skills_usage_instructions", Value::Bool(false)),
            ("include_plugin_usage_instructions", Value::Bool(false)),
            ("include_apps_usage_instructions", Value::Bool(false)),
            ("model_messages", Value::Null),
            ("base_instructions", json!("")),
            // codex sends these on its own: a terser answer, and a tier that costs more.
            ("default_verbosity", Value::Null),
            ("default_service_tier", Value::Null),
            // codex would drop a verbosity in silence. If the model has none, upstream says so.
            ("support_verbosity", Value::Bool(true)),
        ] {
            // An older codex may reject unknown fields.
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
    fn model_keeps_its_properties_and_loses_its_additions() {
        let printed = json!({ "models": [{
            "slug": "m", "apply_patch_tool_type": "freeform", "tool_mode": "code_mode_only", "context_window": 5,
            "base_instructions": "You are Codex.", "use_responses_lite": true, "support_verbosity": false,
            "default_verbosity": "low", "default_service_tier": "priority", "default_reasoning_level": "low"
        }]});
        let list = without_additions(printed.to_string().as_bytes()).unwrap();
        let expected = json!({ "models": [{
            "slug": "m", "apply_patch_tool_type": null, "tool_mode": null, "context_window": 5,
            "base_instructions": "", "use_responses_lite": false, "support_verbosity": true,
            "default_verbosity": null, "default_service_tier": null, "default_reasoning_level": "low"
        }]});
        assert_eq!(serde_json::from_slice::<Value>(&list).unwrap(), expected);
    }

    #[test]
    fn output_that_is_not_a_list_is_ignored() {
        for printed in ["", "error: unrecognized subcommand", "{}", "{\"models\":[]}", "{\"models\":[1]}"] {
            assert_eq!(without_additions(printed.as_bytes()), None, "{printed}");
        }
    }
}
