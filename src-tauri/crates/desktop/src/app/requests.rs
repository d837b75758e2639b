//! The request log, as the window asks for it.

use super::{App, overview::base_url, said};
use crate::request_log::{ChartBar, ChartBy, ExchangeDetail, ExchangeQuery, ExchangeRow};
use crate::view::ViewError;

/// What is said of a request that is no longer there.
const GONE: &str = "This request is no longer in the log.";

impl App {
    /// Rows of the log, newest first.
    pub async fn exchanges(&self, query: ExchangeQuery) -> Vec<ExchangeRow> {
        self.0.request_log.query(query).await
    }

    /// Everything that is kept of one request.
    ///
    /// # Errors
    /// When it is no longer there.
    pub async fn exchange_detail(&self, id: &str) -> Result<ExchangeDetail, ViewError> {
        self.0.request_log.detail(id).await.ok_or_else(|| said(GONE))
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

    /// The bars of the charts. Days begin at midnight where the clock is `utc_offset_seconds` ahead of UTC, as the window's is.
    pub async fn chart(&self, by: ChartBy, utc_offset_seconds: i32) -> Vec<ChartBar> {
        self.0.request_log.chart(by, utc_offset_seconds).await
    }
}
