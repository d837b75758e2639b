//! The events of a streamed response, exactly as OpenAI sends them for text, reasoning summaries and tool calls.
//!
//! `player` adds the sequence numbers and the timing.

use serde_json::{Value, json};

use crate::calls::{HOSTED_IMAGE_TOOL, ToolCall};
use crate::png;
use crate::reply::{Answer, Ending};
use crate::script::Usage;

/// A step in sending an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Send this event, with a `sequence_number`.
    Event(Value),
    /// Send nothing for the scripted time.
    Silence,
    /// Wait for a release.
    Hold,
    /// Send a word of the message.
    Word(String),
    Cut,
}

/// The ids of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    pub(crate) response: String,
    pub(crate) message: String,
    number: u64,
}

impl Ids {
    /// `number` makes them unique within a sample model, as codex expects.
    pub(crate) fn new(number: u64) -> Self {
        Self { response: format!("resp_sample_{number}"), message: format!("msg_sample_{number}"), number }
    }
}

/// The steps of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) steps: Vec<Step>,
    /// The message's index in the output items, for its deltas.
    pub(crate) message_index: usize,
    /// The finished items, with which a WebSocket conversation continues.
    pub(crate) output: Vec<Value>,
}

pub(crate) fn lay_out(answer: &Answer, ids: &Ids, created_at: u64) -> Layout {
    let mut steps = vec![
        Step::Event(json!({"type": "response.created", "response": response(answer, ids, created_at)})),
        Step::Event(json!({"type": "response.in_progress", "response": response(answer, ids, created_at)})),
    ];
    let mut output = Vec::new();
    if !answer.reasoning.is_empty() {
        output.push(reasoning(&answer.reasoning, ids, output.len(), &mut steps));
    }
    if !answer.silence.is_zero() {
        steps.push(Step::Silence);
    }
    for action in &answer.searches {
        output.push(web_search(action, ids, output.len(), &mut steps));
    }
    let message_index = output.len();
    match &answer.words {
        Some(words) => output.push(message(words, answer, ids, message_index, &mut steps)),
        None if answer.hold.is_some() => steps.push(Step::Hold),
        None => {}
    }
    if let Some(end) = steps.iter().position(|step| *step == Step::Cut) {
        steps.truncate(end + 1);
        return Layout { steps, message_index, output };
    }
    for call in &answer.calls {
        let index = output.len();
        output.push(if call.name == HOSTED_IMAGE_TOOL {
            picture(call, ids, index, &mut steps)
        } else {
            tool_call(call, ids, index, &mut steps)
        });
    }
    if let Ending::CutAfter(_) = answer.ending {
        steps.push(Step::Cut);
        return Layout { steps, message_index, output };
    }
    steps.push(Step::Event(ending(answer, ids, created_at, &output)));
    Layout { steps, message_index, output }
}

/// The `response` object of an answer in progress.
fn response(answer: &Answer, ids: &Ids, created_at: u64) -> Value {
    json!({
        "id": ids.response, "object": "response", "created_at": created_at, "status": "in_progress",
        "background": false, "error": null, "incomplete_details": null, "instructions": null,
        "max_output_tokens": null, "model": answer.model, "output": [], "parallel_tool_calls": true,
        "previous_response_id": null, "store": false, "temperature": 1.0, "tool_choice": "auto", "tools": [],
        "top_p": 1.0, "truncation": "disabled", "usage": null, "user": null, "metadata": {},
    })
}

fn ending(answer: &Answer, ids: &Ids, created_at: u64, output: &[Value]) -> Value {
    let mut response = response(answer, ids, created_at);
    response["output"] = json!(output);
    let status = match &answer.ending {
        Ending::Completed | Ending::CutAfter(_) => "completed",
        Ending::Incomplete(reason) => {
            response["incomplete_details"] = json!({ "reason": reason });
            "incomplete"
        }
        Ending::Failed { code, message } => {
            response["error"] = json!({"code": code, "message": message});
            "failed"
        }
    };
    if status != "failed" {
        response["usage"] = usage(answer.usage);
    }
    response["status"] = json!(status);
    json!({"type": format!("response.{status}"), "response": response})
}

fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input, "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    })
}

fn reasoning(parts: &[String], ids: &Ids, index: usize, steps: &mut Vec<Step>) -> Value {
    let id = format!("rs_sample_{}", ids.number);
    let mut event = |value: Value| steps.push(Step::Event(value));
    event(json!({"type": "response.output_item.added", "output_index": index,
        "item": {"id": id, "type": "reasoning", "summary": []}}));
    let mut summary = Vec::new();
    for (n, text) in parts.iter().enumerate() {
        let part = |text: &str| json!({"type": "summary_text", "text": text});
        event(json!({"type": "response.reasoning_summary_part.added", "item_id": id, "output_index": index,
            "summary_index": n, "part": part("")}));
        for word in text.split_inclusive(' ') {
            event(
                json!({"type": "response.reasoning_summary_text.delta", "item_id": id, "output_index": index,
                "summary_index": n, "delta": word}),
            );
        }
        event(json!({"type": "response.reasoning_summary_text.done", "item_id": id, "output_index": index,
            "summary_index": n, "text": text}));
        event(json!({"type": "response.reasoning_summary_part.done", "item_id": id, "output_index": index,
            "summary_index": n, "part": part(text)}));
        summary.push(part(text));
    }
    let item = json!({"id": id, "type": "reasoning", "summary": summary, "encrypted_content": "c2FtcGxl"});
    event(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    item
}

fn message(words: &[String], answer: &Answer, ids: &Ids, index: usize, steps: &mut Vec<Step>) -> Value {
    let id = &ids.message;
    let part = |text: &str| json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text});
    let item = |status: &str, content: Value| json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content});
    steps.push(Step::Event(json!({"type": "response.output_item.added", "output_index": index,
        "item": item("in_progress", json!([]))})));
    steps.push(Step::Event(
        json!({"type": "response.content_part.added", "item_id": id, "output_index": index,
        "content_index": 0, "part": part("")}),
    ));
    let cut = match answer.ending {
        Ending::CutAfter(words) => Some(words),
        _ => None,
    };
    // A hold or a cut may come before the first word, or after any. A cut after more words comes after all items.
    for said in 0..=words.len() {
        if said > 0 {
            steps.push(Step::Word(words[said - 1].clone()));
        }
        if answer.hold.map(|at| at.min(words.len())) == Some(said) {
            steps.push(Step::Hold);
        }
        if cut == Some(said) {
            steps.push(Step::Cut);
        }
    }
    let text = words.concat();
    for (n, annotation) in answer.annotations.iter().enumerate() {
        steps.push(Step::Event(json!({"type": "response.output_text.annotation.added", "item_id": id,
            "output_index": index, "content_index": 0, "annotation_index": n, "annotation": annotation})));
    }
    let mut whole = part(&text);
    whole["annotations"] = json!(answer.annotations);
    let done = item("completed", json!([whole]));
    steps
        .push(Step::Event(json!({"type": "response.output_text.done", "item_id": id, "output_index": index,
        "content_index": 0, "logprobs": [], "text": text})));
    steps.push(Step::Event(
        json!({"type": "response.content_part.done", "item_id": id, "output_index": index,
        "content_index": 0, "part": whole}),
    ));
    steps
        .push(Step::Event(json!({"type": "response.output_item.done", "output_index": index, "item": done})));
    done
}

fn web_search(action: &Value, ids: &Ids, index: usize, steps: &mut Vec<Step>) -> Value {
    let id = format!("ws_sample_{}_{index}", ids.number);
    let item =
        |status: &str| json!({"id": id, "type": "web_search_call", "status": status, "action": action});
    let added =
        json!({"type": "response.output_item.added", "output_index": index, "item": item("in_progress")});
    let states = ["in_progress", "searching", "completed"].map(|state| {
        json!({"type": format!("response.web_search_call.{state}"), "output_index": index, "item_id": id})
    });
    let done = item("completed");
    let last = json!({"type": "response.output_item.done", "output_index": index, "item": done});
    steps.extend([added].into_iter().chain(states).chain([last]).map(Step::Event));
    done
}

/// A picture that upstream generates within the response.
fn picture(call: &ToolCall, ids: &Ids, index: usize, steps: &mut Vec<Step>) -> Value {
    let id = format!("ig_sample_{}_{index}", ids.number);
    let item = |status: &str, result: Value| json!({"id": id, "type": "image_generation_call", "status": status, "revised_prompt": call.arguments, "result": result});
    let done = item("completed", png::base64(&call.arguments, None, false).into());
    let event = |kind: &str| json!({"type": format!("response.image_generation_call.{kind}"), "item_id": id, "output_index": index});
    let events = [
        json!({"type": "response.output_item.added", "output_index": index, "item": item("in_progress", Value::Null)}),
        event("in_progress"),
        event("generating"),
        event("completed"),
        json!({"type": "response.output_item.done", "output_index": index, "item": done}),
    ];
    steps.extend(events.into_iter().map(Step::Event));
    done
}

fn tool_call(call: &ToolCall, ids: &Ids, index: usize, steps: &mut Vec<Step>) -> Value {
    let (kind, key, events, prefix) = if call.free_text {
        ("custom_tool_call", "input", "response.custom_tool_call_input", "ctc")
    } else {
        ("function_call", "arguments", "response.function_call_arguments", "fc")
    };
    let id = format!("{prefix}_sample_{}_{index}", ids.number);
    let call_id = format!("call_sample_{}_{index}", ids.number);
    // A tool of an MCP server, as codex names it since 0.140, or codex's own for pictures.
    let (namespace, name) = match call.name.split_once('.') {
        Some((namespace, name)) if namespace.starts_with("mcp__") || namespace == "image_gen" => {
            (Some(namespace), name)
        }
        _ => (None, call.name.as_str()),
    };
    let item = |status: &str, text: &str| {
        let mut item =
            json!({"id": id, "type": kind, "status": status, "call_id": call_id, "name": name, key: text});
        if let Some(namespace) = namespace {
            item["namespace"] = namespace.into();
        }
        item
    };
    let done = item("completed", &call.arguments);
    let events = [
        json!({"type": "response.output_item.added", "output_index": index, "item": item("in_progress", "")}),
        json!({"type": format!("{events}.delta"), "item_id": id, "output_index": index, "delta": call.arguments}),
        json!({"type": format!("{events}.done"), "item_id": id, "output_index": index, key: call.arguments}),
        json!({"type": "response.output_item.done", "output_index": index, "item": done}),
    ];
    steps.extend(events.into_iter().map(Step::Event));
    done
}
