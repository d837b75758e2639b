//! Second turns: a conversation goes on in the thread of its first turn, and in a new thread.
//!
//! Of the first turn nothing is measured. A person reads its answer before going on, so a pause comes between the two.

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::{PAUSE, Sides, WARM_UP, judged, said};
use crate::bare::{Ask, Threads};
use crate::proxyd::Proxyd;
use crate::results::{Received, SecondTurns};
use crate::script::{self, ECHO};
use crate::stream::Stream;
use crate::yardstick::BareClient;

impl Sides {
    /// Second turns, one stream at a time.
    ///
    /// A second client and a second proxy go on in new threads. What they send has another beginning than what was answered,
    /// as when somebody edits a message, so a proxy finds no thread that fits. They have a codex each, because one that serves
    /// twice as often would be the quicker for it, and they have first turns answered for the same reason.
    pub(crate) async fn second_turns(
        &mut self,
        rounds: u32,
        new_bare: &mut BareClient,
        new_proxyd: &Proxyd,
    ) -> Result<SecondTurns> {
        let mut turns = SecondTurns { received: self.received_second().await?, ..SecondTurns::default() };
        let prompt = &script::prompt();
        for round in 0..WARM_UP + rounds {
            let opening = &script::opening(&format!("Talk {round}."));
            let edited = &script::opening(&format!("Edit {round}."));
            // Each is first as often as it is last.
            for turn in 0..4 {
                let (side, stream) = match (round + turn) % 4 {
                    0 => (&mut turns.pair.bare, warm(&mut self.bare, opening, prompt).await?),
                    1 => (&mut turns.pair.proxy, of_proxyd(&self.proxyd, opening, opening, prompt).await?),
                    2 => (&mut turns.anew.bare, anew(new_bare, opening, edited, prompt).await?),
                    _ => (&mut turns.anew.proxy, of_proxyd(new_proxyd, opening, edited, prompt).await?),
                };
                if round >= WARM_UP {
                    side.rounds.push(judged(vec![stream]));
                }
            }
        }
        Ok(turns)
    }

    /// What the model receives from either side in a second turn.
    async fn received_second(&mut self) -> Result<Received> {
        let opening = &script::opening("Talk.");
        let bare = said(vec![warm(&mut self.bare, opening, ECHO).await?])
            .context("the bare client's second turn has failed")?;
        let proxy = said(vec![of_proxyd(&self.proxyd, opening, opening, ECHO).await?])
            .context("codex-proxyd's second turn has failed")?;
        Ok(Received { bare, proxy })
    }
}

/// The bare client's, in the thread of the first turn.
async fn warm(bare: &mut BareClient, opening: &str, prompt: &str) -> Result<Stream> {
    sleep(PAUSE).await;
    ask(bare, prompt, Threads::Spoken { prompt: opening.to_owned(), since: PAUSE }).await
}

/// The bare client's, in a new thread. It has `opening` answered, and tells the thread that this is the answer to `told`.
async fn anew(bare: &mut BareClient, opening: &str, told: &str, prompt: &str) -> Result<Stream> {
    sleep(PAUSE).await;
    let first = ask(bare, opening, Threads::New).await?;
    if let Some(failure) = first.failure {
        return Ok(no_second(&failure));
    }
    sleep(PAUSE).await;
    ask(bare, prompt, Threads::Told { prompt: told.to_owned(), answer: first.text }).await
}

/// A proxy's. It has `opening` answered, and sends a conversation in which this is the answer to `sent`.
async fn of_proxyd(proxyd: &Proxyd, opening: &str, sent: &str, prompt: &str) -> Result<Stream> {
    sleep(PAUSE).await;
    let first = proxyd.talk(&[opening]).await?;
    if let Some(failure) = first.failure {
        return Ok(no_second(&failure));
    }
    sleep(PAUSE).await;
    proxyd.talk(&[sent, &first.text, prompt]).await
}

async fn ask(bare: &mut BareClient, prompt: &str, threads: Threads) -> Result<Stream> {
    let ask = Ask { prompt: prompt.to_owned(), streams: 1, threads };
    bare.round(&ask).await?.pop().context("there is no stream")
}

fn no_second(failure: &str) -> Stream {
    Stream::failed(format!("its first turn has failed: {failure}"))
}
