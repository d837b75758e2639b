//! `GET /v1/responses/{id}/input_items`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::error::ApiError;
use crate::openai::list::List;
use crate::server::extract::PathId;
use crate::server::middleware::auth::Caller;
use crate::server::paging::Paging;
use crate::server::response_store::{EndedResponse, StoredResponse};
use crate::server::state::Proxy;
use crate::store::Item;

/// What `include` names to get the images of messages.
const IMAGES: &str = "message.input_image.image_url";

/// List input items
///
/// Lists what a stored response was generated from, with the conversation before it, one page at a time.
#[utoipa::path(
    get, path = "/v1/responses/{id}/input_items", operation_id = "listInputItems", tag = "Responses", security(("key" = [])),
    params(
        ("id" = String, Path, description = "ID of the response."),
        ("after" = Option<String>, Query, description = "ID of the item after which the page begins: the `last_id` of the page before."),
        ("limit" = Option<u32>, Query, description = "Number of items, 1 to 100. Default 20."),
        ("order" = Option<String>, Query, description = "`desc`, latest first and the default, or `asc`."),
        ("include" = Option<Vec<String>>, Query, description = "`message.input_image.image_url` adds the images of messages. Others have no effect."),
    ),
    responses((status = 200, description = "A page of items.", body = List<Value>))
)]
pub(crate) async fn list(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    paging: Paging,
) -> Result<Json<List<Value>>, ApiError> {
    let Query(query) = query.map_err(|error| ApiError::bad_query(&error))?;
    let with_images = query
        .iter()
        .any(|(name, value)| name.starts_with("include") && value.split(',').any(|one| one == IMAGES));
    let items = match proxy.responses.find(&caller.id, &id).await {
        Some(StoredResponse::Running(running)) => running.input().to_vec(),
        Some(StoredResponse::Ended(ended)) => input_of(&ended),
        None => return Err(ApiError::response_not_found(&id)),
    };
    let mut page = paging.page(items.iter(), true)?;
    if !with_images {
        page.data.iter_mut().for_each(remove_images);
    }
    Ok(Json(page))
}

/// The items without those of the response itself.
fn input_of(ended: &EndedResponse) -> Vec<Item> {
    #[derive(serde::Deserialize)]
    struct Output {
        output: Vec<IgnoredAny>,
    }
    let output = serde_json::from_slice(&ended.body).map_or(0, |Output { output }| output.len());
    let mut items: Vec<Item> =
        ended.conversation.iter().flat_map(|batch| batch.items.iter().cloned()).collect();
    items.truncate(items.len().saturating_sub(output));
    items
}

/// Leaves out the images, which are large.
fn remove_images(item: &mut Value) {
    for list in ["content", "output"] {
        for part in item.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(part) = part.as_object_mut() {
                part.remove("image_url");
            }
        }
    }
}
