//! One request and its answers, from arrival to the last event.
//!
//! An exchange holds one turn per answer and their admission permit, and interrupts them at their deadline or on
//! shutdown. It closes exactly once, with one log line: when it ends, or when it is dropped because the client
//! disconnected. It neither stores nor logs text of the conversation.

mod admission;
mod checking;
mod deadlines;
mod folder;
mod images;
mod key_tokens;
mod limits;
pub(crate) mod log;
mod questions;
mod record;
pub(crate) mod running;
mod turns;

use std::time::Duration;

use codex_client::{Codex, CodexError, ThreadKind, TurnEnd, TurnEvent, TurnRequest, Usage};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::Span;

use crate::answer::attempts::Attempts;
use crate::answer::pipeline::PipelineConfig;
use crate::approvals;
use crate::error::{ApiError, Failure, Refused};
use crate::event::{AnswerEnd, AnswerEvent};
use crate::metrics::{Metrics, TurnStats};

pub use admission::Occupancy;
pub(crate) use admission::{Admission, Admit, Permit};
pub use limits::Limits;

use folder::FolderWatch;
use key_tokens::KeyTokens;
use log::Recorder;
pub(crate) use questions::Desk;
use record::Outcome;
use running::{RunningRequest, RunningRequests};
use turns::{Choice, Event, Turns};

/// How often the estimate of an answer's tokens is reported.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// Length of a token in that estimate, if codex sends several at once.
const BYTES_PER_TOKEN: usize = 4;

/// One request and its answers. Dropping it means the client disconnected, and interrupts the turns.
#[derive(Debug)]
pub(crate) struct Exchange {
    recorder: Recorder,
    desk: Desk,
    metrics: Metrics,
    limits: Limits,
    cut_off: CancellationToken,
    /// Lets the owner stop it.
    running: RunningRequest,
    arrived: Instant,
    /// Time spent in the queue.
    waited: Duration,
    /// Time others took before the turn: codex to start and list its models, servers to send images.
    outside_time: Duration,
    permit: Option<Permit>,
    /// `Some` from the start of the turns until the exchange closes.
    turns: Option<Turns>,
    folder: FolderWatch,
    /// The proxy's share of the time to the first token.
    proxy_time: Duration,
    first_token: Option<Duration>,
    deltas: u64,
    /// Length of the answer and its reasoning so far, in bytes.
    bytes: usize,
    /// When the estimate of its tokens was last reported.
    reported: Instant,
    model: String,
    usage: Option<Usage>,
    key_tokens: Option<KeyTokens>,
    span: Span,
}

impl Exchange {
    /// Begins with the arrival of a request.
    pub(crate) fn new(
        recorder: Recorder,
        desk: Desk,
        metrics: &Metrics,
        limits: &Limits,
        cut_off: &CancellationToken,
        running: &RunningRequests,
    ) -> Self {
        Self {
            running: running.begin(recorder.id()),
            recorder,
            desk,
            metrics: metrics.clone(),
            limits: *limits,
            cut_off: cut_off.clone(),
            arrived: Instant::now(),
            waited: Duration::ZERO,
            outside_time: Duration::ZERO,
            permit: None,
            turns: None,
            folder: FolderWatch::default(),
            proxy_time: Duration::ZERO,
            first_token: None,
            deltas: 0,
            bytes: 0,
            reported: Instant::now(),
            model: String::new(),
            usage: None,
            key_tokens: None,
            span: Span::current(),
        }
    }

    /// Resolves when the owner stops the request.
    pub(crate) fn cancelled(&self) -> WaitForCancellationFutureOwned {
        self.running.cancelled()
    }

    /// The request's entry in the request log.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Ends the request in the log if a step before the turns has failed.
    pub(crate) fn log_error<T, E: Into<ApiError>>(&self, step: Result<T, E>) -> Result<T, ApiError> {
        step.map_err(|error| {
            let error = error.into();
            self.recorder.failed_with(&error);
            error
        })
    }

    /// Adds time that is not the proxy's own: waiting for codex's models, or for images.
    pub(crate) fn add_outside_time(&mut self, took: Duration) {
        self.outside_time += took;
    }

    /// Asks for admission of `turns` turns of the key with the id `key`. A queued request waits up to `patience`, or the queue
    /// timeout.
    ///
    /// # Errors
    /// When the request is rejected.
    pub(crate) fn request_admission(
        &self,
        admission: &Admission,
        key: &str,
        turns: u32,
        patience: Option<Duration>,
    ) -> Result<Admit, Refused> {
        let admit = admission.admit(key, turns).inspect_err(|_| self.recorder.waited(0, false))?;
        Ok(match admit {
            Admit::Now(permit) => Admit::Now(permit),
            Admit::Queued(waiting) => {
                self.recorder.step("Queued", None, false);
                Admit::Queued(match patience {
                    Some(patience) => waiting.with_timeout(patience),
                    None => waiting,
                })
            }
        })
    }

    /// Waits for admission.
    ///
    /// # Errors
    /// When the request is evicted or times out in the queue.
    pub(crate) async fn wait_for_admission(&mut self, admit: Admit) -> Result<(), Refused> {
        let queued = Instant::now();
        let permit = match admit {
            Admit::Now(permit) => Ok(permit),
            Admit::Queued(waiting) => waiting.permit().await,
        };
        self.waited = queued.elapsed();
        self.recorder.waited(record::ms(self.waited), permit.is_ok());
        self.permit = Some(permit?);
        Ok(())
    }

    /// Starts the turns of `n` answers to the same request: as many as the permit allows, and the others as these end.
    /// `retry_note` is added for a second attempt when the model did not make a required tool call, or
    /// called a strict tool with wrong arguments.
    ///
    /// # Errors
    /// When codex cannot start.
    pub(crate) async fn start(
        &mut self,
        codex: &Codex,
        request: TurnRequest,
        config: PipelineConfig,
        retry_note: Option<String>,
        n: u32,
        streamed: bool,
    ) -> Result<(), CodexError> {
        let kind = request.profile.kind;
        self.desk.begin(&request);
        let retry = match retry_note {
            None if config.arguments.is_empty() => None,
            None => Some(request.clone()),
            note => Some(TurnRequest { turn_instructions: note, ..request.clone() }),
        };
        let only_image = config.only_image;
        let choice = || Choice::new(Attempts::new(config.clone(), streamed), retry.clone(), only_image);
        let choices = (0..n).map(|_| choice()).collect();
        let max_running = self.permit.as_ref().map_or(1, Permit::turns);
        let mut turns = Turns::new(codex.clone(), request, choices, max_running);
        // Until codex has taken the turn, the time is its own: it may have to start, or to begin a thread.
        self.proxy_time = self.arrived.elapsed().saturating_sub(self.waited + self.outside_time);
        let started = tokio::select! {
            biased;
            () = self.cut_off.cancelled() => Err(CodexError::ShuttingDown),
            started = turns.start_first() => started,
        };
        started.inspect_err(|_| self.metrics.count_turn(kind, "failed", None, &TurnStats::default()))?;
        self.recorder.step("Sent to Codex", None, false);
        self.span = Span::current();
        self.turns = Some(turns);
        Ok(())
    }

    /// The next event and the index of its answer; `None` once all have ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<(u32, AnswerEvent)> {
        loop {
            let turns = self.turns.as_mut()?;
            if turns.are_over() {
                // The last event says how many files have changed.
                let settled = turns.settled();
                self.folder.start_ending(settled);
                tokio::select! {
                    biased;
                    () = self.folder.ended() => {}
                    () = self.cut_off.cancelled() => {}
                }
            }
            for (index, choice) in (0..).zip(&mut turns.choices) {
                if let Some(event) = choice.ready.pop_front() {
                    return Some((index, self.record_event(event)));
                }
            }
            let deadline = turns.next_deadline(&self.limits);
            let event = tokio::select! {
                biased;
                () = self.running.token().cancelled() => Err(Failure::Cancelled),
                event = turns.next() => event,
                () = self.cut_off.cancelled() => Err(Failure::Stopping),
                () = sleep_until(deadline) => match turns.expired(&self.limits) {
                    Some(failure) => Err(failure),
                    // codex was active in the meantime without sending an event.
                    None => continue,
                },
            };
            match event {
                Ok((index, Event::Turn(event))) => self.handle_turn_event(index, event),
                Ok((index, Event::Answered(at, resolution))) => self.handle_answered(index, at, resolution),
                Ok((index, Event::Checked(result))) => self.handle_checked(index, result),
                Err(failure) => return Some((0, self.fail(failure))),
            }
        }
    }

    /// Translates a turn event.
    fn handle_turn_event(&mut self, index: usize, event: TurnEvent) {
        match &event {
            TurnEvent::Text(text) | TurnEvent::Reasoning(text) => self.count_delta(text.len()),
            TurnEvent::Call(call) => self.count_delta(call.arguments.len()),
            TurnEvent::Picture(_) => self.count_delta(0),
            _ => {}
        }
        let is_agent = self.turns.as_ref().is_some_and(|turns| turns.kind == ThreadKind::Agent);
        let Some(choice) = self.turns.as_mut().and_then(|turns| turns.choices.get_mut(index)) else { return };
        let Choice { pipeline, ready, check, instead, .. } = choice;
        match event {
            TurnEvent::Model(model) => {
                self.model.clone_from(&model);
                ready.push_back(AnswerEvent::Model(model));
            }
            TurnEvent::Kept(chat) => self.recorder.kept(&chat),
            // The image is the answer.
            TurnEvent::Text(text) if instead.is_some() => images::push_words(instead, &text),
            TurnEvent::Text(text) => {
                if pipeline.push_text(&text, ready).is_break() {
                    // Dropping the turn interrupts it.
                    choice.turn = None;
                }
            }
            TurnEvent::Reasoning(text) => pipeline.push_reasoning(&text, ready),
            TurnEvent::Citations(citations) => pipeline.push_citations(citations, ready),
            TurnEvent::Call(call) => pipeline.push_call(call),
            TurnEvent::Item(item) => {
                pipeline.push_item(&item, ready);
                self.record_item(&item);
            }
            TurnEvent::PictureStarted(id) => {
                self.recorder.step("Generating a picture", None, false);
                // With a plain model, its place is its own item or image.
                if is_agent {
                    pipeline.push_activity("Generating a picture", ready);
                }
                pipeline.push_picture(AnswerEvent::PictureStarted(id), ready);
            }
            TurnEvent::Picture(picture) => {
                self.recorder.step("Generated a picture", None, false);
                self.recorder.picture(&picture.base64);
                choice.push_picture(picture);
            }
            TurnEvent::PictureFailed(failure) => {
                self.recorder.step("The picture failed", None, true);
                choice.fail_picture(failure);
            }
            TurnEvent::Asked(ask) => return self.ask(index, ask),
            // Only reviews have a result of their own.
            TurnEvent::Reviewed(_) => {}
            TurnEvent::Diff(patch) => self.folder.push_patch(&patch),
            TurnEvent::Checkpoint => {
                if pipeline.checkpoint(ready).is_break() {
                    choice.turn = None;
                }
            }
            TurnEvent::Retrying(failure) => {
                pipeline.retry();
                choice.retrying = Some(failure);
                self.recorder.step("Upstream error; codex is retrying", None, true);
                self.span.in_scope(|| tracing::warn!("upstream error; codex is retrying"));
            }
            TurnEvent::Ended(_) if choice.denied => {
                choice.turn = None;
                ready.push_back(AnswerEvent::Ended(Err(Failure::Denied)));
            }
            TurnEvent::Ended(Ok(_)) if instead.is_some() => {
                choice.turn = None;
                let words = instead.take().unwrap_or_default();
                ready.push_back(AnswerEvent::Ended(Err(Failure::NoImage(words))));
            }
            TurnEvent::Ended(Ok(TurnEnd { usage, incomplete: Some(incomplete), .. })) => {
                choice.turn = None;
                pipeline.finish_incomplete(incomplete, usage, ready);
                self.recorder.step("Upstream ended the answer early", None, true);
            }
            TurnEvent::Ended(Ok(TurnEnd { usage, .. })) => {
                choice.turn = None;
                if pipeline.lacks_required_call() && choice.retry.is_some() {
                    self.recorder.step("The model did not call the required tool; retrying", None, true);
                    choice.spent = usage;
                    choice.retry_now = true;
                } else {
                    let usage = sum(choice.spent, usage);
                    choice.spent = usage;
                    match pipeline.finish(usage, ready) {
                        Ok(unchecked) => {
                            *check = unchecked.map(|unchecked| checking::start(unchecked, usage));
                        }
                        Err(failure) => ready.push_back(AnswerEvent::Ended(Err(failure))),
                    }
                }
            }
            TurnEvent::Ended(Err(error)) => ready.push_back(AnswerEvent::Ended(Err(Failure::Codex(error)))),
        }
        self.withdraw_ended_questions(index);
    }

    /// Ends an answer whose validation has finished.
    fn handle_checked(&mut self, index: usize, result: Result<Option<Usage>, Failure>) {
        let Some(choice) = self.turns.as_mut().and_then(|turns| turns.choices.get_mut(index)) else { return };
        let Choice { pipeline, ready, check, .. } = choice;
        *check = None;
        match (result, &mut choice.retry) {
            (Ok(usage), _) => pipeline.finish_checked(usage, ready),
            (Err(Failure::BadCall(reason)), Some(retry)) => {
                let rejected = pipeline.reject_calls(&reason);
                retry.unseen_items = rejected.len();
                retry.items.extend(rejected);
                self.recorder.step("A tool call did not match its schema; retrying", None, true);
                choice.retry_now = true;
            }
            (Err(failure), _) => ready.push_back(AnswerEvent::Ended(Err(failure))),
        }
    }

    /// Records an event that is sent to the client.
    fn record_event(&mut self, event: AnswerEvent) -> AnswerEvent {
        match event {
            AnswerEvent::Text(text) => {
                self.recorder.text(&text);
                AnswerEvent::Text(text)
            }
            AnswerEvent::Ended(Ok(AnswerEnd { reason, usage, .. })) => {
                if let Some(usage) = usage {
                    *self.usage.get_or_insert_default() += usage;
                }
                self.answer_ended();
                AnswerEvent::Ended(Ok(AnswerEnd { reason, usage, files_changed: self.folder.count() }))
            }
            AnswerEvent::Ended(Err(failure)) => self.fail(failure),
            event => event,
        }
    }

    /// Handles the end of one answer; the last one closes the exchange.
    fn answer_ended(&mut self) {
        // Called when an answer's last event has been taken.
        if self.turns.as_ref().is_some_and(|turns| turns.choices.iter().all(Choice::has_ended)) {
            self.close(&Outcome::Done(self.usage));
        }
    }

    /// Ends the whole exchange with a failure.
    fn fail(&mut self, failure: Failure) -> AnswerEvent {
        self.close(&Outcome::Failed(&failure));
        AnswerEvent::Ended(Err(failure))
    }

    fn count_delta(&mut self, bytes: usize) {
        self.deltas += 1;
        self.bytes += bytes;
        if self.first_token.is_none() {
            self.first_token = Some(self.arrived.elapsed());
            self.recorder.first_token(record::ms(self.proxy_time));
        }
        if self.reported.elapsed() >= PROGRESS_INTERVAL {
            self.reported = Instant::now();
            self.recorder.progress(self.estimated_tokens());
        }
    }

    /// An estimate of the tokens of the answer and its reasoning so far.
    fn estimated_tokens(&self) -> u64 {
        // codex sends a delta a token, or several at once.
        self.deltas.max((self.bytes / BYTES_PER_TOKEN) as u64)
    }

    fn close(&mut self, outcome: &Outcome<'_>) {
        if self.turns.is_none() {
            return;
        }
        self.withdraw_all_questions(match outcome {
            Outcome::Disconnected => approvals::Outcome::ClientGone,
            Outcome::Failed(Failure::Stopping) => approvals::Outcome::Shutdown,
            Outcome::Failed(Failure::Cancelled) => approvals::Outcome::Stopped,
            Outcome::Done(_) | Outcome::Failed(_) => approvals::Outcome::Withdrawn,
        });
        let Some(mut turns) = self.turns.take() else { return };
        self.folder.start_ending(turns.settled());
        // Admit the next request even while this client still reads.
        self.permit = None;
        let _in_span = self.span.enter();
        let total = self.arrived.elapsed();
        let first = self.first_token.map(|first| (first, self.proxy_time));
        let stats = TurnStats { deltas: self.deltas, first, total };
        let (label, usage) = match *outcome {
            Outcome::Done(usage) => ("done", usage),
            Outcome::Failed(Failure::Cancelled | Failure::Denied) => ("cancelled", None),
            Outcome::Failed(_) => ("failed", None),
            Outcome::Disconnected => ("client_gone", None),
        };
        self.metrics.count_turn(turns.kind, label, usage, &stats);
        self.add_key_tokens(&turns, outcome);
        self.record_end(total, outcome);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close(&Outcome::Disconnected);
    }
}

/// The sum of what is known.
fn sum(first: Option<Usage>, second: Option<Usage>) -> Option<Usage> {
    let (Some(mut total), Some(second)) = (first, second) else { return first.or(second) };
    total += second;
    Some(total)
}
