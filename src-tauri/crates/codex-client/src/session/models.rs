//! The models of codex, and a look at codex that keeps no process.

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

/// A model of codex's own list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Model {
    /// The id that a turn names it by.
    pub id: String,
    /// The name that people read.
    pub display_name: String,
    /// One sentence about it.
    pub description: String,
    /// Whether codex keeps it out of its own menus.
    pub hidden: bool,
    /// Whether codex takes it when none is named.
    pub is_default: bool,
    /// The efforts that it knows.
    #[serde(rename = "supportedReasoningEfforts", deserialize_with = "effort_names")]
    pub efforts: Vec<Effort>,
    /// What it reads: `text`, `image`.
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

/// Pages of the model list that are read at most; codex has one.
const MAX_MODEL_PAGES: usize = 10;

/// How long a codex that is only probed may take to list its models.
const PROBE_MODELS_TIMEOUT: Duration = Duration::from_secs(5);

/// A codex that was probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// What it is and can do.
    pub readiness: Readiness,
    /// Its models; none when it did not list them in time.
    pub models: Vec<Model>,
}

/// Starts codex, asks what it is, what it can do and which models it has, and ends it again.
///
/// # Errors
/// Whatever keeps it from answering.
pub async fn probe(config: &CodexConfig) -> Result<ProbeResult, CodexError> {
    let instance = launch(config).await?;
    let readiness = instance.session.readiness.clone();
    // A codex that looks for its models in the network may have to wait for it; it is ready all the same.
    let models = timeout(PROBE_MODELS_TIMEOUT, list_models(&instance.session)).await;
    instance.stop().await;
    Ok(ProbeResult { readiness, models: models.ok().and_then(Result::ok).unwrap_or_default() })
}

/// codex's own list of models, page by page; empty when it has none.
pub(crate) async fn list_models(session: &Session) -> Result<Vec<Model>, CodexError> {
    let pages = if session.readiness.capabilities.model_list { MAX_MODEL_PAGES } else { 0 };
    let (mut models, mut params) = (Vec::new(), json!({}));
    for _ in 0..pages {
        let page: ModelPage = session.rpc.call("model/list", params).await?;
        models.extend(page.data);
        let Some(cursor) = page.next_cursor else { break };
        params = json!({ "cursor": cursor });
    }
    Ok(models)
}
