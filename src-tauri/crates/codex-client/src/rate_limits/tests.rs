use serde_json::{Value, json};

use super::*;
use crate::account::Account;

const NOW: u64 = 1_795_000_000;

fn window(used_percent: u8, minutes: u64, resets_at: u64) -> LimitWindow {
    LimitWindow { used_percent, minutes: Some(minutes), resets_at: Some(resets_at) }
}

fn snapshot(update: Value) -> Snapshot {
    serde_json::from_value(update).unwrap()
}

fn read(allowed: &Value, used: u64) -> LimitsResponse {
    let primary = json!({"usedPercent": used, "windowDurationMins": 300, "resetsAt": NOW + 3600});
    let limits = json!({"limitId": "codex", "primary": primary, "secondary": null, "planType": "plus"});
    serde_json::from_value(json!({"ordinaryUsageAllowed": allowed, "rateLimits": limits})).unwrap()
}

fn current(limits: &SharedLimits) -> RateLimits {
    limits.watch().borrow().clone().unwrap()
}

#[test]
fn windows_are_told_apart_by_their_length_and_not_by_their_position() {
    let mut limits = RateLimits::default();
    limits.merge(snapshot(json!({
        "primary": {"usedPercent": 7, "windowDurationMins": 10080, "resetsAt": 9},
        "secondary": {"usedPercent": 41.9, "windowDurationMins": 299, "resetsAt": 5},
    })));
    assert_eq!(limits.windows, [window(41, 300, 5), window(7, 10_080, 9)]);
    limits.merge(snapshot(json!({"primary": {"usedPercent": 50, "windowDurationMins": 300, "resetsAt": 5}})));
    assert_eq!(limits.windows, [window(50, 300, 5), window(7, 10_080, 9)]);
}

#[test]
fn an_update_leaves_what_it_does_not_mention() {
    let mut limits = RateLimits::from(read(&json!(true), 42));
    let before = limits.clone();
    limits.merge(snapshot(json!({"primary": null, "secondary": null, "credits": null, "planType": null})));
    assert_eq!(limits, before);
    limits.merge(snapshot(json!({"credits": {"hasCredits": true, "unlimited": false, "balance": 5.5}})));
    let credits = Credits { available: true, unlimited: false, balance: Some("5.5".to_owned()) };
    assert_eq!(limits, RateLimits { credits: Some(credits), ..before });
}

#[test]
fn the_limits_of_a_single_model_are_not_the_accounts() {
    let limits = SharedLimits::default();
    limits.replace(read(&json!(true), 42));
    let before = current(&limits);
    limits.merge(snapshot(
        json!({"limitId": "codex_other", "primary": {"usedPercent": 100, "windowDurationMins": 300}}),
    ));
    assert_eq!(current(&limits), before);
}

#[test]
fn the_permission_decides_whether_a_limit_is_reached_and_percentages_do_not() {
    let reached = |allowed: Value, used| RateLimits::from(read(&allowed, used)).is_reached(NOW);
    assert!(reached(json!(false), 3));
    assert!(!reached(json!(true), 100));
    assert!(!reached(json!(null), 100));
}

#[test]
fn while_the_permission_is_unknown_a_refusal_counts_until_the_limit_resets() {
    let limits = SharedLimits::default();
    limits.replace(read(&json!(true), 99));
    limits.refused(Some(NOW + 60), NOW);
    assert!(current(&limits).is_reached(NOW + 59) && !current(&limits).is_reached(NOW + 60));
    // A read that says nothing leaves it; one that says something decides.
    limits.replace(read(&json!(null), 100));
    assert!(current(&limits).is_reached(NOW));
    limits.replace(read(&json!(true), 100));
    assert!(!current(&limits).is_reached(NOW));
}

#[test]
fn a_refusal_without_a_reset_counts_for_a_few_minutes_or_until_an_answer() {
    let limits = SharedLimits::default();
    limits.refused(None, NOW);
    assert!(current(&limits).is_reached(NOW + 299) && !current(&limits).is_reached(NOW + 300));
    limits.answered();
    assert!(!current(&limits).is_reached(NOW));
}

#[test]
fn credits_take_over_unless_a_turn_was_just_refused() {
    let limits = SharedLimits::default();
    limits.replace(read(&json!(false), 100));
    assert!(current(&limits).is_reached(NOW));
    limits.merge(snapshot(json!({"credits": {"hasCredits": true, "unlimited": false, "balance": "5"}})));
    assert!(!current(&limits).is_reached(NOW));
    limits.refused(None, NOW);
    limits.replace(read(&json!(false), 100));
    assert!(current(&limits).is_reached(NOW));
}

#[test]
fn the_limits_of_another_account_are_forgotten() {
    let account =
        |email: &str| Account::ChatGpt { email: Some(email.to_owned()), plan: None, workspace: None };
    let limits = SharedLimits::default();
    limits.set_account(&account("me"));
    limits.replace(read(&json!(true), 42));
    limits.set_account(&account("me"));
    assert!(limits.watch().borrow().is_some());
    limits.set_account(&account("you"));
    assert!(limits.watch().borrow().is_none());
}

#[test]
fn a_reached_limit_resets_with_the_last_of_the_exhausted_windows() {
    let with = |windows: &[LimitWindow]| RateLimits { windows: windows.to_vec(), ..RateLimits::default() };
    assert_eq!(with(&[window(100, 300, 5), window(40, 10_080, 9)]).resets_at(), Some(5));
    assert_eq!(with(&[window(100, 300, 5), window(100, 10_080, 9)]).resets_at(), Some(9));
    // Percentages are rounded: the fullest one is the best guess.
    assert_eq!(with(&[window(40, 300, 5), window(99, 10_080, 9)]).resets_at(), Some(9));
    assert_eq!(with(&[]).resets_at(), None);
}

#[test]
fn windows_are_named_by_their_length() {
    for (minutes, label, name) in [
        (Some(300), "5 hours", "5-hour limit"),
        (Some(10_080), "Week", "Weekly limit"),
        (Some(60), "1 hour", "1-hour limit"),
        (Some(1440), "24 hours", "24-hour limit"),
        (Some(43_200), "30 days", "30-day limit"),
        (Some(90), "90 minutes", "90-minute limit"),
        (None, "Usage", "Usage limit"),
    ] {
        let window = LimitWindow { minutes, ..LimitWindow::default() };
        assert_eq!((window.label().as_str(), window.name().as_str()), (label, name));
    }
}

#[test]
fn the_pace_says_when_a_window_is_used_up_before_it_resets() {
    let hour = 3600;
    // Began an hour ago, resets in four.
    let resets_at = NOW + 4 * hour;
    let at = |used, now| window(used, 300, resets_at).exhausted_at(now);
    assert_eq!(at(50, NOW), Some(NOW + hour));
    assert_eq!(at(20, NOW), None, "lasts exactly until the reset");
    assert_eq!(at(21, NOW), Some(NOW - hour + hour * 100 / 21));
    assert_eq!(at(0, NOW), None);
    assert_eq!(at(100, NOW), None, "used up already");
    assert_eq!(at(10, NOW - hour + 60), None, "a minute is too early to say");
    assert_eq!(at(50, resets_at + 1), None, "has reset");
    assert_eq!(LimitWindow { used_percent: 50, ..LimitWindow::default() }.exhausted_at(NOW), None);
}
