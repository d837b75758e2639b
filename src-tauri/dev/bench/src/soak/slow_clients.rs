//! Clients that are slow and then disconnect: before, during or after the request, or while reading the answer, or without ever
//! reading it.
//!
//! They use a raw socket, since no HTTP client can do that.

use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Client, KEY, REQUEST_ID};
use super::faults::sleep_random;
use super::request;

/// Per read of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// When a client disconnects: a name, the bytes it sends given the lengths of the head and of the request, the model's script,
/// the maximum milliseconds it waits, and the maximum bytes it reads.
type Stage = (&'static str, fn(usize, usize) -> Range<usize>, &'static str, u64, usize);

const LONG: &str = "words=300 every=10";
const ENDLESS: &str = "words=3000";
const STAGES: [Stage; 7] = [
    ("idle", |_, _| 0..1, LONG, 2_000, 0),
    ("within the head", |head, _| 0..head, LONG, 1_000, 0),
    ("within the body", |head, all| head..all, LONG, 1_000, 0),
    ("immediately", |_, all| all..all + 1, LONG, 0, 0),
    ("waiting", |_, all| all..all + 1, "words=5 silence=3000", 800, 0),
    ("streaming", |_, all| all..all + 1, LONG, 0, 8_000),
    ("never reading", |_, all| all..all + 1, ENDLESS, 3_000, 0),
];

/// Sends a request, or part of one, and disconnects.
pub(super) async fn hang_up(client: &mut Client<'_>, name: &str) {
    let Some(stage) = client.rng.choice(STAGES) else { return };
    let outcome = run(client, name, stage).await;
    let mut tally = client.shared.tally.borrow_mut();
    match outcome {
        Ok(()) => tally.hung_up += 1,
        Err(error) => tally.fail(format_args!("{name} ({}): {error:#}", stage.0)),
    }
}

async fn run(client: &mut Client<'_>, name: &str, (_, sends, script, waits, reads): Stage) -> Result<()> {
    let (route, model) = (client.random_route(), client.random_model());
    // Streaming gives a reader something to read, and fills the socket of one that never reads.
    let streamed = reads > 0 || script == ENDLESS || client.one_in(2);
    let body = request::opening(route, model, &format!("{name} [[{script}]]"), streamed, 1).to_string();
    let host = client.shared.address.trim_start_matches("http://");
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {KEY}\r\n{REQUEST_ID}: {name}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        route.0,
        body.len()
    );
    let sent = client.rng.usize(sends(head.len(), head.len() + body.len()));
    if sent >= head.len() {
        client.shared.tally.borrow_mut().outcomes.insert(name.to_owned(), None);
    }
    let mut socket = TcpStream::connect(host).await?;
    socket.write_all(&(head + &body).as_bytes()[..sent]).await?;
    sleep_random(&mut client.rng, 0..=waits).await;
    let (mut left, mut buffer) = (client.rng.usize(..=reads), [0; 512]);
    // An error after a kill also ends the answer.
    while left > 0
        && let Ok(read @ 1..) = timeout(ANSWER_TIMEOUT, socket.read(&mut buffer)).await?
    {
        left = left.saturating_sub(read);
    }
    Ok(())
}
