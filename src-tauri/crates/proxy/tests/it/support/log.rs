//! An in-memory request log: every reported request is a row.

use std::sync::{Arc, Mutex};

use codex_client::{KeptChat, Usage};
use proxy::changes::Changes;
use proxy::{Arrival, RequestEnd, RequestLog, Step};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RowState {
    #[default]
    Waiting,
    Streaming,
    Done,
    Failed,
    Stopped,
    Cancelled,
}

#[derive(Clone, Debug)]
pub(crate) struct RowStep {
    pub(crate) what: String,
    pub(crate) detail: Option<String>,
    pub(crate) bad: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) arrival: Arrival,
    pub(crate) model: String,
    pub(crate) state: RowState,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) error: Option<String>,
    /// What is stored in place of the error, if that may quote the request.
    pub(crate) summary: Option<String>,
    pub(crate) wait_ms: Option<u64>,
    pub(crate) own_ms: Option<u64>,
    pub(crate) usage: Option<Usage>,
    pub(crate) commands: u32,
    /// Reported estimates of the tokens.
    pub(crate) progress: Vec<u64>,
    pub(crate) steps: Vec<RowStep>,
    /// The chat, if codex keeps it.
    pub(crate) chat: Option<KeptChat>,
    /// What changed in the working folder.
    pub(crate) changes: Option<Changes>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Row>>>);

impl Log {
    /// All rows, newest first.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.0.lock().unwrap().iter().rev().cloned().collect()
    }

    pub(crate) fn newest(&self) -> Row {
        self.rows().remove(0)
    }

    /// Counts the running requests.
    pub(crate) fn running(&self) -> usize {
        let runs = |row: &&Row| matches!(row.state, RowState::Waiting | RowState::Streaming);
        self.0.lock().unwrap().iter().filter(runs).count()
    }

    fn edit(&self, id: &str, edit: impl FnOnce(&mut Row)) {
        let mut rows = self.0.lock().unwrap();
        edit(rows.iter_mut().find(|row| row.arrival.id == id).expect("the request was not begun"));
    }
}

impl RequestLog for Log {
    fn begun(&self, request: Arrival) {
        let row = Row { model: request.model.clone(), arrival: request, ..Row::default() };
        self.0.lock().unwrap().push(row);
    }

    fn step(&self, id: &str, step: &Step<'_>) {
        let Step { what, detail, bad, is_command } = *step;
        self.edit(id, |row| {
            row.commands += u32::from(is_command);
            row.steps.push(RowStep { what: what.to_owned(), detail: detail.map(str::to_owned), bad });
        });
    }

    fn model(&self, id: &str, model: &str) {
        self.edit(id, |row| row.model = model.to_owned());
    }

    fn kept(&self, id: &str, chat: &KeptChat) {
        self.edit(id, |row| row.chat = Some(chat.clone()));
    }

    fn waited(&self, id: &str, ms: u64, _admitted: bool) {
        self.edit(id, |row| row.wait_ms = Some(ms));
    }

    fn first_token(&self, id: &str, own_ms: u64) {
        self.edit(id, |row| (row.state, row.own_ms) = (RowState::Streaming, Some(own_ms)));
    }

    fn progress(&self, id: &str, tokens: u64) {
        self.edit(id, |row| row.progress.push(tokens));
    }

    fn changed(&self, id: &str, changes: &Changes) {
        self.edit(id, |row| row.changes = Some(changes.clone()));
    }

    fn ended(&self, id: &str, end: &RequestEnd<'_>) {
        self.edit(id, |row| match *end {
            RequestEnd::Done { status, usage } => {
                (row.state, row.status, row.usage) = (RowState::Done, Some(status), usage);
            }
            RequestEnd::Failed { status, code, message, summary } => {
                (row.state, row.status) = (RowState::Failed, Some(status));
                (row.code, row.error) = (Some(code.to_owned()), Some(message.to_owned()));
                row.summary = summary.map(str::to_owned);
            }
            RequestEnd::Disconnected => row.state = RowState::Stopped,
            RequestEnd::Cancelled => row.state = RowState::Cancelled,
        });
    }
}
