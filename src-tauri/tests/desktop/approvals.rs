//! What the real codex asks, and the card that answers it.

use std::path::PathBuf;

use sample_model::under_test;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

const TOUCH: &str = "[[escalate=\"touch here.txt\" why=\"May I create a file?\"]]";

/// The panel.
pub(crate) const CARD: &str = "//dialog[@role='alertdialog']";

/// A session in which codex asks, and whose working folder is `work`.
pub(crate) async fn asking(more: &[(&str, &str)]) -> Session {
    let session = Session::start_with(USUAL, &[more, &[("API_KEYS", "sk-demo")]].concat()).await;
    let work = session.home.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let settings =
        json!({"version": 1, "port": session.port, "setup_done": true, "ask": true, "workspace": work});
    session.write_settings(&settings.to_string());
    session
}

/// Sends a prompt for codex-local, and returns the text of the answer.
pub(crate) fn ask(session: &Session, prompt: &str) -> JoinHandle<String> {
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", session.port);
    let body = json!({"model": "codex-local", "messages": [{"role": "user", "content": prompt}]});
    let request = reqwest::Client::new().post(url).bearer_auth("sk-demo").header("User-Agent", "Zed/1.0");
    let sent = request.json(&body).send();
    tokio::spawn(async {
        let answer: Value = sent.await.unwrap().json().await.unwrap();
        answer["choices"][0]["message"]["content"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    })
}

/// Presses a button of the card, once it is no longer inert.
pub(crate) async fn press(window: &Window, label: &str) {
    window.click(&format!("{CARD}//button[normalize-space(.)='{label}'][@aria-disabled='false']")).await;
}

fn file(session: &Session, name: &str) -> PathBuf {
    session.home.path().join("work").join(name)
}

async fn tray_says(session: &Session, lines: &[&str]) {
    let tray = session.tray.as_ref().unwrap();
    eventually(lines[0], || async {
        let shown = tray.lines(lines.len()).await;
        shown.iter().zip(lines).all(|(shown, line)| shown.starts_with(line))
    })
    .await;
}

async fn has_no_card(window: &Window) {
    eventually("the card is gone", || async { !window.text().await.contains("Decide later") }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_allowed_command_runs_and_every_place_says_that_codex_asks() {
    let session = asking(&[]).await;
    let window = Window::open(&session).await;
    tray_says(&session, &["Running on port"]).await;
    window.go_to("Playground").await;
    window.type_into("//textarea[@placeholder='Write a prompt']", "half a prompt").await;
    let answer = ask(&session, TOUCH);
    let card = window.text_of(CARD).await;
    for part in ["touch here.txt", "Runs outside the sandbox with your rights", "May I create a file?", "Zed"]
    {
        assert!(card.contains(part), "{part} is not in {card}");
    }
    let work = std::fs::canonicalize(session.home.path().join("work")).unwrap();
    assert!(card.contains(&work.display().to_string()) && card.contains("key API_KEYS #1"), "{card}");
    tray_says(&session, &["Codex asks to run a command", "Review…"]).await;
    let icon = concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/asking-22.png");
    let icon = std::fs::read(icon).unwrap();
    eventually("the icon asks", || async { session.tray.as_ref().unwrap().icon().await == icon }).await;
    let health = format!("http://127.0.0.1:{}/health", session.port);
    let health: Value = reqwest::get(health).await.unwrap().json().await.unwrap();
    assert_eq!(health["level"], "asking");
    window.picture("approval-command").await;
    assert!(!file(&session, "here.txt").exists());

    // Put aside, it goes on waiting, and the tray brings it back.
    window.click(&format!("{CARD}//button[normalize-space(.)='Decide later']")).await;
    has_no_card(&window).await;
    window.find("//aside//button[contains(., 'Approvals')]").await;
    window.picture("approval-folded").await;
    session.tray.as_ref().unwrap().click("Review…").await;
    press(&window, "Allow once").await;
    assert!(answer.await.unwrap().starts_with("Tool results:"));
    assert!(file(&session, "here.txt").exists());
    has_no_card(&window).await;
    tray_says(&session, &["Running on port"]).await;
    let typed =
        "arguments[arguments.length - 1](document.querySelector('[placeholder=\"Write a prompt\"]').value)";
    assert_eq!(window.script(typed).await, "half a prompt");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn of_two_questions_each_has_its_own_answer() {
    let session = asking(&[]).await;
    let window = Window::open(&session).await;
    tray_says(&session, &["Running on port"]).await;
    let denied = ask(&session, "[[escalate=\"touch denied.txt\"]]");
    window.says("touch denied.txt").await;
    let allowed = ask(&session, "[[escalate=\"touch allowed.txt\"]]");
    window.says("2 waiting").await;
    tray_says(&session, &["2 questions are waiting", "Review…"]).await;
    window.picture("approval-two").await;
    window.click(&format!("{CARD}//nav//button[contains(., 'allowed.txt')]")).await;
    let shown = format!("{CARD}//*[@aria-label='The command'][contains(., 'allowed.txt')]");
    window.find(&shown).await;
    press(&window, "Allow once").await;
    window.find(&format!("{CARD}//*[@aria-label='The command'][contains(., 'denied.txt')]")).await;
    press(&window, "Deny").await;
    // The model learns of it, and goes on.
    let text = denied.await.unwrap();
    assert!(text.contains("rejected by user"), "{text}");
    assert!(allowed.await.unwrap().starts_with("Tool results:"));
    assert!(file(&session, "allowed.txt").exists() && !file(&session, "denied.txt").exists());
    has_no_card(&window).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_command_allowed_from_now_on_runs_unasked_until_it_is_removed_in_settings() {
    let session = asking(&[]).await;
    let window = Window::open(&session).await;
    tray_says(&session, &["Running on port"]).await;
    let answer = ask(&session, TOUCH);
    press(&window, "Allow from now on").await;
    answer.await.unwrap();
    std::fs::remove_file(file(&session, "here.txt")).unwrap();
    ask(&session, TOUCH).await.unwrap();
    assert!(file(&session, "here.txt").exists(), "no question came");

    window.go_to_settings("Codex").await;
    window
        .click("//*[@data-setting='approval_rules']//button[contains(@aria-label, 'touch here.txt')]")
        .await;
    window.says("Removed. Codex asks again.").await;
    window.says("No commands.").await;
    std::fs::remove_file(file(&session, "here.txt")).unwrap();
    let answer = ask(&session, TOUCH);
    press(&window, "Deny").await;
    answer.await.unwrap();
    assert!(!file(&session, "here.txt").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn questions_permissions_and_patches_have_cards_too() {
    let session = asking(&[]).await;
    let window = Window::open(&session).await;
    tray_says(&session, &["Running on port"]).await;
    let answer = ask(&session, "[[question=\"Which one?|Tea|Coffee\"]]");
    window.says("Codex has a question").await;
    window.click(&format!("{CARD}//label[contains(., 'Coffee')]")).await;
    window.picture("approval-question").await;
    press(&window, "Send").await;
    let text = answer.await.unwrap();
    assert!(text.contains("Coffee"), "{text}");

    let answer = ask(&session, "[[permission=network why=\"To look it up.\"]]");
    window.says("Codex asks for permissions").await;
    window.says("To look it up.").await;
    window.picture("approval-permissions").await;
    press(&window, "Deny").await;
    answer.await.unwrap();

    let answer = ask(&session, "[[patch=\"new.txt:one line\"]]");
    window.says("Codex asks to change 1 file").await;
    window.says("one line").await;
    window.picture("approval-patch").await;
    press(&window, "Allow once").await;
    answer.await.unwrap();
    assert_eq!(std::fs::read_to_string(file(&session, "new.txt")).unwrap(), "one line\n");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_mcp_server_gets_its_form_filled_in_and_its_page_opened() {
    let mut session = asking(&[]).await;
    let opened = session.home.path().join("opened");
    session.stub_program("xdg-open", &format!("printf %s \"$1\" > '{}'", opened.display()));
    let config = session.home.path().join(".codex/config.toml");
    let server = serde_json::to_string(&under_test::sample_mcp()).unwrap();
    let with_server =
        format!("{}\n[mcp_servers.asker]\ncommand = {server}\n", std::fs::read_to_string(&config).unwrap());
    std::fs::write(config, with_server).unwrap();
    let window = Window::open(&session).await;
    tray_says(&session, &["Running on port"]).await;

    let answer = ask(&session, "[[tool=mcp__asker.form]]");
    window.says("asker asks for details").await;
    press(&window, "Send").await;
    window.says("Fill this in.").await;
    window.type_into(&format!("{CARD}//div[label[contains(., 'Your name')]]/input"), "Ann").await;
    window.click(&format!("{CARD}//label[contains(., 'Friday')]")).await;
    window.picture("approval-form").await;
    press(&window, "Send").await;
    let text = answer.await.unwrap();
    for part in [r#""name":"Ann""#, r#""days":["Friday"]"#, r#""member":false"#] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("age"), "left empty: {text}");

    let answer = ask(&session, "[[tool=mcp__asker.url]]");
    window.says("asker asks to open a link").await;
    window.says("https://example.com/sign-in").await;
    window.picture("approval-link").await;
    press(&window, "Open in browser").await;
    eventually("the page is opened", || async { opened.exists() }).await;
    press(&window, "Done").await;
    let text = answer.await.unwrap();
    assert!(text.contains("accept"), "{text}");
    assert_eq!(std::fs::read_to_string(opened).unwrap(), "https://example.com/sign-in");
}
