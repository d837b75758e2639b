//! The parameters of `thread/start`, by kind of model.
//!
//! For a plain model everything that codex would add to the prompt is switched off, so only the client's messages remain.
//! The effect of each switch was measured; codex ignores unknown ones, so one list serves every version.

use serde_json::{Map, Value, json};

use crate::request::{SandboxMode, ThreadKind, ThreadProfile, Tool, WebSearch};

/// codex features that add tools or text to the prompt.
const AGENT_FEATURES: &[&str] = &[
    "apps",
    "browser_use",
    "code_mode_host",
    "computer_use",
    "goals",
    IMAGE_FEATURE,
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

/// codex features with which the agent can ask for more than an approval; codex has them switched off.
pub(crate) const ASK_FEATURES: [&str; 3] =
    ["default_mode_request_user_input", "request_permissions_tool", "exec_permission_approvals"];

/// The codex feature with which a model generates images.
pub(crate) const IMAGE_FEATURE: &str = "image_generation";

/// A plain model's instructions when the client sends none: ChatGPT rejects a request without ("Instructions are required").
pub(crate) const DEFAULT_INSTRUCTIONS: &str = "You are a helpful assistant.";

/// The parameters of `thread/start` for `profile`.
///
/// Without MCP servers, the caller adds their names to `config` by `without_mcp_servers`. `instructions` are the client's, which replace codex's own for a plain model. `trusted` is whether the user trusts the
/// working folder.
#[must_use]
pub fn thread_start_params(profile: &ThreadProfile, instructions: Option<&str>, trusted: bool) -> Value {
    let mut config = Map::new();
    // Programs that codex starts may not understand the form that links are resolved to on Windows.
    let workspace = dunce::simplified(&profile.workspace);
    // Without it, codex keeps an unsubscribed thread in memory for a long time.
    config.insert("thread_unload_delay_secs".into(), 0.into());
    // The user's own programs are for the user's own turns. 0.120 knows the hooks by their former name.
    config.insert("notify".into(), json!([]));
    for hooks in ["features.hooks", "features.codex_hooks"] {
        config.insert(hooks.into(), false.into());
    }
    let mut params = json!({
        "model": profile.model,
        "cwd": workspace,
        "sandbox": profile.sandbox,
        "approvalPolicy": if profile.asks() { "on-request" } else { "never" },
        // No session file, unless the user wants it: API turns do not belong in the user's history.
        "ephemeral": !profile.keep,
        "experimentalRawEvents": true,
    });
    if let Some(tier) = &profile.service_tier {
        params["serviceTier"] = tier.as_str().into();
    }
    if let Some(instructions) = &profile.developer_instructions {
        params["developerInstructions"] = instructions.as_str().into();
    }
    if let Some(verbosity) = &profile.verbosity {
        config.insert("model_verbosity".into(), verbosity.as_str().into());
    }
    if !profile.tools.is_empty() {
        params["dynamicTools"] = profile.tools.iter().map(tool).collect();
    }
    if !trusted && profile.sandbox != SandboxMode::ReadOnly {
        // Without this, codex records a writable folder as trusted in the user's settings.
        let folder = workspace.display().to_string();
        config.insert("projects".into(), json!({ folder: { "trust_level": "untrusted" } }));
    }
    if profile.asks() {
        for feature in ASK_FEATURES {
            config.insert(format!("features.{feature}"), true.into());
        }
    }
    if profile.kind == ThreadKind::Plain {
        plain(&mut config);
        // Replaces codex's own.
        params["baseInstructions"] = instructions.unwrap_or(DEFAULT_INSTRUCTIONS).into();
        params["environments"] = json!([]);
    }
    if profile.image_generation {
        config.insert(format!("features.{IMAGE_FEATURE}"), true.into());
    }
    if profile.no_web_search {
        config.insert("web_search".into(), "disabled".into());
    } else if let Some(search) = &profile.web_search {
        config.insert("web_search".into(), if search.cached_only { "cached" } else { "live" }.into());
        if *search != (WebSearch { cached_only: search.cached_only, ..WebSearch::default() }) {
            config.insert("tools.web_search".into(), json!(search));
        }
    }
    params["config"] = Value::Object(config);
    params
}

/// Switches the MCP servers `names` off in the parameters of `thread/start`, and what brings further ones. An empty table would leave
/// them.
pub(super) fn without_mcp_servers<'a>(params: &mut Value, names: impl Iterator<Item = &'a String>) {
    let off: Map<String, Value> = names.map(|name| (name.clone(), json!({ "enabled": false }))).collect();
    params["config"]["mcp_servers"] = off.into();
    for feature in ["features.apps", "features.plugins"] {
        params["config"][feature] = false.into();
    }
}

fn tool(tool: &Tool) -> Value {
    // Callers send JSON; codex rejects anything else, naming the tool.
    let schema = serde_json::from_str::<Value>(&tool.schema).unwrap_or_default();
    json!({ "type": "function", "name": tool.name, "description": tool.description, "inputSchema": schema })
}

fn plain(config: &mut Map<String, Value>) {
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
}
