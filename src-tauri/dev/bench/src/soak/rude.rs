//! Clients that hang up: before they have asked, in the middle of it, while they wait, in the middle of the answer, or without
//! ever reading a word of it.
//!
//! Over a socket of their own, since no HTTP client can be made to do that.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::ask::{self, AGENT, Route};
use super::dice::Dice;
use super::tally::Fate;
use super::world::{KEY, REQUEST_ID, World};
use crate::bare::MODEL;

/// How long is waited for an answer that is then not read to its end.
const WAITED: Duration = Duration::from_secs(30);

/// When a client hangs up.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// It never says anything.
    Idle,
    WithinHead,
    WithinBody,
    /// As soon as it has asked.
    AtOnce,
    /// While the model is silent.
    Waiting,
    /// After some of the answer.
    Streaming,
    /// It reads nothing of a long answer.
    NeverReading,
}

const STAGES: [Stage; 7] = [
    Stage::Idle,
    Stage::WithinHead,
    Stage::WithinBody,
    Stage::AtOnce,
    Stage::Waiting,
    Stage::Streaming,
    Stage::NeverReading,
];

/// Asks for something and hangs up.
pub(super) async fn hang_up(world: &World, name: &str, dice: &mut Dice) {
    let stage = STAGES[dice.index(STAGES.len())];
    if !matches!(stage, Stage::Idle | Stage::WithinHead) {
        world.tally().fates.insert(name.to_owned(), Fate::GivenUp);
    }
    let outcome = run(world, name, stage, dice).await;
    let mut tally = world.tally();
    match outcome {
        Ok(()) => tally.hung_up += 1,
        Err(error) => tally.fail(format_args!("{name} ({stage:?}): {error:#}")),
    }
}

async fn run(world: &World, name: &str, stage: Stage, dice: &mut Dice) -> Result<()> {
    let (head, body) = request(world, name, stage, dice);
    let mut socket = TcpStream::connect(world.host()).await?;
    match stage {
        Stage::Idle => pause(dice, 2_000).await,
        Stage::WithinHead => {
            socket.write_all(part(&head, dice)).await?;
            pause(dice, 1_000).await;
        }
        Stage::WithinBody => {
            socket.write_all(&head).await?;
            socket.write_all(part(&body, dice)).await?;
            pause(dice, 1_000).await;
        }
        Stage::AtOnce | Stage::Waiting | Stage::NeverReading => {
            socket.write_all(&head).await?;
            socket.write_all(&body).await?;
            match stage {
                Stage::Waiting => pause(dice, 800).await,
                Stage::NeverReading => pause(dice, 3_000).await,
                _ => {}
            }
        }
        Stage::Streaming => {
            socket.write_all(&head).await?;
            socket.write_all(&body).await?;
            let wanted = dice.index(8_000);
            let (mut read, mut buffer) = (0, [0; 512]);
            while read <= wanted {
                // A refusal that a kill has brought is an end as well.
                match timeout(WAITED, socket.read(&mut buffer)).await? {
                    Ok(0) | Err(_) => break,
                    Ok(more) => read += more,
                }
            }
        }
    }
    Ok(())
}

/// Head and body of what is asked for.
fn request(world: &World, name: &str, stage: Stage, dice: &mut Dice) -> (Vec<u8>, Vec<u8>) {
    let route = Route::ALL[dice.index(Route::ALL.len())];
    let model = if dice.one_in(10) { AGENT } else { MODEL };
    let script = match stage {
        Stage::Waiting => "words=5 silence=3000",
        Stage::NeverReading => "words=3000",
        _ => "words=300 every=10",
    };
    let mut body: Value = ask::opening(route, model, &format!("{name} [[{script}]]"), true, 1);
    if matches!(stage, Stage::Waiting | Stage::AtOnce) {
        body["stream"] = dice.one_in(2).into();
    }
    let body = body.to_string().into_bytes();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {KEY}\r\n{REQUEST_ID}: {name}\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        route.path(),
        world.host(),
        body.len()
    );
    (head.into_bytes(), body)
}

/// The beginning of it, and never all.
fn part<'a>(bytes: &'a [u8], dice: &mut Dice) -> &'a [u8] {
    &bytes[..dice.index(bytes.len())]
}

async fn pause(dice: &mut Dice, most: u64) {
    sleep(Duration::from_millis(dice.between(0, most))).await;
}
