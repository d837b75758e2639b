//! Writes a response from its turn, event by event.

use std::sync::Arc;

use super::running::RunningResponse;
use crate::clock::unix_now;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::server::response_store::Recording;

/// Writes a running response from its turn.
#[derive(Debug)]
pub(super) struct Driver {
    /// `None` after the end. Dropping it interrupts the turn.
    exchange: Option<Exchange>,
    recording: Recording,
}

impl Driver {
    pub(super) fn new(exchange: Exchange, recording: Recording) -> Self {
        Self { exchange: Some(exchange), recording }
    }

    pub(super) fn running(&self) -> &Arc<RunningResponse> {
        self.recording.running()
    }

    /// The exchange, until the response has ended.
    pub(super) fn exchange(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_mut()
    }

    /// Writes the next event; `None` after the end.
    pub(super) async fn step(&mut self) -> Option<Result<(), ApiError>> {
        let exchange = self.exchange.as_mut()?;
        let running = Arc::clone(self.recording.running());
        let written = tokio::select! {
            biased;
            () = running.cancelled() => {
                exchange.recorder().step("Cancelled by the app", None, false);
                Ok(())
            }
            event = exchange.next() => match event {
                Some((_, event)) => running.writer().write(event, unix_now()).map_err(ApiError::from),
                None => Err(ApiError::internal()),
            },
        };
        if written.is_err() || running.writer().has_ended() {
            self.exchange = None;
        }
        if running.writer().has_ended() {
            self.recording.store();
        }
        Some(written.map_err(ApiError::of_responses))
    }

    /// Ends the response as failed, and stores it.
    pub(super) fn fail(&mut self, error: ApiError) {
        self.exchange = None;
        self.recording.running().writer().fail(error.of_responses().in_response());
        self.recording.store();
    }
}
