//! What the daemon and the terminal tell each other: one line of JSON each.

use interprocess::local_socket::tokio::Stream;
use proxy::approvals::{Approval, ApprovalAnswer};
use serde::{Deserialize, Serialize};
use tokio_util::codec::{Framed, LinesCodec};

/// The longest line. A question has at most half of it.
const MAX_LINE: usize = 2 * 1024 * 1024;

/// From the daemon.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum ToTerminal {
    /// The first line. `asks` is whether the settings let codex ask.
    Hello { asks: bool },
    /// The terminal may not answer.
    Refused { why: String },
    /// A question waits.
    Asked(Box<Approval>),
    /// It does not wait any more.
    Closed { id: String },
    /// The answer was taken, unless there is a problem.
    Answered { id: String, problem: Option<Problem> },
}

/// Why an answer does not count.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) still_waits: bool,
}

/// From the terminal: the answer to a question.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToDaemon {
    pub(super) id: String,
    pub(super) answer: ApprovalAnswer,
}

/// A connection, by line.
pub(super) type Connection = Framed<Stream, LinesCodec>;

pub(super) fn connection(stream: Stream) -> Connection {
    Framed::new(stream, LinesCodec::new_with_max_length(MAX_LINE))
}
