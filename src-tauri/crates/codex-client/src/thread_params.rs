//! What a thread is started with, by kind of model.
//!
//! The plain kind is told to leave out everything that codex would add of its own: what is left in the prompt is what
//! the client sent. Which switch does what was measured; unknown ones are ignored by codex, so the list serves every
//! version.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::protocol::SandboxMode;
use crate::threads::NewThread;
use crate::turn::{ThreadKind, ThreadProfile, Tool, WebSearch};

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

/// What a plain model is told when the client tells it nothing: ChatGPT refuses a request without any ("Instructions are
/// required").
pub(crate) const DEFAULT_INSTRUCTIONS: &str = "You are a helpful assistant.";

/// The parameters of `thread/start` for a plain model that only reads, without tools and instructions.
///
/// A benchmark that puts another client beside this crate starts the same thread with them.
#[must_use]
pub fn plain_thread_params(model: &str, workspace: &Path) -> Value {
    let profile = ThreadProfile {
        kind: ThreadKind::Plain,
        model: Some(model.to_owned()),
        workspace: workspace.to_owned(),
        sandbox: SandboxMode::ReadOnly,
        tools: [].into(),
        verbosity: None,
        service_tier: None,
        web_search: None,
    };
    thread_start(&NewThread { profile, instructions: None }, false)
}

/// The parameters of `thread/start`.
pub(crate) fn thread_start(thread: &NewThread, trusted: bool) -> Value {
    let NewThread { profile, instructions } = thread;
    let mut config = Map::new();
    // Without it a thread that was given up stays in codex's memory for long.
    config.insert("thread_unload_delay_secs".into(), 0.into());
    let mut params = json!({
        "cwd": profile.workspace,
        "sandbox": profile.sandbox,
        "approvalPolicy": "never",
        // No session file: the user's history of codex is theirs.
        "ephemeral": true,
        "experimentalRawEvents": true,
    });
    if let Some(model) = &profile.model {
        params["model"] = model.as_str().into();
    }
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
        // codex would note in the user's settings that it trusts a folder that it may write to. It does not when it is told
        // what to think of it.
        let folder = profile.workspace.display().to_string();
        config.insert("projects".into(), json!({ folder: { "trust_level": "untrusted" } }));
    }
    if profile.kind == ThreadKind::Plain {
        plain(&mut config);
        // In the place of codex's own.
        params["baseInstructions"] = instructions.as_deref().unwrap_or(DEFAULT_INSTRUCTIONS).into();
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
    // A schema that is no JSON cannot come from our callers; codex would complain about it by name.
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
