//! Reviews by the real codex.

use codex_client::{ThreadKind, ThreadProfile};
use sample_model::Event;

use crate::support::{Real, TIMEOUT, collect, next, real};

const PATCH: &str = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+new\n";

fn profile(real: &Real) -> ThreadProfile {
    real.request(ThreadKind::Agent, "").profile
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_review_reports_what_it_found_once_and_ends() {
    let real = real().await;
    let turn = real.agent.review(profile(&real), format!("Review this:\n{PATCH}")).await.unwrap();
    let output = collect(turn).await;
    assert!(output.expect_success().usage.is_some());
    let [review] = output.reviews.as_slice() else { panic!("{output:?}") };
    let place = format!("{}:1-2", real.workspace.join("a.txt").display());
    assert!(review.contains("Sample finding 1") && review.contains(&place), "{review}");
    assert_eq!(output.retries, 0);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_dropped_review_is_interrupted_and_codex_goes_on() {
    let real = real().await;
    let mut turn = real.agent.review(profile(&real), format!("[[hold=0]]\n{PATCH}")).await.unwrap();
    assert!(next(&mut turn).await.is_some());
    assert!(real.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.is_some());
    drop(turn);
    assert!(real.model.wait_for(|event| matches!(event, Event::ClientGone { .. }), TIMEOUT).await.is_some());
    let turn = real.agent.review(profile(&real), "[[say=\"Nothing to complain about.\"]]".to_owned()).await;
    assert_eq!(collect(turn.unwrap()).await.reviews, ["Nothing to complain about."]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_failed_review_ends_with_its_error() {
    let real = real().await;
    let instructions = "[[status=400 message=\"no reviews today\"]]".to_owned();
    let output = collect(real.agent.review(profile(&real), instructions).await.unwrap()).await;
    assert!(output.error().to_string().contains("no reviews today"), "{output:?}");
}
