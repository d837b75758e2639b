//! What is done to the text of an answer while it streams: it is cut before a stop text, ended after so many tokens, or freed of
//! what stands around its JSON.
//!
//! Each of these is a value that takes deltas and gives back what may be sent now, without IO, clock or knowledge of codex.
//! Whoever uses them decides the order, sends the text, and interrupts the turn when one says that it is over. Whether an
//! answer follows a schema is checked in `translate::schema`.

pub mod json;
pub mod length;
pub mod stop;
pub mod tokens;

/// What became of a delta.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// What may be sent now; can be empty, and can hold text of earlier deltas.
    pub text: String,
    /// Whether the answer is over. Nothing comes out any more from then on.
    pub hit: bool,
}
