//! Every view as axe-core sees it in the real window, light and dark.

use serde_json::Value;

use crate::approvals;
use crate::driver::Window;
use crate::session::{Session, USUAL};

const VIEWS: [&str; 7] = ["Status", "Playground", "Connect", "Requests", "Keys", "Settings", "Help"];

/// Runs axe on the window as it is, after its animations. Returns what is serious, with the elements.
const RUN: &str = "
const done = arguments[arguments.length - 1];
document.getAnimations().forEach((animation) => animation.finish());
axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => done(
  violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => node.html.slice(0, 300)) }))
), (error) => done([String(error)]));
";

pub(crate) async fn serious_findings(window: &Window) -> Vec<Value> {
    window.script(RUN).await.as_array().unwrap().clone()
}

pub(crate) async fn load_axe(window: &Window) {
    let axe = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(axe).unwrap();
    window.script(&format!("{axe}\narguments[arguments.length - 1](typeof axe)")).await;
}

async fn every_view_is_accessible(theme: &str) {
    let session = Session::start_with(USUAL, &[("GTK_THEME", theme), ("API_KEYS", "sk-demo")]).await;
    let window = Window::open(&session).await;
    window.says("Running on port").await;
    // A row, and a failed one.
    assert_eq!(session.chat("sk-demo", "[[words=2]]").await.status(), 200);
    assert_eq!(session.chat("sk-wrong", "hi").await.status(), 401);
    load_axe(&window).await;
    let mut findings = Vec::new();
    for view in VIEWS {
        // The heading of Status is the state.
        window.click(&format!("//nav//*[normalize-space(.)='{view}']")).await;
        window.find("//main//h1").await;
        findings
            .extend(serious_findings(&window).await.into_iter().map(|finding| (view.to_owned(), finding)));
        window.picture(&format!("{view}-{theme}")).await;
        if view == "Keys" {
            window.click("//button[normalize-space(.)='New key']").await;
            for part in ["Limit this key…", "Limit web search", "Limit models"] {
                window.click(&format!("//dialog//button[contains(., '{part}')]")).await;
            }
            let place = |finding| ("Limits of a key".to_owned(), finding);
            findings.extend(serious_findings(&window).await.into_iter().map(place));
            window.picture(&format!("{view}-limits-{theme}")).await;
            window.click("//dialog//button[normalize-space(.)='Cancel']").await;
        }
    }
    window.go_to("Settings").await;
    for page in ["Codex", "Models", "Network", "Limits", "Privacy", "About"] {
        window.click(&format!("//*[@role='tab' and normalize-space(.)='{page}']")).await;
        let place = |finding| (format!("Settings, {page}"), finding);
        findings.extend(serious_findings(&window).await.into_iter().map(place));
        window.picture(&format!("Settings-{page}-{theme}")).await;
    }
    assert!(findings.is_empty(), "{findings:#?}");
}

/// A card of each kind that the sample model brings about.
async fn every_card_is_accessible(theme: &str) {
    let session = approvals::asking(&[("GTK_THEME", theme)]).await;
    let window = Window::open(&session).await;
    window.says("Running on port").await;
    load_axe(&window).await;
    let mut findings = Vec::new();
    for (name, prompt, button) in [
        ("command", "[[escalate=\"touch here.txt\" why=\"May I?\"]]", "Deny"),
        ("permissions", "[[permission=network why=\"To look it up.\"]]", "Deny"),
        ("question", "[[question=\"Which one?|Tea|Coffee\"]]", "Decline"),
        ("patch", "[[patch=\"new.txt:one line\"]]", "Deny"),
    ] {
        let answer = approvals::ask(&session, prompt);
        window.find(approvals::CARD).await;
        // Inert buttons are pale.
        window.find(&format!("{}//button[.='{button}'][@aria-disabled='false']", approvals::CARD)).await;
        findings.extend(serious_findings(&window).await.into_iter().map(|finding| (name, finding)));
        window.picture(&format!("approval-{name}-{theme}")).await;
        approvals::press(&window, button).await;
        answer.await.unwrap();
    }
    assert!(findings.is_empty(), "{findings:#?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn every_card_is_accessible_in_light() {
    every_card_is_accessible("Adwaita").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn every_card_is_accessible_in_dark() {
    every_card_is_accessible("Adwaita:dark").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn every_view_is_accessible_in_light() {
    every_view_is_accessible("Adwaita").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn every_view_is_accessible_in_dark() {
    every_view_is_accessible("Adwaita:dark").await;
}
