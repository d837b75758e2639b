//! The app's log: a file a day in the data folder, of which the last week is kept.

use std::path::Path;

use proxy::log_line::{OneLine, tell_of_panics};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Days of log files that are kept.
const KEPT: usize = 7;

/// The log. It is written for as long as this is held.
pub(crate) struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    _writer: WorkerGuard,
}

impl Log {
    /// Starts the log, at the level of the settings.
    pub(crate) fn start(data_dir: &Path) -> Result<Self, String> {
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
        let (filter, handle) = reload::Layer::new(filter(data_dir));
        let lines = tracing_subscriber::fmt::layer().with_writer(OneLine(writer)).with_ansi(false);
        tracing_subscriber::registry().with(filter).with(lines).init();
        tell_of_panics();
        Ok(Self { filter: handle, _writer: guard })
    }

    /// Takes the level that the settings have now.
    pub(crate) fn renew(&self, data_dir: &Path) {
        if let Err(error) = self.filter.reload(filter(data_dir)) {
            tracing::warn!(%error, "the log level could not be changed");
        }
    }
}

fn filter(data_dir: &Path) -> EnvFilter {
    let level = proxy::app::log_level(data_dir);
    EnvFilter::new(format!("warn,codex_client={level},proxy={level},codex_proxy={level}"))
}
