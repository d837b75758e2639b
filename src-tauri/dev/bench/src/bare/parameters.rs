//! What the bare client sends to codex: what the proxy sends for a plain chat model, word for word.
//!
//! It is a copy of codex-client's `thread_params.rs`, made on purpose: a yardstick that used that crate would move with
//! it. A test below fails when the two have grown apart.

use std::path::Path;

use serde_json::{Map, Value, json};

/// The model that is asked for on all sides.
pub(crate) const MODEL: &str = sample_model::codex_home::MODEL;

/// Features of codex that put tools or text into the prompt.
const AGENT_FEATURES: &[&str] = &[
    "apps",
    "browser_use",
    "code_mode_host",
    "computer_use",
    "goals",
    "hooks",
    "image_generation",
    "in_app_browser",
    "incremental_tools",
    "memories",
    "multi_agent",
    "plugins",
    "shell_snapshot",
    "shell_tool",
    "skill_mcp_dependency_install",
    "skill_search",
    "sleep_tool",
    "tool_suggest",
    "unified_exec",
    "view_image",
    "workspace_dependencies",
];

/// The parameters of `thread/start`.
pub(crate) fn thread_start(workspace: &Path) -> Value {
    let mut config = Map::new();
    config.insert("thread_unload_delay_secs".into(), 0.into());
    for feature in AGENT_FEATURES {
        config.insert(format!("features.{feature}"), false.into());
    }
    for (key, value) in [
        ("include_apps_instructions", json!(false)),
        ("include_collaboration_mode_instructions", json!(false)),
        ("include_environment_context", json!(false)),
        ("include_permissions_instructions", json!(false)),
        ("project_doc_max_bytes", json!(0)),
        ("skills.bundled.enabled", json!(false)),
        ("skills.include_instructions", json!(false)),
        ("tools.experimental_request_user_input.enabled", json!(false)),
        ("web_search", json!("disabled")),
    ] {
        config.insert(key.into(), value);
    }
    json!({
        "model": MODEL,
        "cwd": workspace,
        "sandbox": "read-only",
        "approvalPolicy": "never",
        "ephemeral": true,
        "experimentalRawEvents": true,
        "baseInstructions": "You are a helpful assistant.",
        "environments": [],
        "config": config,
    })
}

/// The parameters of `turn/start`.
pub(crate) fn turn_start(thread: &str, prompt: &str) -> Value {
    let input = json!({ "type": "text", "text": prompt, "text_elements": [] });
    json!({ "threadId": thread, "input": [input], "summary": "auto" })
}

/// The parameters of `thread/inject_items`, for one earlier turn.
pub(crate) fn inject_items(thread: &str, prompt: &str, answer: &str) -> Value {
    let message = |role, kind, text| {
        let part = json!({ "type": kind, "text": text });
        json!({ "type": "message", "role": role, "content": [part] })
    };
    let items = [message("user", "input_text", prompt), message("assistant", "output_text", answer)];
    json!({ "threadId": thread, "items": items })
}

/// The parameters of `initialize`. The notifications that are not wanted are those of codex-client's `OPT_OUT`.
pub(crate) fn initialize() -> Value {
    json!({
        "clientInfo": { "name": "bare-client", "title": "Bare client", "version": env!("CARGO_PKG_VERSION") },
        "capabilities": {
            "experimentalApi": true,
            "requestAttestation": false,
            "optOutNotificationMethods": [
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
            ],
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    /// The words of the proxy's that an agent's thread needs, or one with tools, and a plain chat without them does not.
    const NOT_OURS: &[&str] = &[
        "description",
        "dynamicTools",
        "function",
        "inputSchema",
        "live",
        "model_verbosity",
        "name",
        "projects",
        "serviceTier",
        "tools.web_search",
        "trust_level",
        "type",
        "untrusted",
    ];

    /// Every string of the code, without comments and tests.
    fn words(source: &str) -> BTreeSet<&str> {
        let code = source.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.flat_map(|line| line.split('"').skip(1).step_by(2)).collect()
    }

    #[test]
    fn a_thread_is_started_with_what_the_proxy_starts_it_with() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/codex-client/src/thread_params.rs");
        let theirs = fs::read_to_string(&path).unwrap();
        let theirs: BTreeSet<&str> =
            words(&theirs).into_iter().filter(|word| !NOT_OURS.contains(word)).collect();
        let ours = include_str!("parameters.rs");
        let begin = ours.find("const AGENT_FEATURES").unwrap();
        let end = ours.find("/// The parameters of `turn/start`").unwrap();
        let mut ours = words(&ours[begin..end]);
        // The one that the proxy takes from its settings.
        ours.remove("read-only");
        assert_eq!(ours, theirs, "make parameters.rs of the bench what {} is", path.display());
    }

    #[test]
    fn what_is_not_wanted_is_what_the_proxy_does_not_want() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/codex-client/src/notifications.rs");
        let source = fs::read_to_string(&path).unwrap();
        let list = source.split("OPT_OUT").nth(1).unwrap().split("];").next().unwrap();
        let ours = initialize();
        let ours = ours["capabilities"]["optOutNotificationMethods"].as_array().unwrap();
        let ours: BTreeSet<&str> = ours.iter().filter_map(Value::as_str).collect();
        assert_eq!(ours, words(list), "make parameters.rs of the bench what {} is", path.display());
    }
}
