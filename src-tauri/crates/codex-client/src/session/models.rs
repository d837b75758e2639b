//! codex's model list, and a probe that starts codex only briefly.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Session;
use super::launch::launch;
use super::limits;
use crate::config::CodexConfig;
use crate::error::CodexError;
use crate::request::{Effort, SandboxMode, ThreadProfile};
use crate::status::{Readiness, Refusal};
use crate::thread::NewThread;

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
    /// The effort without another choice; `None` when codex does not say.
    #[serde(rename = "defaultReasoningEffort")]
    pub default_effort: Option<Effort>,
    /// `text`, `image`.
    pub input_modalities: Vec<String>,
    /// The service tiers that it has besides the usual one.
    pub service_tiers: Vec<ServiceTier>,
    /// How many tokens a conversation may have, answers included; `None` when codex does not say.
    #[serde(skip)]
    pub context_window: Option<u64>,
    /// How many tokens an answer may have; `None` when codex does not say.
    #[serde(skip)]
    pub max_output_tokens: Option<u64>,
}

/// A service tier of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServiceTier {
    /// The id, as turns name it.
    pub id: String,
    /// The name to show to people.
    pub name: String,
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

/// How long codex may take to list its models, and to read the limits, during a probe.
const PROBE_MODELS_TIMEOUT: Duration = Duration::from_secs(5);

/// The result of [`probe`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// Version, capabilities and account.
    pub readiness: Readiness,
    /// The models; empty when codex did not list them in time.
    pub models: Vec<Model>,
}

/// Starts codex, reads its version, capabilities, account, models and usage limits, and stops it.
///
/// # Errors
/// Whatever keeps codex from starting.
pub async fn probe(config: &CodexConfig) -> Result<ProbeResult, CodexError> {
    let instance = launch(config, &Refusal::default()).await?;
    let readiness = instance.session.readiness.clone();
    // Fetching the models may take codex a while on a slow network; it is ready without them.
    let models = timeout(PROBE_MODELS_TIMEOUT, list_models(&instance.session));
    let limits = timeout(PROBE_MODELS_TIMEOUT, limits::read(&instance.session));
    let (models, _) = tokio::join!(models, limits);
    instance.stop().await;
    Ok(ProbeResult { readiness, models: models.ok().and_then(Result::ok).unwrap_or_default() })
}

/// The result of [`probe_agent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentProbe {
    /// Version, capabilities, account and warnings.
    pub readiness: Readiness,
    /// The sandbox mode that codex chose for the thread; `None` if it does not say so.
    pub sandbox: Option<SandboxMode>,
    /// The user's MCP servers that failed to start by now.
    pub failed_servers: Vec<String>,
}

/// Starts codex and a thread like those of turns, which also starts the user's MCP servers, and stops it. No prompt is
/// sent. An older codex has no threads, and starts none.
///
/// # Errors
/// Whatever keeps codex or the thread from starting.
pub async fn probe_agent(config: &CodexConfig, profile: &ThreadProfile) -> Result<AgentProbe, CodexError> {
    let instance = launch(config, &Refusal::default()).await?;
    let session = Arc::clone(&instance.session);
    let readiness = session.readiness.clone();
    let started = match readiness.capabilities.threads {
        true => {
            let thread = NewThread { profile: profile.clone(), instructions: None };
            session.start_thread_in_sandbox(&thread).await.map(|(_, sandbox)| sandbox)
        }
        false => Ok(None),
    };
    let failed_servers = session.mcp_servers.failed();
    drop(session);
    instance.stop().await;
    Ok(AgentProbe { readiness, sandbox: started?, failed_servers })
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
    for model in &mut models {
        let size = session.model_sizes.get(&model.id).copied().unwrap_or_default();
        (model.context_window, model.max_output_tokens) = (size.context_window, size.max_output_tokens);
    }
    Ok(models)
}

/// The model in the user's settings; `None` when there is none, or codex cannot read them.
async fn configured_model(session: &Session) -> Option<String> {
    let read: Value = session.rpc.call("config/read", json!({})).await.ok()?;
    read["config"]["model"].as_str().map(str::to_owned)
}
