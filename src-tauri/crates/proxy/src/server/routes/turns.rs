//! Starts the turns that answer a request, for all routes.
//!
//! Validates the request before involving codex. How an answer is sent is up to the route.

use std::sync::Arc;
use std::time::Duration;

use codex_client::{Content, Item, Role, ThreadKind, ThreadProfile, Tool, ToolCall, TurnRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::key_rules;
use crate::answer::json::JsonExtractor;
use crate::answer::pipeline::{PipelineConfig, TokenCounter};
use crate::answer::tokens::MAX_COUNTED;
use crate::error::{ApiError, Refused};
use crate::exchange::{Admit, Exchange, Occupancy};
use crate::image_fetch::{FetchOptions, Fetched};
use crate::models::catalog::Resolved;
use crate::models::efforts::{self, EFFORTS};
use crate::off_workers::POOL;
use crate::server::middleware::auth::Caller;
use crate::server::state::Proxy;
use crate::settings::{ReasoningFormat, Settings};
use crate::translate::answer_request::{AnswerRequest, Format, Images};
use crate::translate::schema::{self, CompiledFormat};
use crate::translate::tool_names::ToolNames;
use crate::translate::tools;

/// Time limit for compiling the schemas of one request. Typical ones take a millisecond.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(5);

/// A valid request that is admitted or waits for it.
pub(in crate::server) struct Queued {
    request: AnswerRequest,
    settings: Arc<Settings>,
    format: CompiledFormat,
    /// `None` if the model is yet to be looked up.
    known: Option<Resolved>,
    admit: Admit,
}

/// Starts the turns that answer a request: looks up the model, waits for admission and calls codex. Returns the
/// parameters that could not be honoured as they are.
///
/// # Errors
/// When the request is invalid, is not admitted, or codex cannot start.
pub(super) async fn start(
    proxy: &Proxy,
    caller: &Caller,
    exchange: &mut Exchange,
    request: AnswerRequest,
) -> Result<Vec<&'static str>, ApiError> {
    let queued = queue(proxy, caller, exchange, request, None).await?;
    run(proxy, caller, exchange, queued, || ()).await
}

/// Validates a request and asks for its admission. It waits in the queue up to `patience`, or as long as the settings say.
///
/// # Errors
/// When the request is invalid or is not admitted.
pub(in crate::server) async fn queue(
    proxy: &Proxy,
    caller: &Caller,
    exchange: &mut Exchange,
    request: AnswerRequest,
    patience: Option<Duration>,
) -> Result<Queued, ApiError> {
    unless_stopped(proxy, exchange.cancelled(), queue_turns(proxy, caller, exchange, request, patience)).await
}

/// Waits for admission, calls `admitted`, and starts the turns. Returns the parameters that could not be honoured as they are.
///
/// # Errors
/// When the request is not admitted, asks for what its model has not, or codex cannot start.
pub(in crate::server) async fn run(
    proxy: &Proxy,
    caller: &Caller,
    exchange: &mut Exchange,
    queued: Queued,
    admitted: impl FnOnce(),
) -> Result<Vec<&'static str>, ApiError> {
    unless_stopped(proxy, exchange.cancelled(), start_turns(proxy, caller, exchange, queued, admitted)).await
}

/// Requests that have not started when the proxy stops are rejected, so that clients can go elsewhere immediately.
async fn unless_stopped<T>(
    proxy: &Proxy,
    cancelled: impl Future<Output = ()>,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    tokio::select! {
        biased;
        () = proxy.stopping.cancelled() => Err(ApiError::shutting_down()),
        () = cancelled => Err(ApiError::cancelled_by_owner()),
        done = work => done,
    }
}

async fn queue_turns(
    proxy: &Proxy,
    caller: &Caller,
    exchange: &Exchange,
    mut request: AnswerRequest,
    patience: Option<Duration>,
) -> Result<Queued, ApiError> {
    let settings = proxy.settings();
    caller.check_model(&request.model, &settings)?;
    key_rules::count_request(proxy, caller)?;
    key_rules::check_quota(proxy, caller).await?;
    let format = compile_format(&mut request).await?;

    // A model known to be missing does not wait. codex is asked only for an admitted request.
    let known = proxy.catalog.look_up_cached(&request.model, proxy.codex.plain(), &settings)?;
    if let Some(known) = &known {
        caller.kind.set(known.profile.kind);
    }
    let admit = exchange.request_admission(&proxy.admission, &caller.id, request.n, patience);
    let admit = admit.map_err(|refused| rejected(proxy, caller, refused, Duration::ZERO))?;
    Ok(Queued { request, settings, format, known, admit })
}

/// Logs that a request was not admitted.
fn rejected(proxy: &Proxy, caller: &Caller, refused: Refused, waited: Duration) -> ApiError {
    let error = ApiError::from(refused);
    let Occupancy { running, waiting } = *proxy.admission.occupancy().borrow();
    let wait_ms = waited.as_millis();
    tracing::warn!(key = caller.name, why = error.message(), running, waiting, wait_ms, "rejected");
    error
}

async fn start_turns(
    proxy: &Proxy,
    caller: &Caller,
    exchange: &mut Exchange,
    queued: Queued,
    admitted: impl FnOnce(),
) -> Result<Vec<&'static str>, ApiError> {
    let Queued { mut request, settings, format, known, admit } = queued;
    let since = Instant::now();
    let admission = exchange.wait_for_admission(admit).await;
    admission.map_err(|refused| rejected(proxy, caller, refused, since.elapsed()))?;
    admitted();

    // Others may have used it up in the meantime.
    key_rules::check_quota(proxy, caller).await?;
    exchange.count_tokens(proxy.key_use.clone(), &caller.id, &request.items);

    let started = Instant::now();
    let mut resolved = match known {
        Some(known) => known,
        None => proxy.catalog.look_up(&request.model, proxy.codex.plain(), &settings).await?,
    };
    caller.kind.set(resolved.profile.kind);
    caller.limit(&mut resolved, &request.model, &settings).await?;
    let Resolved { mut profile, variant, .. } = resolved;
    // Several answers to one request are branches.
    profile.keep &= request.n == 1;
    let (effort, mut ignored) = choose_effort(proxy, &request, &profile, variant.effort.as_ref()).await?;
    if profile.kind == ThreadKind::Plain && caller.names_workspace() {
        ignored.push("x-codex-workspace");
    }
    if request.verbosity.is_some() && is_unlisted(proxy, &profile).await {
        // codex takes it only for models that it knows.
        ignored.push("verbosity");
    }
    if request.items.iter().any(Item::has_images) {
        // If codex lists no models, their modalities are unknown, and the upstream decides.
        let _ = proxy.catalog.models(proxy.codex.plain()).await;
        if !proxy.catalog.reads_images(profile.model.as_deref()) {
            return Err(ApiError::no_images(&request.model));
        }
    }
    // codex may have had to start, to list its models.
    exchange.add_outside_time(started.elapsed());

    if fetch_images(proxy, caller, exchange, &mut request).await? > 0 {
        ignored.push("image_url");
    }

    let names = Arc::new(ToolNames::of(&request.tools));
    let offered = request.tools.iter().filter(|tool| request.tool_choice.offers(tool));
    profile.tools = offered.map(|tool| to_codex(tool, &names)).collect();
    profile.verbosity = request.verbosity;
    profile.service_tier = request.service_tier.or(variant.service_tier);
    if caller.limits.allows_web_search() {
        profile.web_search = request.web_search;
    } else if request.web_search.is_some() {
        ignored.push("web_search");
    }
    profile.image_generation = request.images != Images::None;
    let counter = if request.max_tokens.is_some() || !request.stop.is_empty() {
        Some(token_counter(proxy, &request.items))
    } else {
        None
    };
    // A `<think>` block before JSON would make it invalid.
    let reasoning = match (request.reasoning_format.unwrap_or(settings.reasoning), &request.format) {
        (ReasoningFormat::Think, Format::JsonObject | Format::Schema { .. }) => {
            ReasoningFormat::ReasoningContent
        }
        (reasoning, _) => reasoning,
    };
    for item in &mut request.items {
        restore_item(item, &names, reasoning);
    }
    let (note, retry_note) = tools::notes(&request.tool_choice).unzip();
    let note = [note, format.note.clone()].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    let config = PipelineConfig {
        reasoning,
        show_activity: settings.show_activity && reasoning != ReasoningFormat::None,
        search_items: request.search_items,
        names,
        tool_choice: request.tool_choice,
        stop: request.stop,
        max_tokens: request.max_tokens,
        counter,
        json: format.note.is_some().then(|| JsonExtractor::new(request.format != Format::JsonObject)),
        check: format.check,
        arguments: format.arguments,
        only_image: request.images == Images::Only,
    };
    let turn_request = TurnRequest {
        profile,
        owner: caller.id.clone(),
        items: request.items,
        turn_instructions: Some(note).filter(|note| !note.is_empty()),
        effort,
        reasoning_summary: reasoning != ReasoningFormat::None,
        output_schema: format.upstream,
        unseen_items: 0,
        one_call_at_a_time: !request.parallel_tool_calls,
        one_shot: request.one_shot,
    };
    exchange.watch_folder(&proxy.changes(), &turn_request.profile, settings.undo).await;
    let codex = proxy.codex.for_kind(turn_request.profile.kind);
    exchange.start(codex, turn_request, config, retry_note, request.n, request.streamed).await?;
    Ok(ignored)
}

/// The effort to request, and the parameter if it is not the one that the client asked for. The parameter wins over the effort in
/// the model's id.
async fn choose_effort(
    proxy: &Proxy,
    request: &AnswerRequest,
    profile: &ThreadProfile,
    in_id: Option<&String>,
) -> Result<(Option<String>, Vec<&'static str>), ApiError> {
    let settings = proxy.settings();
    let configured = settings.effort.as_ref().filter(|_| profile.kind == ThreadKind::Agent);
    let Some(asked) = request.effort.as_ref().or(in_id).or(configured) else { return Ok((None, Vec::new())) };
    // If codex lists no models, their efforts are unknown, and the upstream decides.
    let _ = proxy.catalog.models(proxy.codex.plain()).await;
    let known = proxy.catalog.efforts(profile.model.as_deref());
    let effort = match efforts::nearest(asked, &known) {
        Some(effort) => effort.to_owned(),
        None if request.effort.is_none() => asked.clone(),
        None => {
            let message = match known.as_slice() {
                [] => format!("The effort must be one of: {}.", EFFORTS.join(", ")),
                known => format!("The model {} supports these efforts: {}.", request.model, known.join(", ")),
            };
            return Err(ApiError::invalid("reasoning_effort", message).loggable());
        }
    };
    let ignored =
        if request.effort.is_some() && effort != *asked { vec!["reasoning_effort"] } else { Vec::new() };
    Ok((Some(effort), ignored))
}

/// Whether the model is not in codex's list, such as one of the user's own provider. `false` if codex lists none.
async fn is_unlisted(proxy: &Proxy, profile: &ThreadProfile) -> bool {
    let models = proxy.catalog.models(proxy.codex.plain()).await.unwrap_or_default();
    let is_listed = |id: &String| models.iter().any(|model| model.id == *id);
    !models.is_empty() && !profile.model.as_ref().is_none_or(is_listed)
}

/// Replaces the addresses of images by their data, and returns how many are not available. This happens after admission, so that its
/// cost is limited too.
async fn fetch_images(
    proxy: &Proxy,
    caller: &Caller,
    exchange: &mut Exchange,
    request: &mut AnswerRequest,
) -> Result<usize, ApiError> {
    let started = Instant::now();
    let options = FetchOptions {
        enabled: proxy.settings().fetch_images,
        timeout: proxy.limits().image_timeout,
        bodies: &proxy.bodies,
        key: &caller.id,
    };
    let Fetched { images, missing } =
        proxy.images.replace_addresses(&mut request.items, &request.image_addresses, options).await?;
    exchange.add_outside_time(started.elapsed());
    if images > 0 {
        exchange.recorder().step("Fetched images by address", Some(&images.to_string()), false);
    }
    if missing > 0 {
        let step = "Images of earlier messages are not available";
        exchange.recorder().step(step, Some(&missing.to_string()), true);
    }
    Ok(missing)
}

/// Validates the tools' schemas and compiles the answer format. Schemas can be expensive, so they are compiled off the
/// async workers, all of a request in one job.
async fn compile_format(request: &mut AnswerRequest) -> Result<CompiledFormat, ApiError> {
    schema::check_sizes(&request.tools, &request.format)?;
    if request.tools.is_empty() && !matches!(request.format, Format::Schema { .. }) {
        return CompiledFormat::new(&request.format, &CancellationToken::new());
    }
    let (mut tools, requested) = (std::mem::take(&mut request.tools), request.format.clone());
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let job = move || {
        let arguments = schema::prepare_tools(&mut tools, &stopped)?.into();
        Ok::<_, ApiError>((CompiledFormat { arguments, ..CompiledFormat::new(&requested, &stopped)? }, tools))
    };
    let done = POOL.run(COMPILE_TIMEOUT, schema::STACK, stop, job).await;
    let param = if let Format::Schema { param, .. } = &request.format { param } else { "tools" };
    let (format, tools) = done.map_err(|error| ApiError::not_compiled(error, param))??;
    request.tools = tools;
    Ok(format)
}

fn to_codex(tool: &crate::translate::answer_request::ClientTool, names: &ToolNames) -> Tool {
    Tool {
        name: names.to_codex(&tool.name).into_owned(),
        description: tool.description.clone(),
        schema: tool.parameters.to_string(),
    }
}

/// Restores an item of the history to what codex knows: its own tool names, without the reasoning we added.
fn restore_item(item: &mut Item, names: &ToolNames, reasoning: ReasoningFormat) {
    match item {
        Item::ToolCall(ToolCall { name, .. }) => *name = names.to_codex(name).into_owned(),
        Item::Message { role: Role::Assistant, content } if reasoning == ReasoningFormat::Think => {
            for part in content {
                if let Content::Text(text) = part {
                    *text = strip_think(text);
                }
            }
        }
        Item::Message { .. } | Item::ToolOutput { .. } => {}
    }
}

/// Removes `<think>` blocks.
fn strip_think(text: &str) -> String {
    let mut rest = text;
    let mut stripped = String::new();
    while let Some((before, thought)) = rest.split_once("<think>") {
        let Some((_, after)) = thought.split_once("</think>") else { break };
        stripped.push_str(before);
        rest = after.trim_start_matches('\n');
    }
    stripped.push_str(rest);
    stripped
}

/// Counts the tokens of an answer that may be truncated.
fn token_counter(proxy: &Proxy, items: &[Item]) -> TokenCounter {
    let (mut prompt, mut prompt_len) = (String::new(), 0);
    let mut push = |text: &str| {
        prompt_len += text.len();
        prompt.push_str(&text[..text.floor_char_boundary(MAX_COUNTED - prompt.len())]);
    };
    for item in items {
        match item {
            Item::Message { content, .. } | Item::ToolOutput { output: content, .. } => {
                for part in content.iter().filter_map(Content::as_text) {
                    push(part);
                    push("\n");
                }
            }
            Item::ToolCall(call) => push(&call.arguments),
        }
    }
    TokenCounter { tokenizer: Arc::clone(&proxy.tokenizer), prompt: prompt.into(), prompt_len }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn think_blocks_are_stripped() {
        assert_eq!(strip_think("<think>\na\n</think>\n\nb"), "b");
        assert_eq!(strip_think("a <think>b</think>c <think>d</think> e"), "a c  e");
        assert_eq!(strip_think("<think> without an end"), "<think> without an end");
    }
}
