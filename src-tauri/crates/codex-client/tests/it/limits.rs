//! The account's usage limits, with the real codex and a sign-in to the sample model.

use codex_client::{CodexError, FailureKind, RateLimits, SharedLimits, probe};
use sample_model::{AccountLimits, Limit, codex_home};

use crate::support::{Real, TIMEOUT, real_with};

async fn signed_in() -> Real {
    real_with(codex_home::write_signed_in).await
}

/// Waits for limits like this.
async fn limits(shared: &SharedLimits, what: impl Fn(&RateLimits) -> bool) -> RateLimits {
    let mut watch = shared.watch();
    let known =
        tokio::time::timeout(TIMEOUT, watch.wait_for(|known| known.as_ref().is_some_and(&what))).await;
    known.expect("never reported").unwrap().clone().unwrap()
}

fn used(limits: &RateLimits) -> Vec<(u64, u8)> {
    limits.windows.iter().map(|window| (window.minutes.unwrap(), window.used_percent)).collect()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn limits_are_read_when_codex_starts_and_updated_by_each_answer() {
    let real = signed_in().await;
    real.codex.ready().await.unwrap();
    let read = limits(&real.limits, |_| true).await;
    assert_eq!(used(&read), [(300, 12), (10_080, 38)]);
    assert_eq!((read.ordinary_usage_allowed, read.plan.as_deref()), (Some(true), Some("plus")));
    // The order in the headers says nothing.
    real.ask("[[words=1 limits=51,10080,86400 limits2=77,300,3600]]").await;
    let updated = limits(&real.limits, |known| used(known) == [(300, 77), (10_080, 51)]).await;
    assert_eq!(updated.ordinary_usage_allowed, Some(true));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_refused_turn_reaches_the_limit_until_upstream_allows_usage_again() {
    let real = signed_in().await;
    let refused = real.ask("[[status=429 type=usage_limit_reached limits=100,300,3600]]").await;
    let Some(Err(CodexError::Turn(failure))) = refused.end else { panic!("{:?}", refused.end) };
    assert_eq!(failure.kind, FailureKind::UsageLimit);
    // Known before the turn has ended.
    let reached = real.limits.watch().borrow().clone().unwrap();
    assert!(reached.is_reached(now()));
    let reread = limits(&real.limits, |known| known.ordinary_usage_allowed == Some(false)).await;
    assert!(reread.is_reached(now()));
    assert_eq!(reread.resets_at(), failure.resets_at);
    real.model.set_limits(AccountLimits::default());
    real.limits.refresh();
    let allowed = limits(&real.limits, |known| known.ordinary_usage_allowed == Some(true)).await;
    assert!(!allowed.is_reached(now()));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn full_windows_are_no_reached_limit_while_upstream_does_not_say_so() {
    let real = signed_in().await;
    let full = Some(Limit::new(100.0, 300, 3600));
    real.model.set_limits(AccountLimits { primary: full, secondary: None, allowed: None });
    real.codex.ready().await.unwrap();
    let known = limits(&real.limits, |_| true).await;
    assert_eq!((used(&known), known.ordinary_usage_allowed), (vec![(300, 100)], None));
    assert!(!known.is_reached(now()));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_probe_reads_the_limits_and_an_api_key_has_none() {
    let real = signed_in().await;
    probe(&real.agent_config).await.unwrap();
    assert_eq!(used(&limits(&real.limits, |_| true).await), [(300, 12), (10_080, 38)]);
    let with_key = real_with(codex_home::write_openai).await;
    with_key.ask("[[words=1]]").await;
    assert_eq!(*with_key.limits.watch().borrow(), None);
    let asked = with_key.model.requests();
    assert!(asked.iter().all(|request| !request.path.contains("/wham/usage")));
}
