//! The app's log files in the data folder, bounded by `proxy::logging::files`.

use std::path::Path;

use proxy::logging::line::{OneLine, log_panics};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// The log, which is written while this exists.
pub(crate) struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    /// `None` if no file can be written.
    _writer: Option<WorkerGuard>,
}

impl Log {
    /// Starts the log at the level in the settings. Falls back to stderr if no file can be written.
    pub(crate) fn start(data_dir: &Path) -> Self {
        let (writer, guard, error) = match proxy::logging::files::start(data_dir, "codex-proxy") {
            Ok((writer, guard)) => (BoxMakeWriter::new(writer), Some(guard), None),
            Err(error) => (BoxMakeWriter::new(std::io::stderr), None, Some(error)),
        };
        let (filter, handle) = reload::Layer::new(filter(data_dir));
        let lines = tracing_subscriber::fmt::layer().with_writer(OneLine(writer)).with_ansi(false);
        tracing_subscriber::registry().with(filter).with(lines).init();
        log_panics();
        if let Some(error) = error {
            tracing::warn!(%error, "cannot write log files; logging to stderr");
        }
        Self { filter: handle, _writer: guard }
    }

    /// Applies the level in the settings.
    pub(crate) fn reload(&self, data_dir: &Path) {
        if let Err(error) = self.filter.reload(filter(data_dir)) {
            tracing::warn!(%error, "failed to change the log level");
        }
    }
}

fn filter(data_dir: &Path) -> EnvFilter {
    let level = desktop::app::log_level(data_dir);
    EnvFilter::new(format!("warn,codex_client={level},proxy={level},codex_proxy={level}"))
}
