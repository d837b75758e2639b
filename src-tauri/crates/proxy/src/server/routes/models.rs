//! `GET /v1/models` and `GET /v1/models/{id}`.

use axum::Json;
use axum::extract::State;

use crate::error::ApiError;
use crate::models::catalog::{self, CODEX_LOCAL};
use crate::openai::error::ErrorBody;
use crate::openai::model::{ModelEntry, ModelList};
use crate::server::extract::PathId;
use crate::server::state::Proxy;

/// The models that answer.
#[utoipa::path(
    get, path = "/v1/models", tag = "Models", security(("key" = [])),
    responses((status = 200, body = ModelList), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn list(State(proxy): State<Proxy>) -> Result<Json<ModelList>, ApiError> {
    let models = proxy.catalog.models(proxy.codex.plain()).await?;
    let data = catalog::entries(&models, &proxy.settings, proxy.started);
    Ok(Json(ModelList { object: "list", data }))
}

/// One model.
#[utoipa::path(
    get, path = "/v1/models/{id}", tag = "Models", security(("key" = [])),
    params(("id" = String, Path, description = "The model's id", example = "codex-local")),
    responses((status = 200, body = ModelEntry), (status = "default", description = "An error", body = ErrorBody))
)]
pub(crate) async fn one(
    State(proxy): State<Proxy>,
    PathId(id): PathId,
) -> Result<Json<ModelEntry>, ApiError> {
    if id == CODEX_LOCAL {
        return Ok(Json(catalog::entry_of(&id, &[], &proxy.settings, proxy.started)));
    }
    proxy.catalog.look_up(&id, proxy.codex.plain(), &proxy.settings).await?;
    let models = proxy.catalog.models(proxy.codex.plain()).await?;
    Ok(Json(catalog::entry_of(&id, &models, &proxy.settings, proxy.started)))
}
