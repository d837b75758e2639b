//! A chat that codex keeps: switched on in the settings, and continued in a terminal by the command that the window copies.

use crate::accessible::{load_axe, serious_findings};
use crate::driver::Window;
use crate::session::{Session, USUAL};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn chat_that_is_kept_goes_on_in_a_terminal_with_the_copied_command() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let window = Window::open(&session).await;
    load_axe(&window).await;
    window.go_to_settings("Codex").await;
    window.says("Off: chats with codex-local and folders leave nothing in the history of your Codex.").await;
    window.click("//*[@role='switch'][contains(., 'Keep chats in Codex')]").await;
    window.says("Chats with codex-local and folders are in the history of your Codex.").await;
    window.picture("keep-chats").await;
    let mut findings = serious_findings(&window).await;

    let answer = session.agent("sk-demo", r#"[[say="from the app"]]"#).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    answer.bytes().await.unwrap();
    window.go_to("Requests").await;
    window.click("//*[@role='row']//*[normalize-space(.)='codex-local']").await;
    window.find("//button[starts-with(@aria-label, 'Continue in the terminal')]").await;
    findings.extend(serious_findings(&window).await);
    assert!(findings.is_empty(), "{findings:#?}");
    window.click("//button[starts-with(@aria-label, 'Continue in the terminal')]").await;
    window.says("Copied").await;
    window.picture("continue-in-terminal").await;

    let command = session.screen().clipboard().await;
    let (folder, resume) = command.split_once(" && ").unwrap();
    assert!(folder.starts_with("cd ") && resume.contains(" resume "), "{command}");
    // As the command does, but for one prompt and without a terminal.
    let exec = resume.replace(" resume ", " exec --skip-git-repo-check resume ");
    let script = format!(r#"{folder} && {exec} '[[say="from the terminal"]]' < /dev/null"#);
    let (ok, output) = session.run("sh", &["-c", &script]).await;
    assert!(ok && output.contains("from the terminal"), "{output}");
    let input = session.model.requests().last().unwrap().input();
    assert!(input.iter().any(|(_, text)| text == "from the app"), "{input:?}");
}
