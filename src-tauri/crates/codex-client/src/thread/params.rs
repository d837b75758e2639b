//! What a thread is started with, by kind of model.
//!
//! For the plain kind everything is switched off that codex would add to the prompt: what is left is what the client
//! sent. Which switch does what was measured; codex ignores unknown ones, so the list serves every version.

use serde_json::{Map, Value, json};

use crate::request::{SandboxMode, ThreadKind, ThreadProfile, Tool, WebSearch};

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

/// The instructions of a plain model when the client sends none: ChatGPT refuses a request without ("Instructions are
/// required").
pub(crate) const DEFAULT_INSTRUCTIONS: &str = "You are a helpful assistant.";

/// The parameters of `thread/start` for a thread like `profile`.
///
/// `instructions` are the client's, which a plain model gets in the place of codex's own. `trusted` is whether the user
/// trusts the working folder.
#[must_use]
pub fn thread_start_params(profile: &ThreadProfile, instructions: Option<&str>, trusted: bool) -> Value {
    let mut config = Map::new();
    // Without it a thread that was given up stays in codex's memory for long.
    config.insert("thread_unload_delay_secs".into(), 0.into());
    let mut params = json!({
        "model": profile.model,
        "cwd": profile.workspace,
        "sandbox": profile.sandbox,
        "approvalPolicy": "never",
        // No session file: the user's history of codex is theirs.
        "ephemeral": true,
        "experimentalRawEvents": true,
    });
    if let Some(tier) = &profile.service_tier {
        params["serviceTier"] = tier.as_str().into();
    }
    if let Some(verbosity) = &profile.verbosity {
        config.insert("model_verbosity".into(), verbosity.as_str().into());
    }
    if !profile.tools.is_empty() {
        params["dynamicTools"] = profile.tools.iter().map(tool).collect();
    }
    if !trusted && profile.sandbox != SandboxMode::ReadOnly {
        // Without this codex notes in the user's settings that it trusts a folder that it may write to.
        let folder = profile.workspace.display().to_string();
        config.insert("projects".into(), json!({ folder: { "trust_level": "untrusted" } }));
    }
    if profile.kind == ThreadKind::Plain {
        plain(&mut config);
        // In the place of codex's own.
        params["baseInstructions"] = instructions.unwrap_or(DEFAULT_INSTRUCTIONS).into();
        params["environments"] = json!([]);
    }
    if let Some(search) = &profile.web_search {
        config.insert("web_search".into(), "live".into());
        if *search != WebSearch::default() {
            config.insert("tools.web_search".into(), json!(search));
        }
    }
    params["config"] = Value::Object(config);
    params
}

fn tool(tool: &Tool) -> Value {
    // Our callers send JSON; codex rejects anything else by the tool's name.
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
