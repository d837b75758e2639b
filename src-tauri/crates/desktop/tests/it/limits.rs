//! The usage limits in the overview and the warnings about them, with the real codex and a sign-in to the sample model.

use desktop::app::{Change, Overview};
use proxy::health::Level;
use sample_model::{AccountLimits, Limit, codex_home};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

use crate::opened::Opened;
use crate::support::{TIMEOUT, prompt_body};

/// An app whose codex is signed in, and the changes since its start.
pub(crate) async fn open(start_proxy: bool) -> (Opened, Receiver<Change>) {
    let opened = Opened::new(codex_home::write_signed_in, json!({"start_proxy": start_proxy})).await;
    let changes = opened.app.changes();
    (opened, changes)
}

impl Opened {
    /// Waits for an overview like this.
    pub(crate) async fn shows(&self, what: impl Fn(&Overview) -> bool) -> Overview {
        let mut changes = self.app.changes();
        let waiting = async {
            loop {
                let overview = self.app.overview();
                if what(&overview) {
                    return overview;
                }
                let _ = changes.recv().await;
            }
        };
        tokio::time::timeout(TIMEOUT, waiting).await.unwrap_or_else(|_| panic!("{:?}", self.app.overview()))
    }

    async fn ask(&self, prompt: &str) {
        self.chat(&prompt_body(prompt)).send().await.unwrap().bytes().await.unwrap();
    }
}

fn used(overview: &Overview) -> Vec<(String, u8)> {
    let windows = overview.limits.iter().flat_map(|limits| &limits.windows);
    windows.map(|window| (window.label.clone(), window.used_percent)).collect()
}

fn percents(first: u8, second: u8) -> Vec<(String, u8)> {
    vec![("5 hours".to_owned(), first), ("Week".to_owned(), second)]
}

/// The title of the next warning.
async fn next_warning(changes: &mut Receiver<Change>) -> String {
    let waiting = async {
        loop {
            if let Ok(Change::Notice(notice)) = changes.recv().await {
                return notice.title();
            }
        }
    };
    tokio::time::timeout(TIMEOUT, waiting).await.expect("no warning")
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn limits_are_shown_before_the_first_request_even_while_the_proxy_is_stopped() {
    let (opened, _) = open(false).await;
    let overview = opened.shows(|overview| overview.limits.is_some()).await;
    assert_eq!(used(&overview), percents(12, 38));
    let limits = overview.limits.unwrap();
    assert_eq!((limits.allowed, limits.reached), (Some(true), false));
    opened.app.shutdown().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_threshold_is_announced_once_although_codex_restarts() {
    let (opened, mut changes) = open(true).await;
    opened.shows(|overview| used(overview) == percents(12, 38)).await;
    opened.ask("[[words=1 limits=83,300,3600]]").await;
    opened.shows(|overview| used(overview) == percents(83, 38)).await;
    assert_eq!(next_warning(&mut changes).await, "5-hour limit 83% used");
    // The proxy and its codex are new, the usage is not.
    opened.app.stop().await;
    opened.app.start().await;
    opened.ask("[[words=1 limits=84,300,3600]]").await;
    opened.shows(|overview| used(overview) == percents(84, 38)).await;
    opened.ask("[[words=1 limits2=95,10080,86400]]").await;
    assert_eq!(next_warning(&mut changes).await, "Weekly limit 95% used");
    opened.app.shutdown().await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_reached_limit_blocks_until_upstream_allows_usage_again() {
    let (opened, _) = open(true).await;
    opened.shows(|overview| overview.limits.is_some()).await;
    opened.ask("[[status=429 type=usage_limit_reached limits=100,300,3600]]").await;
    let overview =
        opened.shows(|overview| overview.limits.as_ref().is_some_and(|limits| limits.reached)).await;
    assert_eq!(
        (overview.health.level, overview.health.title.as_str()),
        (Level::Blocked, "Usage limit reached")
    );
    let limits = overview.limits.unwrap();
    assert!(limits.resets_at.is_some() && overview.health.until == limits.resets_at);
    opened.shows(|overview| overview.limits.as_ref().unwrap().allowed == Some(false)).await;
    let primary = Some(Limit::new(3.0, 300, 3600));
    opened.model.set_limits(AccountLimits { primary, ..AccountLimits::default() });
    opened.app.refresh_limits();
    let overview = opened.shows(|overview| used(overview) == percents(3, 38)).await;
    assert_eq!(overview.health.level, Level::Ok);
    opened.app.shutdown().await;
}
