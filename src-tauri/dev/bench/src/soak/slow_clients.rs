//! Clients that hang up: before the request, in the middle of it, while they wait, in the middle of the answer, or without
//! reading any of it.
//!
//! Over a socket of their own, since no HTTP client can be made to do that.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Client, KEY, REQUEST_ID};
use super::faults::rest;
use super::request::{self, AGENT};
use crate::ask::MODEL;

/// For an answer that is then not read to its end.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read at most.
const MAX_READ: usize = 8_000;

/// When a client hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It never sends anything.
    Idle,
    WithinHead,
    WithinBody,
    /// As soon as the request is sent.
    AtOnce,
    /// While the model is silent.
    Waiting,
    /// After some of the answer.
    Streaming,
    /// It reads nothing of a long answer.
    NeverReading,
}
use Stage::{AtOnce, Idle, NeverReading, Streaming, Waiting, WithinBody, WithinHead};

/// Asks for something and hangs up.
pub(super) async fn hang_up(client: &mut Client<'_>, name: &str) {
    let stage = client.rng.choice([Idle, WithinHead, WithinBody, AtOnce, Waiting, Streaming, NeverReading]);
    let Some(stage) = stage else { return };
    if !matches!(stage, Idle | WithinHead) {
        client.shared.tally().outcomes.insert(name.to_owned(), None);
    }
    let outcome = run(client, name, stage).await;
    let mut tally = client.shared.tally();
    match outcome {
        Ok(()) => tally.hung_up += 1,
        Err(error) => tally.fail(format_args!("{name} ({stage:?}): {error:#}")),
    }
}

async fn run(client: &mut Client<'_>, name: &str, stage: Stage) -> Result<()> {
    let (head, body) = request(client, name, stage);
    let rng = &mut client.rng;
    // Of what is cut the beginning is sent, and never all.
    let sent = match stage {
        Idle => 0,
        WithinHead => rng.usize(..head.len()),
        WithinBody => head.len() + rng.usize(..body.len()),
        _ => head.len() + body.len(),
    };
    let mut socket = TcpStream::connect(client.shared.address.trim_start_matches("http://")).await?;
    socket.write_all(&(head + &body).as_bytes()[..sent]).await?;
    let most = match stage {
        Idle => 2_000,
        WithinHead | WithinBody => 1_000,
        Waiting => 800,
        NeverReading => 3_000,
        AtOnce | Streaming => 0,
    };
    rest(rng, 0..=most).await;
    if stage == Streaming {
        let (mut left, mut buffer) = (rng.usize(..MAX_READ), [0; 512]);
        // A refusal after a kill is an end as well.
        while let Ok(read @ 1..) = timeout(ANSWER_TIMEOUT, socket.read(&mut buffer)).await?
            && read <= left
        {
            left -= read;
        }
    }
    Ok(())
}

/// Head and body of what is asked for.
fn request(client: &mut Client<'_>, name: &str, stage: Stage) -> (String, String) {
    let route = client.random_route();
    let model = if client.one_in(10) { AGENT } else { MODEL };
    let script = match stage {
        Waiting => "words=5 silence=3000",
        NeverReading => "words=3000",
        _ => "words=300 every=10",
    };
    let streamed = !matches!(stage, Waiting | AtOnce) || client.one_in(2);
    let body: Value = request::opening(route, model, &format!("{name} [[{script}]]"), streamed, 1);
    let body = body.to_string();
    let host = client.shared.address.trim_start_matches("http://");
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {KEY}\r\n{REQUEST_ID}: {name}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        route.path(),
        body.len()
    );
    (head, body)
}
