//! The arguments of `codex exec`, by kind of model.
//!
//! The conversation is passed on stdin, instructions and schemas in files: arguments are visible in process lists, and
//! Windows limits them to 32 KB.

use std::path::Path;

use crate::request::{ThreadKind, TurnRequest};

/// Settings that remove what they can from a plain model's prompt; codex ignores unknown ones. What remains is the shell
/// tool in 0.44, and the plan, patch and MCP resource tools in 0.60; both describe the folder and the sandbox.
const PLAIN: &[&str] = &[
    "features.shell_tool=false",
    "features.unified_exec=false",
    "features.view_image_tool=false",
    "features.web_search_request=false",
    "include_apply_patch_tool=false",
    "include_plan_tool=false",
    "include_view_image_tool=false",
    "project_doc_max_bytes=0",
    "tools.view_image=false",
    "tools.web_search=false",
];

/// The arguments; the working folder is the process's. `instructions` is a file that replaces codex's own instructions,
/// `schema` a file with the answer's schema.
pub(crate) fn args(request: &TurnRequest, instructions: Option<&Path>, schema: Option<&Path>) -> Vec<String> {
    let profile = &request.profile;
    let mut args: Vec<String> =
        ["exec", "--json", "--skip-git-repo-check", "--color", "never", "-s", profile.sandbox.name()]
            .map(str::to_owned)
            .into();
    let mut set = |setting: String| args.extend(["-c".to_owned(), setting]);
    // The user's notify program must not run for API turns.
    set("notify=[]".to_owned());
    set(string("model_reasoning_summary", if request.reasoning_summary { "auto" } else { "none" }));
    for (key, value) in [
        ("model_reasoning_effort", &request.effort),
        ("model_verbosity", &profile.verbosity),
        ("service_tier", &profile.service_tier),
    ] {
        if let Some(value) = value {
            set(string(key, value));
        }
    }
    if profile.kind == ThreadKind::Plain {
        PLAIN.iter().for_each(|setting| set((*setting).to_owned()));
    }
    if profile.web_search.is_some() {
        set("tools.web_search=true".to_owned());
    }
    if let Some(file) = instructions {
        set(string("experimental_instructions_file", &file.to_string_lossy()));
    }
    if let Some(file) = schema {
        args.extend(["--output-schema".to_owned(), file.to_string_lossy().into_owned()]);
    }
    if let Some(model) = &profile.model {
        // In one argument, so that no model name is taken for an option.
        args.push(format!("--model={model}"));
    }
    args.push("-".to_owned());
    args
}

/// A setting whose value is valid JSON, which 0.44 reads, and valid TOML, which later versions read.
fn string(key: &str, value: &str) -> String {
    format!("{key}={}", serde_json::Value::from(value))
}
