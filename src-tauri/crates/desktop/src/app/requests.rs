//! The request log, for the window.

use super::{App, overview::base_url};
use crate::request_log::ExchangeDetail;
use crate::shell::Platform;
use crate::view::ViewError;

impl App {
    /// All details of one request.
    ///
    /// # Errors
    /// If it is no longer in the log.
    pub async fn exchange_detail(&self, id: &str) -> Result<ExchangeDetail, ViewError> {
        let detail = self.0.request_log.detail(id).await;
        detail.ok_or_else(|| ViewError::new("This request is no longer in the log."))
    }

    /// Removes all requests that have ended.
    pub async fn clear_exchanges(&self) {
        self.0.request_log.clear().await;
        self.0.refresh.notify_one();
    }

    /// A request as a curl command, without its key.
    ///
    /// # Errors
    /// If it is no longer in the log.
    pub async fn as_curl(&self, id: &str) -> Result<String, ViewError> {
        let base = base_url(self.0.settings.current().proxy.port.get());
        Ok(self.exchange_detail(id).await?.as_curl(&base, Platform::current()))
    }
}
