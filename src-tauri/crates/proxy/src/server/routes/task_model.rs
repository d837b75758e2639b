//! Sends Open WebUI's background tasks (titles, tags, follow-ups, search queries) to the smallest model.
//!
//! `translate::tasks` recognises the prompts and `models::smallest` picks the model. The requested answer format
//! stays.

use serde_json::{Map, Value};

use crate::exchange::log::Recorder;
use crate::models::catalog::is_agent;
use crate::models::smallest::{lowest_effort, smallest};
use crate::server::middleware::auth::Caller;
use crate::server::state::Proxy;
use crate::translate::answer_request::AnswerRequest;
use crate::translate::tasks::open_webui_task;

/// The Open WebUI task of this request, if it is one; `conversation` is the field with its messages. Requests to the
/// agent never are: their user chose its folder, tools and model.
pub(in crate::server) fn task(
    proxy: &Proxy,
    body: &Map<String, Value>,
    conversation: &str,
) -> Option<&'static str> {
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
    if is_agent(model, &proxy.settings()) { None } else { open_webui_task(body, conversation) }
}

/// Marks a task as one-shot and redirects it to the smallest model at its lowest effort, if enabled. If codex cannot
/// list its models, the model stays the requested one; looking it up then reports the error. It stays too if the key may not use
/// the smallest.
pub(in crate::server) async fn use_smallest(
    proxy: &Proxy,
    caller: &Caller,
    request: &mut AnswerRequest,
    task: &str,
    log: &Recorder,
) {
    request.one_shot = true;
    let settings = proxy.settings();
    if !settings.task_model {
        return;
    }
    let Ok(models) = proxy.catalog.models(proxy.codex.plain()).await else { return };
    // A configured model that codex does not list belongs to the user's own provider, which may know none of the
    // listed ones.
    let configured = settings.model.as_ref();
    if configured.is_some_and(|configured| !models.iter().any(|model| model.id == *configured)) {
        return;
    }
    let Some(model) = smallest(&models).filter(|model| caller.may_use(&model.id, &settings)) else { return };
    request.model.clone_from(&model.id);
    request.effort = lowest_effort(model).cloned();
    let effort = request.effort.as_deref().map(|effort| format!(", {effort} effort")).unwrap_or_default();
    log.model(&model.id);
    let step = format!("Background task ({task}): sent to the smallest model");
    log.step(&step, Some(&format!("{}{effort}", model.id)), false);
}
