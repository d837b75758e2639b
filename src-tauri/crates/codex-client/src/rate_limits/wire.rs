//! The limits as codex's protocol spells them.

use serde::Deserialize;
use serde_json::Value;

use super::{Credits, HOUR, LimitWindow, RateLimits};

/// The id of the limits that count for every model. Others are those of single models.
const MAIN_LIMIT: &str = "codex";

/// How many windows are kept. There are two.
const MAX_WINDOWS: usize = 8;

/// Upstream rounds a window's length down by up to this many minutes.
const MAX_MISSING_MINUTES: u64 = 3;

/// The response to `account/rateLimits/read`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitsResponse {
    #[serde(default)]
    ordinary_usage_allowed: Option<bool>,
    rate_limits: Snapshot,
}

/// The limits in a response, or what has changed of them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Snapshot {
    limit_id: Option<String>,
    // Their order says nothing.
    primary: Option<Window>,
    secondary: Option<Window>,
    credits: Option<CreditsSnapshot>,
    plan_type: Option<String>,
    rate_limit_reached_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Window {
    used_percent: f64,
    window_duration_mins: Option<u64>,
    resets_at: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CreditsSnapshot {
    has_credits: bool,
    unlimited: bool,
    balance: Value,
}

impl From<LimitsResponse> for RateLimits {
    fn from(LimitsResponse { ordinary_usage_allowed, rate_limits }: LimitsResponse) -> Self {
        let mut limits = Self { ordinary_usage_allowed, ..Self::default() };
        limits.merge(rate_limits);
        limits
    }
}

impl Snapshot {
    /// Whether it is about the limits that count for every model.
    pub(crate) fn is_main(&self) -> bool {
        self.limit_id.as_deref().is_none_or(|id| id == MAIN_LIMIT)
    }
}

impl RateLimits {
    /// Merges an update. Updates are sparse: what is missing has not changed.
    pub(super) fn merge(&mut self, update: Snapshot) {
        for window in [update.primary, update.secondary].into_iter().flatten() {
            let window = LimitWindow::from(window);
            match self.windows.iter_mut().find(|known| known.minutes == window.minutes) {
                Some(known) => *known = window,
                None => self.windows.push(window),
            }
        }
        self.windows.sort_by_key(|window| window.minutes.unwrap_or(u64::MAX));
        self.windows.truncate(MAX_WINDOWS);
        self.credits = update.credits.map(Credits::from).or(self.credits.take());
        self.plan = update.plan_type.filter(|plan| plan != "unknown").or(self.plan.take());
        self.reached_type = update.rate_limit_reached_type.or(self.reached_type.take());
    }
}

impl From<Window> for LimitWindow {
    fn from(Window { used_percent, window_duration_mins, resets_at }: Window) -> Self {
        let percents = 0..=100;
        let used_percent = percents.rev().find(|percent| f64::from(*percent) <= used_percent).unwrap_or(0);
        Self {
            used_percent,
            minutes: window_duration_mins.filter(|minutes| *minutes > 0).map(whole_hours),
            resets_at,
        }
    }
}

fn whole_hours(minutes: u64) -> u64 {
    let missing = (HOUR - minutes % HOUR) % HOUR;
    if missing <= MAX_MISSING_MINUTES { minutes + missing } else { minutes }
}

impl From<CreditsSnapshot> for Credits {
    fn from(CreditsSnapshot { has_credits, unlimited, balance }: CreditsSnapshot) -> Self {
        let balance = match balance {
            Value::Null => None,
            Value::String(text) => Some(text),
            number => Some(number.to_string()),
        };
        Self { available: has_credits, unlimited, balance }
    }
}
