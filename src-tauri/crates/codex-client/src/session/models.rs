//! codex's model list, and a probe that starts codex only briefly.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Session;
use super::launch::launch;
use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::request::Effort;
use crate::status::Readiness;

/// A model in codex's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Model {
    /// The id to use in a turn.
    pub id: String,
    /// The name to show to people.
    pub display_name: String,
    /// One sentence.
    pub description: String,
    /// Whether codex hides it from its own menus.
    pub hidden: bool,
    /// Whether codex uses it if no other is named.
    pub is_default: bool,
    /// The reasoning efforts that it supports.
    #[serde(rename = "supportedReasoningEfforts", deserialize_with = "effort_names")]
    pub efforts: Vec<Effort>,
    /// `text`, `image`.
    pub input_modalities: Vec<String>,
}

fn effort_names<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Effort>, D::Error> {
    let entries = Vec::<Value>::deserialize(deserializer)?;
    Ok(entries.iter().filter_map(|entry| entry["reasoningEffort"].as_str()).map(Effort::from).collect())
}

/// The answer to `model/list`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModelPage {
    data: Vec<Model>,
    next_cursor: Option<String>,
}

/// Pages of the model list to read at most; codex has one.
const MAX_MODEL_PAGES: usize = 10;

/// How long codex may take to list its models during a probe.
const PROBE_MODELS_TIMEOUT: Duration = Duration::from_secs(5);

/// The result of [`probe`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// Version, capabilities and account.
    pub readiness: Readiness,
    /// The models; empty when codex did not list them in time.
    pub models: Vec<Model>,
}

/// Starts codex, reads its version, capabilities, account and models, and stops it.
///
/// # Errors
/// Whatever keeps codex from starting.
pub async fn probe(config: &CodexConfig) -> Result<ProbeResult, CodexError> {
    let instance = launch(config).await?;
    let readiness = instance.session.readiness.clone();
    // Fetching the models may take codex a while on a slow network; it is ready without them.
    let models = timeout(PROBE_MODELS_TIMEOUT, list_models(&instance.session)).await;
    instance.stop().await;
    Ok(ProbeResult { readiness, models: models.ok().and_then(Result::ok).unwrap_or_default() })
}

/// Reads codex's model list page by page; empty when codex has none.
pub(crate) async fn list_models(session: &Session) -> Result<Vec<Model>, CodexError> {
    let pages = if session.readiness.capabilities.model_list { MAX_MODEL_PAGES } else { 0 };
    let (mut models, mut params) = (Vec::new(), json!({}));
    for _ in 0..pages {
        let page: ModelPage = session.rpc.call("model/list", params).await?;
        models.extend(page.data);
        let Some(cursor) = page.next_cursor else { break };
        params = json!({ "cursor": cursor });
    }
    // codex marks its own default, whatever the user has configured.
    if let Some(configured) = configured_model(session).await {
        models.iter_mut().for_each(|model| model.is_default = model.id == configured);
    }
    Ok(models)
}

/// The model in the user's settings; `None` when there is none, or codex cannot read them.
async fn configured_model(session: &Session) -> Option<String> {
    let read: Value = session.rpc.call("config/read", json!({})).await.ok()?;
    read["config"]["model"].as_str().map(str::to_owned)
}
