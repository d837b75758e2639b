//! Starts processes and makes sure that they, and everything they start, end with us.
//!
//! On Unix the process leads its own group, and a guard in that group, a shell that reads a pipe of ours, kills the
//! whole group when the pipe closes. The pipe closes when the handle is dropped, and also when a signal that no code
//! can catch kills us. On Windows a job object does the same. Nothing else in this crate starts a process that outlives
//! one function.

mod launch;
mod stderr;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub(crate) use launch::{Launch, command, output};
pub(crate) use stderr::StderrTail;
#[cfg(unix)]
pub(crate) use unix::Process;
#[cfg(windows)]
pub(crate) use windows::Process;
