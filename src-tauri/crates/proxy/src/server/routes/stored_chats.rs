//! The routes of stored chat completions.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde_json::{Map, Value};

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::openai::chat::ChatRequest;
use crate::openai::completion::{Choice, Completion};
use crate::openai::list::{Deleted, List};
use crate::openai::stored_chat::{MetadataUpdate, StoredChat, StoredMessage};
use crate::server::extract::{JsonBody, PathId};
use crate::server::middleware::auth::Caller;
use crate::server::paging::{Paging, parse};
use crate::server::state::Proxy;
use crate::store::{Batch, Item, Kind, Object, Query, Stored};
use crate::translate::metadata;

/// A chat completion that will be stored.
#[derive(Debug)]
pub(super) struct ChatToStore {
    proxy: Proxy,
    key: String,
    id: String,
    metadata: BTreeMap<String, String>,
    messages: Vec<Item>,
}

impl ChatToStore {
    /// The chat of a request, if it is to be stored. `messages` are those of its body.
    pub(super) fn of(
        proxy: &Proxy,
        caller: &Caller,
        id: &str,
        request: &ChatRequest,
        messages: Vec<Item>,
    ) -> Result<Option<Self>, ApiError> {
        if request.store != Some(true) {
            return Ok(None);
        }
        let metadata = metadata::parse(request.metadata.as_ref())?;
        Ok(Some(Self { proxy: proxy.clone(), key: caller.id.clone(), id: id.to_owned(), metadata, messages }))
    }

    /// Stores it with its answer.
    pub(super) fn store(self, completion: &Completion<'_, Choice>) {
        let Self { proxy, key, id, metadata, messages } = self;
        let object = Object {
            id: id.clone(),
            key,
            kind: Kind::Chat,
            changed: unix_now(),
            model: completion.model.to_owned(),
            metadata,
            // Serializing our own types cannot fail.
            json: serde_json::to_vec(completion).unwrap_or_default().into(),
        };
        proxy.store.put(object, &[Arc::new(Batch { id, items: messages })]);
    }
}

/// List stored chat completions
///
/// Lists the chat completions created with `store: true` and the same key, oldest first.
#[utoipa::path(
    get, path = "/v1/chat/completions", operation_id = "listChatCompletions", tag = "Chat", security(("key" = [])),
    params(
        ("after" = Option<String>, Query, description = "ID after which the page begins."),
        ("limit" = Option<u32>, Query, description = "Entries of the page, 1 to 100. Default 20."),
        ("order" = Option<String>, Query, description = "`asc` (the default) or `desc`."),
        ("model" = Option<String>, Query, description = "Only completions of this model."),
        ("metadata" = Option<Object>, Query, style = DeepObject, explode, description = "Only those with these labels: `metadata[name]=value`.")
    ),
    responses((status = 200, description = "A page of chat completions.", body = List<StoredChat>))
)]
pub(crate) async fn list(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    paging: Paging,
) -> Result<Json<List<StoredChat>>, ApiError> {
    let limit = paging.limit()?;
    let query = Query {
        kind: Kind::Chat,
        after: paging.after().map(str::to_owned),
        descending: paging.is_descending(false)?,
        limit: limit + 1,
        model: paging.parameter("model").map(str::to_owned),
        metadata: paging.metadata(),
    };
    let mut found = proxy.store.list(&caller.id, &query).await;
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok(Json(List::new(found.iter().map(|object| (object.id.clone(), shown(object))).collect(), has_more)))
}

/// Retrieve stored chat completion
///
/// Returns a chat completion created with `store: true` and the same key.
#[utoipa::path(
    get, path = "/v1/chat/completions/{id}", operation_id = "getChatCompletion", tag = "Chat", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the chat completion.")),
    responses((status = 200, description = "The chat completion.", body = StoredChat))
)]
pub(crate) async fn one(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Json<StoredChat>, ApiError> {
    Ok(Json(shown(&find(&proxy, &caller, &id).await?.object)))
}

/// Update stored chat completion
///
/// Replaces the labels of a stored chat completion.
#[utoipa::path(
    post, path = "/v1/chat/completions/{id}", operation_id = "updateChatCompletion", tag = "Chat", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the chat completion.")),
    request_body = MetadataUpdate,
    responses((status = 200, description = "The chat completion with its new labels.", body = StoredChat))
)]
pub(crate) async fn update(
    State(proxy): State<Proxy>,
    PathId(id): PathId,
    JsonBody { caller, body }: JsonBody,
) -> Result<Json<StoredChat>, ApiError> {
    let metadata = metadata::parse(body.get("metadata"))?;
    // So that no other change comes between reading and writing.
    let _editing = proxy.editing.lock().await;
    let Stored { object, batches } = find(&proxy, &caller, &id).await?;
    let object = Object { metadata, ..Arc::unwrap_or_clone(object) };
    proxy.store.put(object.clone(), &batches);
    Ok(Json(shown(&object)))
}

/// Delete stored chat completion
///
/// Removes a stored chat completion and its messages.
#[utoipa::path(
    delete, path = "/v1/chat/completions/{id}", operation_id = "deleteChatCompletion", tag = "Chat", security(("key" = [])),
    params(("id" = String, Path, description = "ID of the chat completion.")),
    responses((status = 200, description = "The chat completion was deleted.", body = Deleted))
)]
pub(crate) async fn delete(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
) -> Result<Json<Deleted>, ApiError> {
    let _editing = proxy.editing.lock().await;
    if proxy.store.delete(&caller.id, Kind::Chat, &id).await {
        Ok(Json(Deleted { id, object: "chat.completion.deleted", deleted: true }))
    } else {
        Err(ApiError::chat_not_found(&id))
    }
}

/// List messages of a stored chat completion
///
/// Lists the messages of the request, oldest first.
#[utoipa::path(
    get, path = "/v1/chat/completions/{id}/messages", operation_id = "listChatCompletionMessages", tag = "Chat", security(("key" = [])),
    params(
        ("id" = String, Path, description = "ID of the chat completion."),
        ("after" = Option<String>, Query, description = "ID after which the page begins."),
        ("limit" = Option<u32>, Query, description = "Entries of the page, 1 to 100. Default 20."),
        ("order" = Option<String>, Query, description = "`asc` (the default) or `desc`.")
    ),
    responses((status = 200, description = "A page of messages.", body = List<StoredMessage>))
)]
pub(crate) async fn messages(
    State(proxy): State<Proxy>,
    Extension(caller): Extension<Caller>,
    PathId(id): PathId,
    paging: Paging,
) -> Result<Json<List<Value>>, ApiError> {
    let stored = find(&proxy, &caller, &id).await?;
    paging.page(stored.items(), false).map(Json)
}

async fn find(proxy: &Proxy, caller: &Caller, id: &str) -> Result<Stored, ApiError> {
    proxy.store.load(&caller.id, Kind::Chat, id).await.ok_or_else(|| ApiError::chat_not_found(id))
}

fn shown(object: &Object) -> StoredChat {
    let completion = match parse(&object.json) {
        Value::Object(completion) => completion,
        _ => Map::new(),
    };
    StoredChat { completion, metadata: object.metadata.clone() }
}
