//! The request log, for the window.

use std::path::Path;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codex_client::is_on_path;
use proxy::unix_now;

use super::App;
use super::overview::{base_url, midnight};
use crate::request_log::{ExchangeDetail, ExchangeQuery, ExportFormat, Today};
use crate::shell::Platform;
use crate::view::ViewError;

impl App {
    /// All details of one request.
    ///
    /// # Errors
    /// If it is no longer in the log.
    pub async fn exchange_detail(&self, id: &str) -> Result<ExchangeDetail, ViewError> {
        let detail = self.0.request_log.detail(id).await;
        let mut detail = detail.ok_or_else(|| ViewError::new("This request is no longer in the log."))?;
        self.show_changes(&mut detail).await;
        Ok(detail)
    }

    /// Clears all requests that have ended. For ten seconds it can be undone.
    pub async fn clear_exchanges(&self) {
        self.0.request_log.clear().await;
        self.0.refresh.notify_one();
    }

    /// Brings back the requests that have just been cleared.
    pub async fn undo_clear(&self) {
        self.0.request_log.undo_clear().await;
        self.0.refresh.notify_one();
    }

    /// Stops a request that runs or waits.
    ///
    /// # Errors
    /// If it has ended.
    pub fn stop_exchange(&self, id: &str) -> Result<(), ViewError> {
        let stopped = self.running().is_some_and(|running| running.proxy.stop_request(id));
        if stopped { Ok(()) } else { Err(ViewError::new("This request has already ended.")) }
    }

    /// Today's requests, without the window's own.
    pub async fn today(&self) -> Today {
        self.0.request_log.today(self.midnight()).await
    }

    /// The last midnight of the window's clock, in Unix seconds.
    pub(super) fn midnight(&self) -> u64 {
        midnight(unix_now(), self.0.utc_offset.load(Ordering::Relaxed))
    }

    /// Writes the matching requests to a file, and returns their number.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub async fn export_exchanges(
        &self,
        query: ExchangeQuery,
        format: ExportFormat,
        path: &Path,
    ) -> Result<usize, ViewError> {
        let exported = self.0.request_log.export(query, format, path).await;
        exported.map_err(|error| ViewError::new(format!("Couldn't export to {}: {error}.", path.display())))
    }

    /// Writes a picture of a request to a file.
    ///
    /// # Errors
    /// If it is no longer in the log, or the file cannot be written.
    pub async fn save_picture(&self, id: &str, index: usize, path: &Path) -> Result<(), ViewError> {
        let mut pictures = self.exchange_detail(id).await?.pictures;
        let gone = || ViewError::new("This picture is no longer in the log.");
        let picture = if index < pictures.len() { pictures.swap_remove(index) } else { return Err(gone()) };
        let bytes = STANDARD.decode(picture).map_err(|_| gone())?;
        let saved = tokio::fs::write(path, bytes).await;
        saved.map_err(|error| ViewError::new(format!("Couldn't save to {}: {error}.", path.display())))
    }

    /// A request as a curl command, without its key.
    ///
    /// # Errors
    /// If it is no longer in the log.
    pub async fn as_curl(&self, id: &str) -> Result<String, ViewError> {
        let base = base_url(std::net::Ipv4Addr::LOCALHOST, self.0.settings.current().proxy.port.get());
        Ok(self.exchange_detail(id).await?.as_curl(&base, Platform::current()))
    }

    /// A command that continues the chat of a request in a terminal.
    ///
    /// # Errors
    /// If the request is no longer in the log, or codex does not keep its chat.
    pub async fn resume_command(&self, id: &str) -> Result<String, ViewError> {
        let chat = self.exchange_detail(id).await?.chat;
        let chat = chat.ok_or_else(|| ViewError::new("Codex doesn't keep the chat of this request."))?;
        let codex = if is_on_path("codex", &self.0.environment) {
            None
        } else {
            self.0
                .codex
                .lock()
                .as_ref()
                .and_then(|probed| probed.as_ref().ok())
                .map(|ready| ready.readiness.path.clone())
        };
        Ok(chat.resume_command(codex.as_deref(), Platform::current()))
    }
}
