//! Termination signals: SIGTERM and Ctrl-C, and on Windows also Ctrl-Break, closing the console, logging off and shutting down.

use std::io;

/// Exit code after Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// What a signal leaves time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An orderly end.
    Stop,
    /// Windows closes the console, or the user's session, and ends the program five seconds later.
    Closing,
}

/// Termination signals. One that arrives while another is handled is queued.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    /// What a program can send to another one's process group.
    #[cfg(windows)]
    terminate: tokio::signal::windows::CtrlBreak,
    /// The console window is closed.
    #[cfg(windows)]
    close: tokio::signal::windows::CtrlClose,
    #[cfg(windows)]
    log_off: tokio::signal::windows::CtrlLogoff,
    /// The system shuts down.
    #[cfg(windows)]
    shutdown: tokio::signal::windows::CtrlShutdown,
}

impl Signals {
    /// Starts listening. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system rejects it.
    pub fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        }
        #[cfg(windows)]
        {
            use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
            Ok(Self {
                interrupt: ctrl_c()?,
                terminate: ctrl_break()?,
                close: ctrl_close()?,
                log_off: ctrl_logoff()?,
                shutdown: ctrl_shutdown()?,
            })
        }
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
        }
        #[cfg(windows)]
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.close.recv() => Signal::Closing,
            _ = self.log_off.recv() => Signal::Closing,
            _ = self.shutdown.recv() => Signal::Closing,
        }
    }
}
