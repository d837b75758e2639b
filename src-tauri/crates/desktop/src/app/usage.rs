//! The usage limits of the account, for the window and the tray, and the warnings about them.

use std::collections::HashMap;
use std::time::Duration;

use codex_client::{LimitWindow, RateLimits, Status};
use proxy::unix_now;
use serde::Serialize;
use ts_rs::TS;

use super::{App, Change, Notice};

/// The times at which a window is used up are rounded to this many seconds, so that they do not change all the time.
const PACE_STEP: u64 = 300;

/// How long after a reset the state is refreshed.
const AFTER_RESET: Duration = Duration::from_secs(3);

/// Percentages are rounded, so a fall by fewer is no reset.
const MIN_FALL: u8 = 5;

/// The usage limits of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LimitsView {
    /// Whether upstream allows the usage that is included in the plan; `None` if it does not say.
    pub allowed: Option<bool>,
    /// The windows, shortest first.
    pub windows: Vec<LimitView>,
    /// Whether requests are refused because of a limit.
    pub reached: bool,
    /// When they are accepted again, in Unix seconds, if a limit is reached and that is known.
    pub resets_at: Option<u64>,
}

/// The usage within a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LimitView {
    /// The period, such as `5 hours`.
    pub label: String,
    /// The length of the period; 0 if it is unknown.
    pub minutes: u64,
    /// How much is used, from 0 to 100.
    pub used_percent: u8,
    /// When the period ends, in Unix seconds.
    pub resets_at: Option<u64>,
    /// When it is used up at the present pace, in Unix seconds; `None` if it lasts until the reset.
    pub exhausted_at: Option<u64>,
}

impl LimitsView {
    /// `None` for an account without limits.
    fn new(limits: &RateLimits, now: u64) -> Option<Self> {
        let reached = limits.is_reached(now);
        let windows: Vec<LimitView> =
            limits.windows.iter().map(|window| LimitView::new(&window.at(now), now)).collect();
        (reached || !windows.is_empty()).then(|| Self {
            allowed: limits.ordinary_usage_allowed,
            windows,
            reached,
            resets_at: limits.resets_at().filter(|at| reached && now < *at),
        })
    }
}

impl LimitView {
    fn new(window: &LimitWindow, now: u64) -> Self {
        Self {
            label: window.label(),
            minutes: window.minutes.unwrap_or_default(),
            used_percent: window.used_percent,
            resets_at: window.resets_at,
            exhausted_at: window.exhausted_at(now).map(|at| at - at % PACE_STEP),
        }
    }
}

/// Which warnings have been given, by the length of the window.
#[derive(Debug, Default)]
pub(super) struct LimitWarnings(HashMap<Option<u64>, Warned>);

/// Up to where a window has been dealt with.
#[derive(Clone, Copy, Debug)]
struct Warned {
    percent: u8,
    resets_at: Option<u64>,
}

impl LimitWarnings {
    /// The warnings for what has just been used up to: one for each window and period, at the highest threshold passed. What was
    /// used before the first look is not news, nor is what another account has used.
    fn check(&mut self, limits: Option<&RateLimits>, warn_at: &[u8]) -> Vec<Notice> {
        let Some(limits) = limits else {
            self.0.clear();
            return Vec::new();
        };
        let mut notices = Vec::new();
        for window in &limits.windows {
            let used = window.used_percent;
            let known = self.0.get(&window.minutes).copied();
            let before = match known {
                None => used,
                Some(known) if is_later_period(&known, window) => 0,
                Some(known) if used.saturating_add(MIN_FALL) <= known.percent => used,
                Some(known) => known.percent,
            };
            if warn_at.iter().any(|threshold| before < *threshold && *threshold <= used) {
                let (name, resets_at) = (window.name(), window.resets_at);
                notices.push(Notice::Limit { name, used_percent: used, resets_at });
            }
            self.0.insert(window.minutes, Warned { percent: before.max(used), resets_at: window.resets_at });
        }
        notices
    }
}

/// Whether the window has been reset since. Upstream's reset times vary by seconds.
fn is_later_period(known: &Warned, window: &LimitWindow) -> bool {
    let (Some(before), Some(after), Some(minutes)) = (known.resets_at, window.resets_at, window.minutes)
    else {
        return false;
    };
    after > before.saturating_add(minutes.saturating_mul(60) / 10)
}

impl App {
    /// Asks a running codex for the usage limits, which other devices use too. Called while somebody looks at them.
    pub fn refresh_limits(&self) {
        self.0.usage_limits.refresh();
    }

    pub(super) fn limits_view(&self) -> Option<LimitsView> {
        let limits = self.0.usage_limits.watch();
        let limits = limits.borrow();
        limits.as_ref().and_then(|limits| LimitsView::new(limits, unix_now()))
    }

    /// Reads the limits again after a reset. A running codex does that by itself.
    async fn limits_reset(&self) {
        let running = self.running().map(|running| running.proxy.codex().status().status);
        if !matches!(running, Some(Status::Ready(_))) && self.0.usage_limits.watch().borrow().is_some() {
            self.probe_codex().await;
        } else {
            self.refresh_overview().await;
        }
    }
}

/// Watches the limits until the app shuts down.
pub(super) async fn run(app: App) {
    let mut limits = app.0.usage_limits.watch();
    let mut warnings = LimitWarnings::default();
    let watch = async {
        loop {
            let warn_at: Vec<u8> =
                app.0.settings.current().warn_at.iter().map(|percent| percent.get()).collect();
            let notices = warnings.check(limits.borrow_and_update().as_ref(), &warn_at);
            for notice in notices {
                app.notify(Change::Notice(notice));
            }
            app.refresh_overview().await;
            let now = unix_now();
            let reset = app.0.usage_limits.next_reset(now);
            let until_reset = async {
                match reset {
                    Some(at) => tokio::time::sleep(Duration::from_secs(at - now) + AFTER_RESET).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = limits.changed() => if changed.is_err() { return },
                () = until_reset => app.limits_reset().await,
            }
        }
    };
    app.0.stop.run_until_cancelled(watch).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const NOW: u64 = 1_795_000_000;

    fn limits(used_percent: u8, resets_at: u64) -> RateLimits {
        let window = LimitWindow { used_percent, minutes: Some(300), resets_at: Some(resets_at) };
        RateLimits { windows: vec![window], ..RateLimits::default() }
    }

    /// The titles of the warnings, one look after another.
    fn warned(looks: &[(u8, u64)]) -> Vec<String> {
        let mut warnings = LimitWarnings::default();
        let notices =
            looks.iter().flat_map(|(used, at)| warnings.check(Some(&limits(*used, *at)), &[80, 95]));
        notices.map(|notice| notice.title()).collect()
    }

    fn titles(percents: &[u8]) -> Vec<String> {
        percents.iter().map(|percent| format!("5-hour limit {percent}% used")).collect()
    }

    #[test]
    fn each_threshold_is_warned_of_once_in_a_period() {
        let at = NOW;
        assert_eq!(
            warned(&[(79, at), (80, at), (81, at), (94, at + 1), (95, at), (100, at)]),
            titles(&[80, 95])
        );
        assert_eq!(warned(&[(10, at), (97, at), (98, at)]), titles(&[97]), "both at once are one warning");
        assert_eq!(warned(&[(80, at), (79, at), (80, at)]), titles(&[]), "rounding is no reset");
    }

    #[test]
    fn what_was_used_before_the_app_started_is_no_news() {
        assert_eq!(warned(&[(96, NOW), (97, NOW)]), titles(&[]));
        assert_eq!(warned(&[(85, NOW), (95, NOW)]), titles(&[95]));
    }

    #[test]
    fn the_next_period_is_warned_of_anew() {
        let next = NOW + 5 * HOUR;
        assert_eq!(warned(&[(70, NOW), (80, NOW), (0, next), (82, next)]), titles(&[80, 82]));
        // The start of the period was missed, as by a computer that slept.
        assert_eq!(warned(&[(70, NOW), (85, NOW), (86, next)]), titles(&[85, 86]));
    }

    #[test]
    fn another_account_is_not_compared_with_the_last_one() {
        let mut warnings = LimitWarnings::default();
        assert!(warnings.check(Some(&limits(10, NOW)), &[80]).is_empty());
        assert!(warnings.check(None, &[80]).is_empty());
        assert!(warnings.check(Some(&limits(90, NOW)), &[80]).is_empty());
        assert!(warnings.check(Some(&limits(91, NOW)), &[]).is_empty(), "turned off");
    }

    #[test]
    fn an_account_without_windows_has_no_limits_to_show() {
        assert_eq!(LimitsView::new(&RateLimits::default(), NOW), None);
        let view = LimitsView::new(&limits(50, NOW + 4 * HOUR), NOW).unwrap();
        let window = &view.windows[0];
        assert_eq!((window.label.as_str(), window.minutes, window.used_percent), ("5 hours", 300, 50));
        let exhausted_at = NOW + HOUR;
        assert_eq!(window.exhausted_at, Some(exhausted_at - exhausted_at % PACE_STEP));
        assert_eq!((view.reached, view.resets_at), (false, None));
    }

    #[test]
    fn after_its_reset_a_window_counts_as_unused() {
        let view = LimitsView::new(&limits(100, NOW), NOW).unwrap();
        assert_eq!((view.windows[0].used_percent, view.windows[0].resets_at), (0, None));
    }
}
