//! A look at codex without keeping a process: what it is, what it can do, and which models it has.

use std::time::Duration;

use tokio::time::timeout;

use crate::codex::{CodexConfig, Readiness};
use crate::error::CodexError;
use crate::item::{Model, ModelPage};
use crate::rpc::connection::Connection;
use crate::session::launch::{self, Started};

/// Pages of the model list that are read at most; codex has one.
const MODEL_PAGES: usize = 10;

/// How long a codex that is only looked at may take to tell its models.
const PROBED_MODELS_LIMIT: Duration = Duration::from_secs(5);

/// A codex that was started to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// What it is and can do.
    pub readiness: Readiness,
    /// Its models; none when it did not tell them soon.
    pub models: Vec<Model>,
}

/// Starts codex, asks it what it is, what it can do and which models it has, and ends it again: how things stand, without
/// keeping a process.
///
/// # Errors
/// Whatever keeps it from answering.
pub async fn probe(config: &CodexConfig) -> Result<Probed, CodexError> {
    let Started { mut process, connection, readiness, .. } = launch::start(config).await?;
    // A codex that looks for its models in the network may have to wait for it; they are no reason to call it not ready.
    let models = match timeout(PROBED_MODELS_LIMIT, list_models(&connection)).await {
        Ok(Ok(models)) => models,
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    connection.closed.cancel();
    process.kill().await;
    connection.tasks.wait().await;
    Ok(Probed { readiness, models })
}

/// codex's own list of models, page by page; empty when it has none.
pub(crate) async fn list_models(connection: &Connection) -> Result<Vec<Model>, CodexError> {
    let mut models = Vec::new();
    if !connection.can().model_list {
        return Ok(models);
    }
    let mut cursor: Option<String> = None;
    for _ in 0..MODEL_PAGES {
        let params = match &cursor {
            Some(cursor) => serde_json::json!({ "cursor": cursor }),
            None => serde_json::json!({}),
        };
        let page: ModelPage = connection.call("model/list", params).await?;
        models.extend(page.data);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(models)
}
