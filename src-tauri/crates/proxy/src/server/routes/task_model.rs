//! Open WebUI's own calls (titles, tags, follow-ups, search queries), which no person typed: they go to the smallest model.
//!
//! `translate::tasks` knows their prompts, and `catalog` what is small. The form of the answer stays what was asked for.

use serde_json::{Map, Value};

use crate::exchange::log::Recorder;
use crate::models::catalog::is_agent;
use crate::models::smallest::{lowest_effort, smallest};
use crate::server::state::Proxy;
use crate::translate::answer_request::AnswerRequest;
use crate::translate::tasks::open_webui_task;

/// Which task of Open WebUI's this request is, if it is one; `conversation` is the field of its messages. A request to the agent
/// never is: its user chose that folder, those tools and that model.
pub(super) fn task(proxy: &Proxy, body: &Map<String, Value>, conversation: &str) -> Option<&'static str> {
    let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
    if is_agent(model, &proxy.settings) { None } else { open_webui_task(body, conversation) }
}

/// Has the smallest model answer a task at its lowest effort, if the settings say so. Where codex does not list its models the
/// request stays as it is; the look-up of its model says why.
pub(super) async fn to_smallest(proxy: &Proxy, request: &mut AnswerRequest, task: &str, log: &Recorder) {
    if !proxy.settings.task_model {
        return;
    }
    let Ok(models) = proxy.catalog.models(proxy.codex.plain()).await else { return };
    // A model of the settings that codex does not list is one of the user's own provider, which may know none of the list.
    let own = proxy.settings.model.as_ref();
    if own.is_some_and(|own| !models.iter().any(|model| model.id == *own)) {
        return;
    }
    let Some(model) = smallest(&models) else { return };
    request.model.clone_from(&model.id);
    request.effort = lowest_effort(model).cloned();
    let effort = request.effort.as_deref().map(|effort| format!(", {effort} effort")).unwrap_or_default();
    log.model(&model.id);
    let step = format!("A side call ({task}): goes to the smallest model");
    log.step(&step, Some(&format!("{}{effort}", model.id)), false);
}
