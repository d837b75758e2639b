//! `POST /v1/images/generations` and `/v1/images/edits`: each image is a turn of a plain model whose only tool generates images.

use axum::Json;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use codex_client::{Picture, Usage};
use futures_util::StreamExt as _;
use serde::Serialize;

use super::common::{Answers, events};
use super::turns;
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::event::AnswerEvent;
use crate::exchange::log::Recorder;
use crate::models::catalog::is_agent;
use crate::models::smallest::{lowest_effort, smallest};
use crate::openai::images::{Image, ImageEditRequest, ImageEvent, ImageRequest, ImagesResponse, ImagesUsage};
use crate::server::extract::{Incoming, parse_body};
use crate::server::middleware::auth::Caller;
use crate::server::sse;
use crate::server::state::Proxy;
use crate::server::upload::Upload;
use crate::translate::answer_request::AnswerRequest;
use crate::translate::chunks::Head;
use crate::translate::image_request::{self, ImageOptions, Sources};
use crate::translate::images::{kind_of_base64, of_base64, png_size};

/// Create image
///
/// Generates images from a prompt. Needs a codex that is signed in with ChatGPT. When the client disconnects, the turns are interrupted.
#[utoipa::path(
    post, path = "/v1/images/generations", operation_id = "createImage", tag = "Images", security(("key" = [])),
    request_body = ImageRequest,
    responses((
        status = 200, description = "The images, or with `stream: true` a server-sent event `image_generation.completed` for each.",
        content((ImagesResponse<'static> = "application/json"), (ImageEvent<'static> = "text/event-stream"))
    ))
)]
pub(crate) async fn generate(State(proxy): State<Proxy>, incoming: Incoming) -> Result<Response, ApiError> {
    respond(&proxy, incoming, "image_generation.completed", |_| Ok(Sources::default())).await
}

/// Edit images
///
/// Generates images from other images and a prompt: a form with files, or JSON. Needs a codex that is signed in with ChatGPT.
#[utoipa::path(
    post, path = "/v1/images/edits", operation_id = "createImageEdit", tag = "Images", security(("key" = [])),
    request_body(content((ImageEditRequest = "multipart/form-data"), (ImageEditRequest = "application/json"))),
    responses((
        status = 200, description = "The images, or with `stream: true` a server-sent event `image_edit.completed` for each.",
        content((ImagesResponse<'static> = "application/json"), (ImageEvent<'static> = "text/event-stream"))
    ))
)]
pub(crate) async fn edit(State(proxy): State<Proxy>, Upload(incoming): Upload) -> Result<Response, ApiError> {
    respond(&proxy, incoming, "image_edit.completed", Sources::take).await
}

/// The route for variations, which do not exist here.
pub(crate) async fn variations() -> ApiError {
    ApiError::no_variations()
}

/// Answers a request whose images to edit `take` takes from the body. `event` is the type of its events.
async fn respond(
    proxy: &Proxy,
    Incoming { caller, arrival, mut body }: Incoming,
    event: &'static str,
    take: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>) -> Result<Sources, ApiError>,
) -> Result<Response, ApiError> {
    let mut exchange = proxy.exchange(arrival);
    let sources = exchange.log_error(take(&mut body))?;
    let (request, mut ignored) =
        exchange.log_error(parse_body::<ImageRequest>(body, image_request::verdict))?;
    let (mut request, options) = exchange.log_error(image_request::parse(request, sources))?;
    let chosen = choose_model(proxy, &caller, &mut request, exchange.recorder()).await;
    exchange.log_error(chosen)?;
    ignored.extend(request.ignored.iter().map(String::as_str));
    let (n, streamed) = (request.n, request.streamed);
    let started = turns::start(proxy, &caller, &mut exchange, request).await;
    ignored.extend(exchange.log_error(started)?);
    let response = if streamed {
        let mut writer = EventWriter { event, options, pictures: Vec::new() };
        let events = events(exchange).map(move |event| writer.write(event?));
        let failed = |error: ApiError| vec![named_event("error", &error.body())];
        let silent = || vec![Event::default().comment(sse::PING)];
        sse::respond(events, proxy.limits().ping_interval, silent, failed).await?
    } else {
        let Answers { head, answers } = Answers::collect(Head::default(), n, events(exchange)).await?;
        let pictures: Vec<Picture> = answers.into_iter().flat_map(|answer| answer.pictures).collect();
        if pictures.is_empty() {
            return Err(ApiError::internal());
        }
        Json(complete(&pictures, options, head.usage)).into_response()
    };
    Ok((ignored, response).into_response())
}

/// Chooses the model that passes the prompt on: the smallest that the key may use, unless the request names one of codex's.
async fn choose_model(
    proxy: &Proxy,
    caller: &Caller,
    request: &mut AnswerRequest,
    log: &Recorder,
) -> Result<(), ApiError> {
    let settings = proxy.settings();
    if is_agent(&request.model, &settings) {
        return Err(ApiError::invalid(
            "model",
            "Ask codex-local for images in a chat, or name another model here.",
        ));
    }
    if !is_image_model(&request.model) {
        return Ok(());
    }
    let mut models = proxy.catalog.models(proxy.codex.plain()).await?;
    models.retain(|model| caller.may_use(&model.id, &settings));
    let Some(model) = smallest(&models) else {
        return Err(ApiError::model_not_found(&request.model, None, &[]));
    };
    request.model.clone_from(&model.id);
    request.effort = lowest_effort(model).cloned();
    log.model(&model.id);
    Ok(())
}

/// Whether this is a name of OpenAI's for a model that generates images.
fn is_image_model(name: &str) -> bool {
    name.is_empty() || ["gpt-image", "chatgpt-image", "dall-e"].iter().any(|family| name.starts_with(family))
}

fn complete(pictures: &[Picture], options: ImageOptions, usage: Option<Usage>) -> ImagesResponse<'_> {
    let data = pictures.iter().map(|picture| Image {
        b64_json: (!options.as_url).then(|| &*picture.base64),
        url: options.as_url.then(|| of_base64(&picture.base64)),
        revised_prompt: picture.prompt.as_deref(),
    });
    let first = pictures.first().map(|picture| &*picture.base64).unwrap_or_default();
    ImagesResponse {
        created: unix_now(),
        data: data.collect(),
        background: (options.background != "auto").then_some(options.background),
        output_format: format_of(first),
        size: size_of(first),
        usage: usage.map(Into::into),
    }
}

/// A server-sent event with a name.
fn named_event(name: &str, value: &impl Serialize) -> Event {
    // Serializing our own types cannot fail.
    Event::default().event(name).json_data(value).unwrap_or_default()
}

fn format_of(base64: &str) -> &'static str {
    match kind_of_base64(base64) {
        "image/jpeg" => "jpeg",
        "image/webp" => "webp",
        _ => "png",
    }
}

fn size_of(base64: &str) -> Option<String> {
    png_size(base64).map(|(width, height)| format!("{width}x{height}"))
}

/// Writes each image once its answer has ended, and so its usage is known.
struct EventWriter {
    event: &'static str,
    options: ImageOptions,
    /// By their answer. Bounded by the number of answers, each of which has one.
    pictures: Vec<(u32, Picture)>,
}

impl EventWriter {
    fn write(&mut self, (index, event): (u32, AnswerEvent)) -> Result<Vec<Event>, ApiError> {
        match event {
            AnswerEvent::Picture(picture) => {
                self.pictures.push((index, picture));
                Ok(Vec::new())
            }
            AnswerEvent::Ended(end) => {
                let usage = end?.usage.map(ImagesUsage::from).unwrap_or_default();
                let at = self.pictures.iter().position(|(answer, _)| *answer == index);
                let picture = at.map(|at| self.pictures.swap_remove(at).1);
                let event = picture.map(|picture| self.event(&picture, usage));
                Ok(event.into_iter().collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn event(&self, picture: &Picture, usage: ImagesUsage) -> Event {
        let event = ImageEvent {
            kind: self.event,
            b64_json: &picture.base64,
            created_at: unix_now(),
            background: self.options.background,
            output_format: format_of(&picture.base64),
            quality: "auto",
            size: size_of(&picture.base64).unwrap_or_else(|| "auto".to_owned()),
            usage,
        };
        named_event(self.event, &event)
    }
}
