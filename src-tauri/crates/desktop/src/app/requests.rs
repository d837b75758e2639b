//! The request log, as the window asks for it.

use super::{App, overview::base_url, said};
use crate::request_log::ExchangeDetail;
use crate::view::ViewError;

impl App {
    /// Everything that is kept of one request.
    ///
    /// # Errors
    /// When it is no longer there.
    pub async fn exchange_detail(&self, id: &str) -> Result<ExchangeDetail, ViewError> {
        self.0.request_log.detail(id).await.ok_or_else(|| said("This request is no longer in the log."))
    }

    /// Takes everything out that has ended.
    pub async fn clear_exchanges(&self) {
        self.0.request_log.clear().await;
        self.0.renew.notify_one();
    }

    /// A request as a curl command, its key left out.
    ///
    /// # Errors
    /// When it is no longer there.
    pub async fn as_curl(&self, id: &str) -> Result<String, ViewError> {
        let base = base_url(self.0.settings.current().proxy.port.get());
        Ok(self.exchange_detail(id).await?.as_curl(&base))
    }
}
