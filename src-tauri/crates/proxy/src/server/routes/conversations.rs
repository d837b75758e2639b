//! `/v1/conversations` and their items.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::{Extension, Json};
use serde_json::{Map, Value, json};

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::openai::conversation::{Conversation, NewConversation, NewItems};
use crate::openai::list::{Deleted, List};
use crate::openai::responses::request::InputItem;
use crate::openai::stored_chat::MetadataUpdate;
use crate::openai::text_or::TextOr;
use crate::server::conversations::Edit;
use crate::server::extract::{JsonBody, PathId, parse_body};
use crate::server::middleware::auth::Caller;
use crate::server::paging::{Paging, parse};
use crate::server::state::Proxy;
use crate::store::{Batch, Item, Kind, Object, Stored};
use crate::translate::metadata;
use crate::translate::parameters::Verdict;
use crate::translate::response_events::Ids;
use crate::translate::responses::{StoredItem, foreign, parse_input, references, with_id};

/// Maximum items that one request adds.
const MAX_ITEMS: usize = 20;

/// Create conversation
///
/// Creates a conversation, whose items responses continue and add to.
#[utoipa::path(
    post, path = "/v1/conversations", operation_id = "createConversation", tag = "Conversations", security(("key" = [])),
    request_body = NewConversation,
    responses((status = 200, description = "The conversation.", body = Conversation))
)]
pub(crate) async fn create(
    State(proxy): State<Proxy>,
    JsonBody { caller, mut body }: JsonBody,
) -> Result<Json<Conversation>, ApiError> {
    let metadata = metadata::parse(body.get("metadata"))?;
    let items = match body.remove("items") {
        None | Some(Value::Null) => Vec::new(),
        Some(items) => parse_items(&proxy, &caller, items, &BTreeSet::new()).await?,
    };
    let uuid = uuid::Uuid::now_v7().simple();
    let now = unix_now();
    let object = Object {
        id: format!("conv_{uuid}"),
        key: caller.id,
        kind: Kind::Conversation,
        changed: now,
        model: String::new(),
        metadata,
        json: json!({ "created_at": now }).to_string().into(),
    };
    let shown = shown(&object);
    let first = (!items.is_empty()).then(|| batch(items));
    proxy.conversations.create(object, first.as_slice());
    Ok(Json(shown))
}

/// Retrieve conversation
///
/// Returns a conversation without its items.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", operation_id = "getConversation", tag = "Conversations", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the conversation.")),
    responses((status = 200, description = "The conversation.", body = Conversation))
)]
pub(crate) async fn one(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(shown(&proxy.conversations.find(&caller.id, &id).await?.object)))
}

/// Update conversation
///
/// Replaces the labels of a conversation.
#[utoipa::path(
    post, path = "/v1/conversations/{id}", operation_id = "updateConversation", tag = "Conversations", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the conversation.")),
    request_body = MetadataUpdate,
    responses((status = 200, description = "The conversation with its new labels.", body = Conversation))
)]
pub(crate) async fn update(
    State(proxy): State<Proxy>,
    PathId(id): PathId,
    JsonBody { caller, body }: JsonBody,
) -> Result<Json<Conversation>, ApiError> {
    let metadata = metadata::parse(body.get("metadata"))?;
    let change = |stored: &Stored| {
        let result = Conversation { metadata: metadata.clone(), ..shown(&stored.object) };
        Ok(Edit { metadata: Some(metadata), batches: stored.batches.clone(), result })
    };
    proxy.conversations.edit(&caller.id, &id, change).await.map(Json)
}

/// Delete conversation
///
/// Deletes a conversation with its items. Its responses stay.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}", operation_id = "deleteConversation", tag = "Conversations", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the conversation.")),
    responses((status = 200, description = "The conversation was deleted.", body = Deleted))
)]
pub(crate) async fn delete(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Json<Deleted>, ApiError> {
    if proxy.conversations.delete(&caller.id, &id).await {
        Ok(Json(Deleted { id, object: "conversation.deleted", deleted: true }))
    } else {
        Err(ApiError::conversation_not_found(&id))
    }
}

/// Create items
///
/// Adds items to the end of a conversation.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/items", operation_id = "createConversationItems", tag = "Conversations", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the conversation.")),
    request_body = NewItems,
    responses((status = 200, description = "The new items.", body = List<Object>))
)]
pub(crate) async fn create_items(
    State(proxy): State<Proxy>,
    PathId(id): PathId,
    JsonBody { caller, mut body }: JsonBody,
) -> Result<Json<List<Value>>, ApiError> {
    let Some(items) = body.remove("items").filter(|items| !items.is_null()) else {
        return Err(ApiError::invalid("items", "items: missing field `items`."));
    };
    let stored = proxy.conversations.find(&caller.id, &id).await?;
    let taken = stored.items().map(|item| item.id.clone()).collect();
    let items = parse_items(&proxy, &caller, items, &taken).await?;
    let shown = items.iter().map(|item| (item.id.clone(), parse(&item.json))).collect();
    let change = |stored: &Stored| {
        let batches = [stored.batches.as_slice(), &[batch(items)]].concat();
        Ok(Edit { metadata: None, batches, result: List::new(shown, false) })
    };
    proxy.conversations.edit(&caller.id, &id, change).await.map(Json)
}

/// List items
///
/// Lists the items of a conversation, latest first.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/items", operation_id = "listConversationItems", tag = "Conversations", security(("key" = [])),
    params(
        ("id" = String, Path, description = "ID of the conversation."),
        ("after" = Option<String>, Query, description = "ID after which the page begins."),
        ("limit" = Option<u32>, Query, description = "Entries of the page, 1 to 100. Default 20."),
        ("order" = Option<String>, Query, description = "`desc` (the default) or `asc`.")
    ),
    responses((status = 200, description = "A page of items.", body = List<Object>))
)]
pub(crate) async fn list_items(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    paging: Paging,
) -> Result<Json<List<Value>>, ApiError> {
    let stored = proxy.conversations.find(&caller.id, &id).await?;
    paging.page(stored.items(), true).map(Json)
}

/// Retrieve item
///
/// Returns an item of a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/items/{item}", operation_id = "getConversationItem", tag = "Conversations", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the conversation."), ("item" = String, Path, description = "ID of the item.")),
    responses((status = 200, description = "The item.", body = Object))
)]
pub(crate) async fn one_item(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    ItemPath { id, item }: ItemPath,
) -> Result<Json<Value>, ApiError> {
    let stored = proxy.conversations.find(&caller.id, &id).await?;
    let found = stored.items().find(|one| one.id == item);
    found.map(|item| Json(parse(&item.json))).ok_or_else(|| ApiError::item_not_found(&item))
}

/// Delete item
///
/// Deletes an item of a conversation. Responses that it is part of keep it.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/items/{item}", operation_id = "deleteConversationItem", tag = "Conversations", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the conversation."), ("item" = String, Path, description = "ID of the item.")),
    responses((status = 200, description = "The conversation.", body = Conversation))
)]
pub(crate) async fn delete_item(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    ItemPath { id, item }: ItemPath,
) -> Result<Json<Conversation>, ApiError> {
    let change = |stored: &Stored| {
        let has_it = |batch: &Arc<Batch>| batch.items.iter().any(|one| one.id == item);
        let first = stored.batches.iter().position(has_it).ok_or_else(|| ApiError::item_not_found(&item))?;
        // A batch comes after the same ones everywhere, so all from this one on are replaced.
        let (kept, changed) = stored.batches.split_at(first);
        let items = changed.iter().flat_map(|batch| &batch.items).filter(|one| one.id != item).cloned();
        let batches = [kept, &[batch(items.collect())]].concat();
        Ok(Edit { metadata: None, batches, result: shown(&stored.object) })
    };
    proxy.conversations.edit(&caller.id, &id, change).await.map(Json)
}

/// The ids of a conversation and of one of its items in a path.
#[derive(Debug)]
pub(crate) struct ItemPath {
    id: String,
    item: String,
}

impl FromRequestParts<Proxy> for ItemPath {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Parts, proxy: &Proxy) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(head, proxy).await;
        path.map(|Path((id, item))| Self { id, item })
            .map_err(|_| ApiError::invalid("id", "The id in the address is not valid UTF-8."))
    }
}

/// A batch with a new id.
fn batch(items: Vec<Item>) -> Arc<Batch> {
    Arc::new(Batch { id: format!("batch_{}", uuid::Uuid::now_v7().simple()), items })
}

/// Parses items for a conversation in which these ids are `taken`. They are checked like the input of a response.
async fn parse_items(
    proxy: &Proxy,
    caller: &Caller,
    items: Value,
    taken: &BTreeSet<String>,
) -> Result<Vec<Item>, ApiError> {
    let is_list = items.as_array().is_some_and(|items| items.len() <= MAX_ITEMS);
    if !is_list {
        let message = format!("items must be an array of up to {MAX_ITEMS} items.");
        return Err(ApiError::invalid("items", message));
    }
    let mut body = Map::from_iter([("input".to_owned(), items)]);
    foreign::replace(&mut body);
    let parse = |body| {
        let verdict = |_: &str, _: &Value, _: &Map<String, Value>| Verdict::Accepted;
        parse_body::<Input>(body, verdict).map(|(input, _)| input.input)
    };
    let input = parse(body).map_err(ApiError::of_conversations)?;
    let stored = proxy.responses.items(&caller.id, &references(Some(&input))).await;
    let mut ids = Ids::new(uuid::Uuid::now_v7().simple().to_string());
    let (added, forgotten) =
        parse_input(input, &|id| stored.take(id), &mut ids).map_err(ApiError::of_conversations)?;
    if forgotten {
        return Err(ApiError::invalid("items", "A reference leads to an item that is not stored."));
    }
    let mut known: HashSet<String> = taken.iter().cloned().collect();
    let items = added.iter().filter_map(StoredItem::to_api).map(|item| {
        if known.insert(item.id.clone()) {
            return item;
        }
        // An id is unique within a conversation.
        let prefix = item.id.split('_').next().unwrap_or("item").to_owned();
        with_id(&item, ids.item(&prefix))
    });
    Ok(items.collect())
}

/// Items under the name of a response's input.
#[derive(serde::Deserialize)]
struct Input {
    input: TextOr<InputItem>,
}

fn shown(object: &Object) -> Conversation {
    Conversation {
        id: object.id.clone(),
        object: "conversation",
        created_at: parse(&object.json)["created_at"].as_u64().unwrap_or_default(),
        metadata: object.metadata.clone(),
    }
}
