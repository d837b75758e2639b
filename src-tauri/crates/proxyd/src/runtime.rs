//! The asynchronous runtime.

pub(crate) fn start_runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Runtime::new()
        .map_err(|error| format!("the threads of the program could not be started: {error}"))
}
