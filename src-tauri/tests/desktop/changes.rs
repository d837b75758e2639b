//! What an answer changed: shown, undone, redone and reviewed in the window.

use crate::accessible::{load_axe, serious_findings};
use crate::driver::Window;
use crate::notifications::Notifications;
use crate::session::{Session, USUAL, eventually};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn what_an_answer_changed_is_shown_undone_from_its_notification_redone_and_reviewed() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let work = session.home.path().join("work");
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("notes.txt"), "one\n").unwrap();
    let settings = serde_json::json!({
        "version": 1, "port": session.port, "setup_done": true, "sandbox": "workspace-write", "workspace": work,
    });
    session.write_settings(&settings.to_string());
    let read = |name: &str| std::fs::read_to_string(work.join(name)).unwrap_or_default();
    let notifications = Notifications::of(&session).await;
    let window = Window::open(&session).await;
    load_axe(&window).await;
    window.says("can be undone.").await;
    window.picture("undo-status").await;

    let answer =
        session.agent("sk-demo", r#"[[shell="echo two >> notes.txt; printf 'a\\nb\\n' > added.txt"]]"#).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    answer.bytes().await.unwrap();
    let shown = notifications.shows("answer changed 2 files").await;
    assert!(shown.actions.contains(&"Undo…".to_owned()), "{shown:?}");
    notifications.click(&shown, "undo").await;
    window.says("Undo the changes to 2 files?").await;
    window.says("also what you or other programs changed there").await;
    window.picture("undo-question").await;
    let mut findings = serious_findings(&window).await;
    window.click("//dialog//button[normalize-space(.)='Undo changes']").await;
    window.says("Undid the changes to 2 files.").await;
    eventually("it is undone", || async { read("notes.txt") == "one\n" && !work.join("added.txt").exists() })
        .await;
    window.find("//section[@aria-label='Changed files']//*[normalize-space(.)='undone']").await;
    window.picture("undo-undone").await;

    window.click("//button[normalize-space(.)='Redo changes…']").await;
    window.click("//dialog//button[normalize-space(.)='Redo changes']").await;
    window.says("Redid the changes to 2 files.").await;
    assert_eq!((read("notes.txt"), read("added.txt")), ("one\ntwo\n".to_owned(), "a\nb\n".to_owned()));

    window.click("//button[normalize-space(.)='Have it reviewed']").await;
    window.says("1 problem found").await;
    window.says("[P2] Sample finding 1").await;
    window.find("//*[@role='row']//*[contains(normalize-space(.), '2 files')]").await;
    window.picture("changes-reviewed").await;
    findings.extend(serious_findings(&window).await);
    assert!(findings.is_empty(), "{findings:#?}");
}
