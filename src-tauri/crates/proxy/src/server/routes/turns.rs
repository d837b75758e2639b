//! From what a client wants to the turns that answer it, whichever route it came by.
//!
//! What is wrong with a request is said here before codex is bothered; how an answer is sent is the route's business.

use std::sync::Arc;
use std::time::Duration;

use codex_client::{Content, Item, Role, ThreadKind, Tool, ToolCall, TurnRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::answer::json::JsonCut;
use crate::answer::pipeline::{Counting, Plan};
use crate::error::ApiError;
use crate::exchange::{Exchange, Occupancy};
use crate::off_workers::POOL;
use crate::server::middleware::auth::Caller;
use crate::server::state::Proxy;
use crate::settings::ReasoningFormat;
use crate::translate::answer_request::{AnswerRequest, Format};
use crate::translate::schema::{self, Form};
use crate::translate::tool_names::ToolNames;
use crate::translate::{request, tools};

/// How long the schemas of one request may take to be compiled. The usual ones take a millisecond.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the turns that answer a request: finds the model, waits for a place, and hands everything to codex.
///
/// # Errors
/// Whatever is wrong with the request, or keeps codex from starting.
pub(super) async fn start(
    proxy: &Proxy,
    caller: &Caller,
    exchange: &mut Exchange,
    request: AnswerRequest,
) -> Result<(), ApiError> {
    // What has not begun when the proxy stops is not begun any more: its client can go elsewhere at once.
    tokio::select! {
        biased;
        () = proxy.stopping.cancelled() => Err(ApiError::shutting_down()),
        started = start_turns(proxy, caller, exchange, request) => started,
    }
}

async fn start_turns(
    proxy: &Proxy,
    caller: &Caller,
    exchange: &mut Exchange,
    mut wanted: AnswerRequest,
) -> Result<(), ApiError> {
    let form = form(&mut wanted).await?;

    let asked = Instant::now();
    let mut profile = proxy.catalog.look_up(&wanted.model, proxy.codex.plain(), &proxy.settings).await?;
    exchange.codex_took(asked.elapsed());
    caller.kind.set(profile.kind);
    caller.limit(&mut profile).await?;
    if let Some(model) = &profile.model {
        request::check_effort(wanted.effort.as_deref(), model, &proxy.catalog.efforts(model))?;
    }
    if wanted.items.iter().any(Item::has_images) {
        // A codex that lists no models says nothing of what they read, and then its upstream does.
        let _ = proxy.catalog.models(proxy.codex.plain()).await;
        if !proxy.catalog.reads_pictures(profile.model.as_deref()) {
            return Err(ApiError::no_pictures(&wanted.model));
        }
    }

    let queued = Instant::now();
    exchange.wait_for_place(&proxy.admission, &caller.id, wanted.n).await.map_err(|refused| {
        let error = ApiError::from(refused);
        let Occupancy { running, waiting } = *proxy.admission.turns().borrow();
        let wait_ms = queued.elapsed().as_millis();
        tracing::warn!(key = caller.name, why = error.message(), running, waiting, wait_ms, "turned away");
        error
    })?;

    let names = Arc::new(ToolNames::new(wanted.tools.iter().map(|tool| tool.name.as_str())));
    profile.tools = wanted.tools.iter().map(|tool| to_codex(tool, &names)).collect();
    (profile.verbosity, profile.service_tier) = (wanted.verbosity, wanted.service_tier);
    profile.web_search = wanted.web_search;
    let counting = if wanted.max_tokens.is_some() || !wanted.stop.is_empty() {
        Some(counting(proxy, &wanted.items))
    } else {
        None
    };
    // A `<think>` in front of JSON would make it none.
    let reasoning = match (wanted.reasoning_format.unwrap_or(proxy.settings.reasoning), &wanted.format) {
        (ReasoningFormat::Think, Format::JsonObject | Format::Schema { .. }) => {
            ReasoningFormat::ReasoningContent
        }
        (reasoning, _) => reasoning,
    };
    for item in &mut wanted.items {
        tidy(item, &names, reasoning);
    }
    let (note, urging) = tools::notes(&wanted.tool_choice).unzip();
    let note = [note, form.note.clone()].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    let effort = match profile.kind {
        ThreadKind::Agent => wanted.effort.or_else(|| proxy.settings.effort.clone()),
        ThreadKind::Plain => wanted.effort,
    };
    let plan = Plan {
        reasoning,
        show_activity: proxy.settings.show_activity && reasoning != ReasoningFormat::None,
        names,
        must_call: wanted.tool_choice,
        stop: wanted.stop,
        max_tokens: wanted.max_tokens,
        counting,
        json: form.note.is_some().then(|| JsonCut::new(wanted.format != Format::JsonObject)),
        check: form.check,
    };
    let request = TurnRequest {
        profile,
        owner: caller.id.clone(),
        items: wanted.items,
        turn_instructions: Some(note).filter(|note| !note.is_empty()),
        effort,
        reasoning_summary: reasoning != ReasoningFormat::None,
        output_schema: form.upstream,
        one_call_at_a_time: !wanted.parallel_tool_calls,
    };
    let codex = proxy.codex.of(request.profile.kind);
    Ok(exchange.start(codex, request, plan, urging, wanted.n).await?)
}

/// Checks the schemas of the tools, and decides on the form of the answer. What the schemas cost is the client's choice, so they
/// are compiled off the workers, all of a request at once and once only.
async fn form(wanted: &mut AnswerRequest) -> Result<Form, ApiError> {
    schema::check_sizes(&wanted.tools, &wanted.format)?;
    if wanted.tools.is_empty() && !matches!(wanted.format, Format::Schema { .. }) {
        return Form::of(&wanted.format, &CancellationToken::new());
    }
    let (tools, format) = (std::mem::take(&mut wanted.tools), wanted.format.clone());
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let job = move || {
        schema::check_tools(&tools, &stopped)?;
        Ok::<_, ApiError>((Form::of(&format, &stopped)?, tools))
    };
    let done = POOL.run(COMPILE_TIMEOUT, schema::STACK, stop, job).await;
    let param = if let Format::Schema { param, .. } = &wanted.format { param } else { "tools" };
    let (form, tools) = done.map_err(|error| ApiError::not_compiled(error, param))??;
    wanted.tools = tools;
    Ok(form)
}

fn to_codex(tool: &crate::translate::answer_request::ClientTool, names: &ToolNames) -> Tool {
    Tool {
        name: names.to_codex(&tool.name).into_owned(),
        description: tool.description.clone(),
        schema: tool.parameters.to_string(),
    }
}

/// Makes an item of the history what it was for codex: with its names of tools, and without the reasoning that we put in.
fn tidy(item: &mut Item, names: &ToolNames, reasoning: ReasoningFormat) {
    match item {
        Item::ToolCall(ToolCall { name, .. }) => *name = names.to_codex(name).into_owned(),
        Item::Message { role: Role::Assistant, content } if reasoning == ReasoningFormat::Think => {
            for part in content {
                if let Content::Text(text) = part {
                    *text = without_think(text);
                }
            }
        }
        Item::Message { .. } | Item::ToolOutput { .. } => {}
    }
}

/// A text without what stands between `<think>` and `</think>`.
fn without_think(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, thought)) = rest.split_once("<think>") {
        let Some((_, after)) = thought.split_once("</think>") else { break };
        kept.push_str(before);
        rest = after.trim_start_matches('\n');
    }
    kept.push_str(rest);
    kept
}

/// What an answer is counted with, should it be cut.
fn counting(proxy: &Proxy, items: &[Item]) -> Counting {
    let mut prompt = String::new();
    for item in items {
        match item {
            Item::Message { content, .. } | Item::ToolOutput { output: content, .. } => {
                for part in content.iter().filter_map(Content::as_text) {
                    prompt.push_str(part);
                    prompt.push('\n');
                }
            }
            Item::ToolCall(call) => prompt.push_str(&call.arguments),
        }
    }
    Counting { tokenizer: Arc::clone(&proxy.tokenizer), prompt: prompt.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasoning_that_we_put_in_is_taken_out_again() {
        assert_eq!(without_think("<think>\na\n</think>\n\nb"), "b");
        assert_eq!(without_think("a <think>b</think>c <think>d</think> e"), "a c  e");
        assert_eq!(without_think("<think> without an end"), "<think> without an end");
    }
}
