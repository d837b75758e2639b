//! `GET /v1/usage`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;

use crate::clock::unix_now;
use crate::error::ApiError;
use crate::openai::usage::UsageReport;
use crate::server::state::Proxy;

/// How long to wait for codex, which asks upstream, to report limits for the first time.
const FIRST_REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Get usage
///
/// Returns how much of the account's usage limits is used, and when they reset. Starts codex if it has not been started yet.
#[utoipa::path(
    get, path = "/v1/usage", operation_id = "getUsage", tag = "Usage", security(("key" = [])),
    responses((status = 200, description = "The usage limits.", body = UsageReport))
)]
pub(crate) async fn usage(State(proxy): State<Proxy>) -> Result<Json<UsageReport>, ApiError> {
    let limits = proxy.codex.usage_limits();
    let mut reported = limits.watch();
    let is_unknown = reported.borrow().is_none();
    if is_unknown {
        proxy.codex.plain().ready().await?;
        if proxy.codex.may_have_limits() {
            // codex reads them when it starts. Without an answer the report is empty.
            let _ = tokio::time::timeout(FIRST_REPORT_TIMEOUT, reported.wait_for(Option::is_some)).await;
        }
    } else {
        // For the next time.
        limits.refresh();
    }
    let known = reported.borrow().clone().unwrap_or_default();
    Ok(Json(UsageReport::new(known, unix_now())))
}
