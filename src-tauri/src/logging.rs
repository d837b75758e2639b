//! The app's log: a file a day in the data folder, of which the last week is kept.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::EnvFilter;

/// Days of log files that are kept.
const KEPT: usize = 7;

/// Starts the log. It is written for as long as the guard is held.
pub(crate) fn start(data_dir: &Path) -> Result<WorkerGuard, String> {
    let folder = data_dir.join("logs");
    // The builder would make it too, and complain first that there is nothing in it.
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let files = Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("codex-proxy")
        .filename_suffix("log")
        .max_log_files(KEPT)
        .build(folder)
        .map_err(|error| format!("no log can be written: {error}"))?;
    let (writer, guard) = tracing_appender::non_blocking(files);
    let level = proxy::app::log_level(data_dir);
    let filter = EnvFilter::new(format!("warn,codex_client={level},proxy={level},codex_proxy={level}"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).init();
    Ok(guard)
}
