//! Which turn a notification belongs to, by its thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::error::CodexError;
use crate::mailbox::{Posted, Sender};
use crate::notifications::{Params, Reading};
use crate::protocol::RateLimits;
use crate::turn::{ItemEvent, TurnEvent};

/// The running turns of a connection.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    closed: bool,
    turns: HashMap<String, Running>,
}

#[derive(Debug)]
struct Running {
    reading: Reading,
    post: Sender,
    /// Cancelled to have the turn interrupted when its events no longer fit.
    interrupt: CancellationToken,
    /// Cancelled with the first word of the answer or of the reasoning.
    spoke: CancellationToken,
    ended: CancellationToken,
}

/// A turn's place in the table; dropping it takes the turn out.
#[derive(Debug)]
pub(crate) struct Route {
    inner: Arc<Mutex<Inner>>,
    thread: String,
    spoke: CancellationToken,
    ended: CancellationToken,
}

impl Routes {
    /// Leads the notifications of `thread` to `post` from now on.
    pub(crate) fn add(
        &self,
        thread: &str,
        post: Sender,
        interrupt: CancellationToken,
    ) -> Result<Route, CodexError> {
        let (spoke, ended) = (CancellationToken::new(), CancellationToken::new());
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Err(CodexError::Disconnected);
        }
        let running = Running {
            reading: Reading::default(),
            post,
            interrupt,
            spoke: spoke.clone(),
            ended: ended.clone(),
        };
        inner.turns.insert(thread.to_owned(), running);
        Ok(Route { inner: Arc::clone(&self.inner), thread: thread.to_owned(), spoke, ended })
    }

    /// Passes a notification on to its turn, if it has one.
    pub(crate) fn note(&self, method: &str, params: Params<'_>, limits: impl FnOnce() -> RateLimits) {
        let mut inner = lock(&self.inner);
        let Some(running) = params.thread_id.as_deref().and_then(|thread| inner.turns.get_mut(thread)) else {
            return;
        };
        // Only the end of a turn looks at the limits, and only that is worth a copy of them.
        let limits = if method == "turn/completed" { limits() } else { RateLimits::default() };
        let Running { reading, post, interrupt, spoke, ended } = running;
        reading.read(method, params, &limits, &mut |event| {
            let is_end = event.is_end();
            if matches!(event, TurnEvent::Text(_) | TurnEvent::Reasoning(_)) {
                spoke.cancel();
            }
            if post.post(event) == Posted::Overflow {
                interrupt.cancel();
            }
            if is_end {
                ended.cancel();
            }
        });
    }

    /// Tells the turn that a request of codex names that something was declined.
    pub(crate) fn declined(&self, params: &RawValue, what: &'static str) {
        let Ok(params) = serde_json::from_str::<Params<'_>>(params.get()) else { return };
        if let Some(running) = params
            .thread_id
            .and_then(|thread| lock(&self.inner).turns.get(&*thread).map(|running| running.post.clone()))
        {
            running.post(TurnEvent::Item(ItemEvent::Declined { what }));
        }
    }

    /// Tells every running turn that codex is gone, and refuses new ones.
    pub(crate) fn close(&self) {
        let turns = {
            let mut inner = lock(&self.inner);
            inner.closed = true;
            std::mem::take(&mut inner.turns)
        };
        for running in turns.into_values() {
            running.post.post(TurnEvent::Ended(Err(CodexError::Disconnected)));
            running.ended.cancel();
        }
    }
}

impl Route {
    /// Waits until the model has begun to speak.
    pub(crate) async fn spoke(&self) {
        self.spoke.cancelled().await;
    }

    /// Waits until the turn has ended.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        lock(&self.inner).turns.remove(&self.thread);
    }
}

fn lock(inner: &Mutex<Inner>) -> std::sync::MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
