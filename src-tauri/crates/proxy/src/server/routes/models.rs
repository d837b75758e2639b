//! `GET /v1/models` and `GET /v1/models/{id}`.

use axum::extract::State;
use axum::{Extension, Json};
use codex_client::Model;

use crate::error::ApiError;
use crate::models::catalog::CODEX_LOCAL;
use crate::models::entries::Entries;
use crate::openai::model::{ModelEntry, ModelList};
use crate::server::extract::PathId;
use crate::server::middleware::auth::Caller;
use crate::server::state::Proxy;
use crate::settings::Settings;

/// List models
///
/// Lists the models that requests can use. codex is asked again after five minutes, and whenever its version or the account changes.
#[utoipa::path(
    get, path = "/v1/models", operation_id = "listModels", tag = "Models", security(("key" = [])),
    responses((status = 200, description = "The models.", body = ModelList))
)]
pub(crate) async fn list(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ModelList>, ApiError> {
    let models = proxy.catalog.models(proxy.codex.plain()).await?;
    let settings = proxy.settings();
    let mut data = entries(&proxy, &models, &settings).all();
    data.retain(|entry| caller.may_use(&entry.id, &settings));
    caller.retain_reachable(&mut data, &settings).await;
    Ok(Json(ModelList { object: "list", data }))
}

/// Retrieve model
///
/// Returns a model by its ID or alias.
#[utoipa::path(
    get, path = "/v1/models/{id}", operation_id = "getModel", tag = "Models", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the model, or an alias.", example = "codex-local")),
    responses((status = 200, description = "The model.", body = ModelEntry))
)]
pub(crate) async fn one(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Json<ModelEntry>, ApiError> {
    let settings = proxy.settings();
    caller.check_model(&id, &settings)?;
    if id == CODEX_LOCAL {
        // It is there although codex cannot list its models.
        let models = proxy.catalog.models(proxy.codex.plain()).await.unwrap_or_default();
        return Ok(Json(entries(&proxy, &models, &settings).one(&id)));
    }
    proxy.catalog.look_up(&id, proxy.codex.plain(), &settings).await?;
    let models = proxy.catalog.models(proxy.codex.plain()).await?;
    Ok(Json(entries(&proxy, &models, &settings).one(&id)))
}

fn entries<'a>(proxy: &Proxy, models: &'a [Model], settings: &'a Settings) -> Entries<'a> {
    Entries { models, capabilities: proxy.catalog.capabilities(), settings, created: proxy.started }
}
