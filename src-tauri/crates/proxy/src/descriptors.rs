//! How many files and sockets the process may have open. An app on a Mac may have 256, which a hundred idle clients use up.

/// What is enough for the connections, codex, the database and the logs.
#[cfg(unix)]
const ENOUGH: u64 = 4096;

/// Raises the limit as far as is needed and allowed. Windows has none that matters.
pub fn allow_enough() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let now = getrlimit(Resource::Nofile);
        let wanted = now.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
        if now.current.is_some_and(|current| current < wanted)
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..now })
        {
            // It works with fewer, for fewer clients at once.
            tracing::debug!(%error, "the limit of open files was not raised");
        }
    }
}
