//! Connects clients with what the window offers to copy.

use crate::driver::Window;
use crate::session::{Session, USUAL};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_copied_curl_command_gets_an_answer() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.go_to("Keys").await;
    window.says("Default").await;
    window.go_to("Connect").await;
    window.picture("connect").await;
    window.click("//*[@role='tab'][normalize-space(.)='curl']").await;
    window.click("//button[@aria-label='Copy: Send a prompt for curl']").await;
    window.says("Copied").await;
    window.picture("connect-curl").await;
    let command = session.screen().clipboard().await;
    assert!(command.contains("Bearer sk-"), "{command}");
    let hint = session.screen().pasted_as("x-kde-passwordManagerHint").await;
    assert_eq!(hint.as_deref(), Some("secret"), "clipboard managers do not keep it");
    assert!(!window.text().await.contains("Bearer sk-codex"), "the window shows no key");
    let (ok, output) = session.run("sh", &["-c", &command]).await;
    assert!(
        ok && output.contains(r#""finish_reason":"stop""#) && output.contains("data: [DONE]"),
        "{output}"
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_connection_check_passes() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.go_to("Connect").await;
    window.click("//button[normalize-space(.)='Test']").await;
    window.says("Everything works.").await;
    window.picture("check").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_test_prompt_shows_the_answer_and_the_time_to_first_token() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.says("Running").await;
    window.fill("//main//textarea | //main//input", "[[say=hello-there]]").await;
    window.click("//button[normalize-space(.)='Send']").await;
    window.says("hello-there").await;
    window.says("first token").await;
    window.picture("test-prompt").await;
}
