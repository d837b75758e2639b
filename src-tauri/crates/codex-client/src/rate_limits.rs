//! The usage limits of the ChatGPT account that codex is signed in with.

mod shared;
#[cfg(test)]
mod tests;
mod wire;

pub use shared::SharedLimits;
pub(crate) use wire::{LimitsResponse, Snapshot};

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// The account's usage limits, as upstream last reported them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Whether upstream allows the usage that is included in the plan; `None` if it does not say. Percentages and reset times
    /// must not be used instead: see [`RateLimits::is_reached`].
    pub ordinary_usage_allowed: Option<bool>,
    /// The windows, shortest first.
    pub windows: Vec<LimitWindow>,
    /// Credits that are used once a limit is reached; `None` if upstream does not say.
    pub credits: Option<Credits>,
    /// The plan, as codex spells it.
    pub plan: Option<String>,
    /// Which limit is reached, in codex's words, such as `rate_limit_reached`.
    pub reached_type: Option<String>,
    /// Until when a turn that failed because of a limit counts, in Unix seconds.
    pub refused_until: Option<u64>,
}

/// The usage within a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitWindow {
    /// How much of it is used, from 0 to 100.
    pub used_percent: u8,
    /// The length of the period, if upstream says so.
    pub minutes: Option<u64>,
    /// When the period ends, in Unix seconds.
    pub resets_at: Option<u64>,
}

/// Credits bought in addition to the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credits {
    /// Whether there are any.
    pub available: bool,
    /// Whether they never run out.
    pub unlimited: bool,
    /// What is left, in codex's words.
    pub balance: Option<String>,
}

impl RateLimits {
    /// Whether requests are refused because of a limit: upstream's permission decides, and while it is unknown, a refusal that has
    /// just happened. `now` is in Unix seconds.
    #[must_use]
    pub fn is_reached(&self, now: u64) -> bool {
        let just_refused = self.refused_until.is_some_and(|until| now < until);
        match self.ordinary_usage_allowed {
            Some(true) => false,
            Some(false) => just_refused || !self.has_credits(),
            None => just_refused,
        }
    }

    /// When requests are accepted again, in Unix seconds, if a limit is reached.
    #[must_use]
    pub fn resets_at(&self) -> Option<u64> {
        let fullest = || self.windows.iter().max_by_key(|window| window.used_percent)?.resets_at;
        self.exhausted_until().or(self.refused_until).or_else(fullest)
    }

    /// The latest reset of the exhausted windows, in Unix seconds.
    pub(crate) fn exhausted_until(&self) -> Option<u64> {
        let exhausted = self.windows.iter().filter(|window| window.used_percent >= 100);
        exhausted.filter_map(|window| window.resets_at).max()
    }

    /// Whether credits take over once a limit is reached.
    #[must_use]
    pub fn has_credits(&self) -> bool {
        self.credits.as_ref().is_some_and(|credits| credits.available || credits.unlimited)
    }
}

impl LimitWindow {
    /// The window at `now`, in Unix seconds: once its period is over, nothing is known to be used of the next one.
    #[must_use]
    pub fn at(&self, now: u64) -> Self {
        match self.resets_at {
            Some(at) if at <= now => Self { minutes: self.minutes, ..Self::default() },
            _ => *self,
        }
    }

    /// `5 hours`, `Week`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.minutes {
            None => "Usage".to_owned(),
            Some(WEEK) => "Week".to_owned(),
            Some(minutes) => match in_units(minutes) {
                (1, unit) => format!("1 {unit}"),
                (count, unit) => format!("{count} {unit}s"),
            },
        }
    }

    /// `5-hour limit`, `Weekly limit`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.minutes {
            None => "Usage limit".to_owned(),
            Some(WEEK) => "Weekly limit".to_owned(),
            Some(minutes) => {
                let (count, unit) = in_units(minutes);
                format!("{count}-{unit} limit")
            }
        }
    }

    /// When the window is used up if usage goes on at the pace since its start, in Unix seconds. `None` if it resets before, is
    /// used up already, or has just begun. `now` is in Unix seconds.
    #[must_use]
    pub fn exhausted_at(&self, now: u64) -> Option<u64> {
        let (resets_at, length) = (self.resets_at?, self.minutes?.checked_mul(60)?);
        let began = resets_at.checked_sub(length)?;
        let elapsed = now.checked_sub(began)?;
        // A few requests at the start of a window are not a pace.
        if self.used_percent == 0 || self.used_percent >= 100 || elapsed < length / 20 {
            return None;
        }
        let exhausted_at = began + elapsed.saturating_mul(100) / u64::from(self.used_percent);
        (now < exhausted_at && exhausted_at < resets_at).then_some(exhausted_at)
    }
}

fn in_units(minutes: u64) -> (u64, &'static str) {
    match minutes {
        // 24 hours are clearer as hours.
        minutes if minutes > DAY && minutes.is_multiple_of(DAY) => (minutes / DAY, "day"),
        minutes if minutes >= HOUR && minutes.is_multiple_of(HOUR) => (minutes / HOUR, "hour"),
        minutes => (minutes, "minute"),
    }
}
