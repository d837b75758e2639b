//! Connects clients with what the window offers to copy.

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_copied_curl_command_gets_an_answer() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.go_to("Keys").await;
    window.says("Default").await;
    window.go_to("Connect").await;
    window.picture("connect").await;
    window.click("//button[@data-app='curl']").await;
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
    window.click("//button[@data-app='openWebUi']").await;
    window.says("Uses one short answer of your limit.").await;
    window.click("//button[normalize-space(.)='Test']").await;
    window.says("Everything works.").await;
    window.picture("check").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_conversation_in_the_playground_is_formatted_opens_links_outside_and_loads_no_pictures() {
    let mut session = Session::start(USUAL).await;
    let opened = session.stub_program("xdg-open", "echo \"$1\" >> \"$HOME/opened\"");
    let site = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = site.local_addr().unwrap();
    let window = Window::open(&session).await;
    window.go_to("Playground").await;
    let answer = format!(
        r#"[[reasoning=1 say="Some **bold** and [a link](http://{host}/page).\n\n![pixel](http://{host}/pixel.png)\n\n<img src=\"http://{host}/x.png\">\n\n```sh\necho hi\n```" usage=40,0,9,4]]"#
    );
    window.type_into("//textarea[@aria-label='Prompt']", &answer).await;
    window.type_into("//textarea[@aria-label='Prompt']", "\u{e007}").await;
    window.find("//*[@class and contains(@class,'markdown')]//strong[.='bold']").await;
    window.says("40 input · 9 output tokens").await;
    window.says("first token").await;
    window.says(&format!("pixel (http://{host}/pixel.png)")).await;
    window.find("//summary[normalize-space(.)='Reasoning']").await;
    window.picture("playground").await;

    window.click("//a[.='a link']").await;
    let seen = || std::fs::read_to_string(&opened).unwrap_or_default();
    eventually("the link is opened", || async { seen().trim() == format!("http://{host}/page") }).await;
    window.find("//h1[.='Playground']").await;
    window.click("//button[@aria-label='Copy: code']").await;
    assert_eq!(session.screen().clipboard().await, "echo hi\n");

    // The conversation goes on, and its code sends the same.
    window.type_into("//textarea[@aria-label='Prompt']", "[[echo]]").await;
    window.click("//button[normalize-space(.)='Send']").await;
    window.says("Some **bold** and").await;
    window.click("//button[@aria-label='curl: conversation as code']").await;
    let screen = session.screen();
    eventually("the command is copied", || async {
        screen.pasted().await.is_some_and(|text| text.contains("Bearer sk-"))
    })
    .await;
    let command = screen.clipboard().await;
    assert!(command.contains("[[echo]]"), "{command}");
    let (ok, output) = session.run("sh", &["-c", &command]).await;
    assert!(ok && output.contains("data: [DONE]"), "{output}");

    let loaded = tokio::time::timeout(std::time::Duration::ZERO, site.accept()).await;
    assert!(loaded.is_err(), "something of the answer was loaded");
}
