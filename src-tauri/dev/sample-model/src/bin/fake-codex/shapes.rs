//! The JSON shapes of codex 0.169's app-server, copied from the real one.

use serde_json::{Value, json};

pub(crate) const FAILURE: &str = "scripted failure of fake-codex";

pub(crate) fn initialize(client: &str, version: &str) -> Value {
    json!({
        "userAgent": format!("{client}/{version} (fake; {})", std::env::consts::ARCH),
        "codexHome": std::env::var("CODEX_HOME").unwrap_or_default(),
        "platformFamily": std::env::consts::FAMILY, "platformOs": std::env::consts::OS,
    })
}

pub(crate) fn account(not_signed_in: bool) -> Value {
    json!({"account": null, "userId": null, "requiresOpenaiAuth": not_signed_in, "workspaceRouting": null})
}

/// The features that the model needs to ask questions and to generate pictures.
pub(crate) fn features() -> Value {
    let names = [
        "default_mode_request_user_input",
        "request_permissions_tool",
        "exec_permission_approvals",
        "image_generation",
    ];
    let feature = |name: &str| {
        json!({"name": name, "stage": "underDevelopment", "displayName": null,
        "description": null, "announcement": null, "enabled": false, "defaultEnabled": false})
    };
    json!({"data": names.map(feature), "nextCursor": null})
}

pub(crate) fn config() -> Value {
    json!({"config": {"model": "gpt-5.5", "model_provider": "fake", "approval_policy": null, "sandbox_mode": null,
        "mcp_servers": {}, "features": {}, "profile": null}, "origins": {}})
}

pub(crate) fn models() -> Value {
    json!({"data": [model("gpt-5.5", "GPT-5.5", true), model("gpt-5.5-mini", "GPT-5.5-Mini", false)], "nextCursor": null})
}

fn model(id: &str, name: &str, is_default: bool) -> Value {
    let efforts = ["low", "medium", "high", "xhigh"];
    let efforts =
        efforts.map(|effort| json!({"reasoningEffort": effort, "description": format!("{effort} effort")}));
    json!({
        "id": id, "model": id, "upgrade": null, "upgradeInfo": null, "availabilityNux": null, "displayName": name,
        "description": "A model of fake-codex.", "modelSpecialty": null, "hidden": false,
        "supportedReasoningEfforts": efforts, "defaultReasoningEffort": "medium", "inputModalities": ["text", "image"],
        "supportsPersonality": false, "multiAgentVersion": null, "additionalSpeedTiers": [], "serviceTiers": [],
        "defaultServiceTier": null, "availableAccessPrograms": null, "isDefault": is_default,
    })
}

pub(crate) fn diagnostics(resident: Option<u64>) -> Value {
    json!({"process": {"id": std::process::id(), "residentMemoryBytes": resident.unwrap_or(12_345_678), "physicalFootprintBytes": null},
        "gauges": [{"name": "app.requests.in_flight", "value": 1}, {"name": "app.requests.queued", "value": 0}]})
}

pub(crate) fn thread(id: &str, params: &Value, version: &str, now: u64) -> Value {
    let model = params["model"].as_str().unwrap_or("gpt-5.5");
    let cwd = params["cwd"].as_str().unwrap_or("/");
    json!({
        "thread": {
            "id": id, "environments": [], "extra": null, "sessionId": id, "forkedFromId": null, "parentThreadId": null,
            "preview": "", "ephemeral": params["ephemeral"] == true, "modelProvider": "fake", "model": model,
            "reasoningEffort": null, "createdAt": now, "updatedAt": now, "status": {"type": "idle"}, "path": null,
            "cwd": cwd, "cliVersion": version, "source": "vscode", "gitInfo": null, "name": null, "turns": [],
        },
        "model": model, "modelProvider": "fake", "serviceTier": null, "cwd": cwd, "instructionSources": [],
        "approvalPolicy": params["approvalPolicy"].as_str().unwrap_or("never"), "approvalsReviewer": "user",
        "sandbox": {"type": "readOnly", "networkAccess": false}, "reasoningEffort": null,
    })
}

pub(crate) fn turn(
    id: &str,
    status: &str,
    error: &Value,
    started: Option<u64>,
    completed: Option<u64>,
) -> Value {
    let duration = started.zip(completed).map(|(started, completed)| completed.saturating_sub(started));
    json!({"id": id, "rootTurnId": id, "items": [], "itemsView": "notLoaded", "status": status, "error": error,
        "startedAt": started.map(|ms| ms / 1000), "completedAt": completed.map(|ms| ms / 1000), "durationMs": duration})
}

pub(crate) fn turn_error(message: &str, code: &Value) -> Value {
    json!({"message": message, "codexErrorInfo": code, "additionalDetails": null, "misalignment": null})
}

pub(crate) fn agent_message(id: &str, text: &str) -> Value {
    json!({"type": "agentMessage", "moderation": null, "id": id, "text": text, "phase": null, "memoryCitation": null,
        "delivery": null, "questions": null})
}

/// Token usage, of a response and of the thread alike: the fake does not add it up.
pub(crate) fn usage() -> Value {
    json!({"totalTokens": 13, "inputTokens": 10, "cachedInputTokens": 4, "cacheWriteInputTokens": 0,
        "outputTokens": 3, "reasoningOutputTokens": 1})
}
