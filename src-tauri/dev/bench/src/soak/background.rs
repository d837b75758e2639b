//! Clients of responses in the background, which leave and come back, and must get every event once.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::TryStreamExt as _;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sse_stream::SseByteStream;
use tokio::time::{Instant, sleep, timeout};

use super::client::{ANSWER_TIMEOUT, Client, KEY, REQUEST_ID};
use super::request::Script;
use crate::round_spec::MODEL;

/// Words of the long answer, one a second.
const LONG_WORDS: u64 = 60;

/// A response that is followed with interruptions, or cancelled.
pub(super) async fn follow(client: &mut Client<'_>, name: &str) {
    let script = Script::random(name, &mut client.rng);
    let ending = if client.one_in(6) { Ending::Cancelled } else { Ending::Completed };
    // A response that is cancelled has a turn, which the log ends with a line: the sixth event is its first text.
    let leave_after = if ending == Ending::Cancelled { 6 } else { client.rng.u64(1..=20) };
    run(client, name, &script.prompt(), &script.answer(), (leave_after, ending)).await;
}

/// A response of a minute, whose client is away for most of it.
pub(super) async fn follow_long(client: &mut Client<'_>, name: &str) {
    let words: Vec<String> = (1..=LONG_WORDS).map(|number| format!("{name}-{number}")).collect();
    let answer = words.join(" ");
    let prompt = format!("[[say=\"{answer}\" every=1000]]");
    run(client, name, &prompt, &answer, (LONG_WORDS / 3, Ending::Completed)).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Completed,
    Cancelled,
}

/// What a client has of a response so far.
#[derive(Default)]
struct Seen {
    id: String,
    events: u64,
    text: String,
    /// The last event's type, and the code of its error.
    last: (String, String),
}

/// Follows a response. The client leaves whenever it has seen this many further events.
async fn run(
    client: &mut Client<'_>,
    name: &str,
    prompt: &str,
    answer: &str,
    (leave_after, ending): (u64, Ending),
) {
    let started = Instant::now();
    let seen = timeout(ANSWER_TIMEOUT, follow_to_end(client, name, prompt, leave_after, ending)).await;
    let mut tally = client.shared.tally.borrow_mut();
    let seen = match seen {
        Err(_) => return tally.fail(format_args!("{name} (background): not over within {ANSWER_TIMEOUT:?}")),
        Ok(Err(error)) => return tally.fail(format_args!("{name} (background): {error:#}")),
        Ok(Ok(seen)) => seen,
    };
    tally.add_answer(name, &seen.id);
    match seen.last.0.as_str() {
        "response.completed" if seen.text.trim_end() == answer => tally.correct += 1,
        // It may have been over before.
        "response.incomplete" if ending == Ending::Cancelled => tally.refused += 1,
        "response.failed" if client.shared.excused_by_kill(&seen.last.1, started) => tally.killed += 1,
        last => tally.fail(format_args!(
            "{name} (background): {last} with {:.200}, expected {answer:.200}",
            seen.text
        )),
    }
}

async fn follow_to_end(
    client: &mut Client<'_>,
    name: &str,
    prompt: &str,
    leave_after: u64,
    ending: Ending,
) -> Result<Seen> {
    let url = format!("{}/v1/responses", client.shared.address);
    let body = json!({ "model": MODEL, "input": prompt, "background": true, "stream": true });
    let create = client.http.post(&url).header(REQUEST_ID, name).header(CONTENT_TYPE, "application/json");
    client.shared.tally.borrow_mut().outcomes.insert(name.to_owned(), Some(200));
    let mut seen = Seen::default();
    let mut request = create.body(body.to_string());
    while !read(request, leave_after, &mut seen).await? {
        sleep(Duration::from_millis(client.rng.u64(0..=100))).await;
        let url = format!("{url}/{}", seen.id);
        if ending == Ending::Cancelled {
            let cancelled = client.http.post(format!("{url}/cancel")).bearer_auth(KEY).send().await?;
            ensure!(
                [200, 400].contains(&cancelled.status().as_u16()),
                "cancelled with {}",
                cancelled.status()
            );
        }
        request = client.http.get(format!("{url}?stream=true&starting_after={}", seen.events - 1));
    }
    Ok(seen)
}

/// Reads at most this many events. Returns whether the response is over.
async fn read(request: RequestBuilder, count: u64, seen: &mut Seen) -> Result<bool> {
    let response = request.bearer_auth(KEY).send().await?;
    if response.status() != 200 {
        bail!("{}: {}", response.status(), response.text().await?);
    }
    let mut events = SseByteStream::new(response.bytes_stream());
    for _ in 0..count {
        let event = loop {
            let event = events.try_next().await?.context("the stream ended early")?;
            if let Some(data) = event.data {
                break serde_json::from_str::<Value>(&data)?;
            }
        };
        ensure!(
            event["sequence_number"] == seen.events,
            "event {} in place of {}",
            event["sequence_number"],
            seen.events
        );
        seen.events += 1;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        seen.last = (text(&event["type"]), text(&event["response"]["error"]["code"]));
        match seen.last.0.as_str() {
            "response.created" => seen.id = text(&event["response"]["id"]),
            "response.output_text.delta" => seen.text += &text(&event["delta"]),
            "response.completed" | "response.incomplete" | "response.failed" => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}
