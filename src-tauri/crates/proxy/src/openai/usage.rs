//! The answer of `GET /v1/usage`.

use codex_client::{Credits, LimitWindow, RateLimits};
use serde::Serialize;
use utoipa::ToSchema;

/// The usage limits of the account that codex is signed in with. An account without any, such as an API key, has no entries.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UsageReport {
    /// Always `usage`.
    pub object: &'static str,
    /// Plan of the account, such as `plus`, if it is known.
    pub plan: Option<String>,
    /// Whether OpenAI allows the usage that is included in the plan; `null` if that is unknown.
    pub allowed: Option<bool>,
    /// Whether requests are refused at present because of a limit.
    pub limit_reached: bool,
    /// Unix time in seconds at which requests are accepted again, if a limit is reached and its reset is known.
    pub resets_at: Option<u64>,
    /// One entry per period, shortest first.
    pub limits: Vec<UsageLimit>,
    /// Credits that are used once a limit is reached, if they are known.
    pub credits: Option<UsageCredits>,
}

/// The usage within a period.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UsageLimit {
    /// Name of the period.
    #[schema(example = "5 hours")]
    pub name: String,
    /// Length of the period, if it is known.
    pub window_minutes: Option<u64>,
    /// How much of the limit is used, from 0 to 100.
    pub used_percent: u8,
    /// How much of the limit is left, from 0 to 100.
    pub remaining_percent: u8,
    /// Unix time in seconds at which the period ends, if it is known.
    pub resets_at: Option<u64>,
    /// Unix time in seconds at which the limit is used up if usage goes on at this pace; `null` if it lasts until the reset.
    pub exhausted_at: Option<u64>,
}

/// Credits bought in addition to the plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UsageCredits {
    /// Whether there are any.
    pub available: bool,
    /// Whether they never run out.
    pub unlimited: bool,
    /// What is left, as OpenAI reports it.
    pub balance: Option<String>,
}

impl UsageReport {
    /// The report at `now`, in Unix seconds.
    pub(crate) fn new(limits: RateLimits, now: u64) -> Self {
        let limit_reached = limits.is_reached(now);
        Self {
            object: "usage",
            allowed: limits.ordinary_usage_allowed,
            limit_reached,
            resets_at: limits.resets_at().filter(|at| limit_reached && now < *at),
            limits: limits.windows.iter().map(|window| UsageLimit::new(&window.at(now), now)).collect(),
            plan: limits.plan,
            credits: limits.credits.map(UsageCredits::from),
        }
    }
}

impl UsageLimit {
    fn new(window: &LimitWindow, now: u64) -> Self {
        Self {
            name: window.label(),
            window_minutes: window.minutes,
            used_percent: window.used_percent,
            remaining_percent: 100_u8.saturating_sub(window.used_percent),
            resets_at: window.resets_at,
            exhausted_at: window.exhausted_at(now),
        }
    }
}

impl From<Credits> for UsageCredits {
    fn from(Credits { available, unlimited, balance }: Credits) -> Self {
        Self { available, unlimited, balance }
    }
}
