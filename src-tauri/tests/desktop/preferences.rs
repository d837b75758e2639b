//! Changes settings in the window.

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

const PORT: &str = "//input[contains(@id, '-port')]";

/// The button of a dialog.
fn answer(label: &str) -> String {
    format!("//dialog//button[normalize-space(.)='{label}']")
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_new_port_applies_immediately_and_open_answers_finish() {
    let mut session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let window = Window::open(&session).await;
    window.go_to_settings("Network").await;
    let response = session.stream("sk-demo", "[[words=3 hold=1]]").await;
    session.model_holds().await;

    window.enter(PORT, "99999").await;
    window.says("65535").await;
    assert!(session.answers().await, "nothing was saved");

    let old = session.port;
    session.port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    window.enter(PORT, &session.port.to_string()).await;
    window.says(&format!("Change the port to {}?", session.port)).await;
    window.picture("confirm-port").await;
    window.click(&answer("Change port")).await;
    eventually("it answers on the new port", || session.answers()).await;
    assert!(std::net::TcpStream::connect(("127.0.0.1", old)).is_err(), "and not on the old one");
    session.model.release();
    let text = response.text().await.unwrap();
    assert!(text.trim_end().ends_with("[DONE]"), "{text}");

    let saved = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(session.data().join("settings.json")).unwrap()).unwrap()
    };
    // It is saved after the new port has answered.
    eventually("it is saved", || async { saved()["port"] == session.port }).await;
    let saved = saved();
    assert!(saved.get("sandbox").is_none(), "only what differs is written: {saved}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn models_can_be_chosen_before_the_first_request() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let window = Window::open(&session).await;
    // Shown once codex was probed, and its models are known.
    window.says("Codex 0.").await;
    window.go_to_settings("Models").await;
    window.click("//select[contains(@id, '-model')]/option[@value='gpt-5.5']").await;
    window.click("//select[contains(@id, '-effort')]/option[@value='low']").await;
    eventually("it is saved", || async {
        let saved = std::fs::read_to_string(session.data().join("settings.json")).unwrap();
        saved.contains("gpt-5.5") && saved.contains("low")
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn reasoning_and_model_aliases_apply_at_once() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let window = Window::open(&session).await;
    window.go_to_settings("Models").await;
    window.click("//button[normalize-space(.)='Add alias']").await;
    window.type_into("//input[@aria-label='Alias 1']", "gpt-4o").await;
    window.click("//select[@aria-label='Model for alias 1']/option[@value='gpt-5.5']").await;
    window.picture("model-aliases").await;
    window
        .click("//label[contains(., 'Inline <think>')] | //*[@role='radio'][contains(., 'Inline <think>')]")
        .await;
    window.picture("reasoning").await;
    eventually("it is saved", || async {
        let saved = std::fs::read_to_string(session.data().join("settings.json")).unwrap();
        saved.contains("think") && saved.contains("gpt-4o")
    })
    .await;
    let ask = || async {
        let body = serde_json::json!({"model":"gpt-4o","messages":[{"role":"user","content":"[[words=1 reasoning=1]]"}]});
        let url = format!("http://127.0.0.1:{}/v1/chat/completions", session.port);
        let asked = reqwest::Client::new().post(url).bearer_auth("sk-demo").json(&body).send().await;
        asked.unwrap().text().await.unwrap()
    };
    eventually("the answer comes with its reasoning in it", || async { ask().await.contains("<think>") })
        .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_window_and_the_tray_share_start_at_login() {
    let session = Session::start(USUAL).await;
    let tray = session.tray.as_ref().unwrap();
    let window = Window::open(&session).await;
    window.go_to_settings("General").await;
    window
        .click(
            "//*[@role='switch'][contains(., 'Start at login') or contains(@aria-label, 'Start at login')]",
        )
        .await;
    let folder = session.home.path().join(".config/autostart");
    let entries = || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        files.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect::<Vec<_>>()
    };
    eventually("it is enabled", || async { entries().len() == 1 }).await;
    let command = format!(
        "Exec=\"{}\" --hidden --data-dir \"{}\"",
        env!("CARGO_BIN_EXE_codex-proxy"),
        session.data().display()
    );
    assert!(entries()[0].lines().any(|line| line == command), "{command}: {:?}", entries());
    eventually("the tray shows it", || tray.is_checked("Start at login")).await;
    tray.click("Start at login").await;
    eventually("it is disabled", || async { entries().is_empty() }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn full_access_has_to_be_typed() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.go_to_settings("Codex").await;
    window.picture("settings").await;
    window
        .click("//label[contains(., 'Full access')] | //*[@role='radio'][contains(., 'Full access')]")
        .await;
    window.says("Give Codex full access?").await;
    window.picture("full-access").await;
    window.find("//button[normalize-space(.)='Allow full access'][@disabled]").await;
    window.type_into("//dialog//input | //*[@role='dialog']//input", "full access").await;
    window.click("//button[normalize-space(.)='Allow full access'][not(@disabled)]").await;
    eventually("it is saved", || async {
        std::fs::read_to_string(session.data().join("settings.json")).unwrap().contains("danger-full-access")
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn keys_can_be_turned_off_only_for_this_computer_after_a_confirmation() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.go_to("Keys").await;
    window.click("//*[@role='switch'][contains(., 'Require a key') or @aria-label='Require a key']").await;
    window.says("can then use your Codex account").await;
    assert_eq!(session.chat("none", "hi").await.status(), 401);
    window.click("//button[normalize-space(.)='Turn off']").await;
    eventually("no key is required", || async { session.chat("none", "[[words=1]]").await.status() == 200 })
        .await;
    window.go_to_settings("Network").await;
    window.click("//label[contains(., 'Anyone on this network')] | //*[@role='radio'][contains(., 'Anyone on this network')]").await;
    window.click(&answer("Open to the network")).await;
    window.says("Keys can be turned off only while").await;
    window.picture("no-keys-everywhere").await;
    let saved = std::fs::read_to_string(session.data().join("settings.json")).unwrap();
    assert!(!saved.contains("everywhere"), "{saved}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_log_level_applies_immediately() {
    let session = Session::start(USUAL).await;
    session.write_settings(&format!("{{\"version\":1,\"port\":{}}}", session.port));
    let (window, tray) = (Window::open(&session).await, session.tray.as_ref().unwrap());
    let log = || {
        let files = std::fs::read_dir(session.data().join("logs")).unwrap().flatten();
        files.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect::<String>()
    };
    window.go_to_settings("Privacy").await;
    window.click("//summary[contains(., 'Advanced')]").await;
    tray.click("Copy base URL").await;
    eventually("it is copied", || async { session.screen().pasted().await.is_some() }).await;
    assert!(!log().contains("clicked in the tray"), "{}", log());
    window.click("//select[contains(@id, 'log_level')]/option[contains(., 'Debug')]").await;
    eventually("clicks are logged", || async {
        tray.click("Copy base URL").await;
        log().contains("clicked in the tray")
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn limits_apply_at_once_and_the_window_and_the_tray_show_the_queue() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let (window, tray) = (Window::open(&session).await, session.tray.as_ref().unwrap());
    window.go_to_settings("Limits").await;
    window.click("//summary[contains(., 'Advanced')]").await;
    window.enter("//input[contains(@id, '-max_turns')]", "0").await;
    window.says("1 to 100").await;
    window.picture("invalid-limits").await;
    window.enter("//input[contains(@id, '-max_turns')]", "1").await;
    let health = format!("http://127.0.0.1:{}/health", session.port);
    eventually("it applies", || async {
        let health = reqwest::Client::new().get(&health).bearer_auth("sk-demo");
        let Ok(health) = health.send().await else { return false };
        health.json::<serde_json::Value>().await.is_ok_and(|health| health["turns"]["most"] == 1)
    })
    .await;
    let open = session.stream("sk-demo", "[[words=3 hold=1]]").await;
    session.model_holds().await;
    let queued = session.chat("sk-demo", "[[words=1]]");
    let shown = async {
        window.click("//nav//*[normalize-space(.)='Status']").await;
        window.says("1 running").await;
        window.says("1 queued").await;
        eventually("the tray shows it", || async {
            tray.entries().await.iter().any(|entry| entry.label.contains("1 running, 1 queued"))
        })
        .await;
        window.picture("queued").await;
        assert_eq!(session.model.release(), 1);
    };
    let (queued, ()) = tokio::join!(queued, shown);
    assert_eq!(queued.status(), 200);
    assert!(open.text().await.unwrap().contains("[DONE]"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn copied_diagnostics_contain_no_keys_or_prompts() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let window = Window::open(&session).await;
    assert_eq!(session.chat("sk-demo", "[[status=500]] a secret prompt").await.status(), 502);
    window.go_to_settings("About").await;
    window.click("//button[starts-with(@aria-label, 'Copy diagnostics')]").await;
    window.picture("diagnostics").await;
    eventually("it is copied", || async { session.screen().pasted().await.is_some() }).await;
    let copied = session.screen().clipboard().await;
    println!("{copied}");
    for part in [env!("CARGO_PKG_VERSION"), "0.169.0", "upstream", "max_turns", "a private CODEX_HOME"] {
        assert!(copied.contains(part), "no {part}: {copied}");
    }
    let home = session.data().ancestors().nth(1).unwrap().display().to_string();
    for secret in ["sk-demo", "secret prompt", home.as_str()] {
        assert!(!copied.contains(secret), "{secret}: {copied}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_change_can_be_undone_and_an_invalid_value_is_kept_at_its_field() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    let saved = || std::fs::read_to_string(session.data().join("settings.json")).unwrap_or_default();
    window.go_to_settings("Privacy").await;
    window.click("//*[@role='switch'][contains(., 'Save prompts and answers')]").await;
    eventually("it is saved", || async { saved().contains("keep_texts") }).await;
    window.picture("undo").await;
    window.click("//button[normalize-space(.)='Undo']").await;
    eventually("it is undone", || async { !saved().contains("keep_texts") }).await;

    window.enter("//input[contains(@id, '-keep_days')]", "0").await;
    window.says("1 setting needs fixing").await;
    window.picture("needs-fixing").await;
    assert!(!saved().contains("keep_days"), "{}", saved());
    window.go_to("Keys").await;
    window.go_to("Settings").await;
    window.click("//button[normalize-space(.)='Keep requests']").await;
    window.says("Enter a number of days from 1 to 3650.").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_doctor_finds_codex_and_the_running_proxy() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.go_to("Help").await;
    window.click("//button[normalize-space(.)='Run checks']").await;
    window.says("Codex lists").await;
    window.says(&format!("is already running on 127.0.0.1:{}", session.port)).await;
    window.picture("doctor").await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_folder_becomes_a_model_at_once_and_is_gone_when_it_is_removed() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let site = session.home.path().join("my-site");
    std::fs::create_dir(&site).unwrap();
    let window = Window::open(&session).await;
    window.go_to_settings("Folders").await;
    window.says("Any chat app's model menu becomes a project menu").await;
    window.picture("folders-empty").await;
    let listed = || async {
        let url = format!("http://127.0.0.1:{}/v1/models", session.port);
        let list = reqwest::Client::new().get(url).bearer_auth("sk-demo").send().await.unwrap();
        list.text().await.unwrap().contains("codex:my-site")
    };
    assert!(!listed().await);

    let field = |label: &str| format!("//dialog//div[label[normalize-space(.)='{label}']]//input");
    window.click("//button[normalize-space(.)='Add folder']").await;
    window.fill(&field("Folder"), "/no/such/folder").await;
    window.fill(&field("Name"), "my-site").await;
    window.click(&answer("Add folder")).await;
    window.says("doesn't exist").await;
    window.fill(&field("Folder"), &site.display().to_string()).await;
    window.click("//dialog//select/option[@value='workspace-write']").await;
    window.picture("folder-dialog").await;
    window.click(&answer("Add folder")).await;
    eventually("it is listed", listed).await;
    window.picture("folders").await;
    let body = serde_json::json!({"model":"codex:my-site","messages":[{"role":"user","content":"[[shell=\"touch here\"]]"}]});
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", session.port);
    let asked = reqwest::Client::new().post(url).bearer_auth("sk-demo").json(&body).send().await.unwrap();
    assert_eq!(asked.status(), 200, "{}", asked.text().await.unwrap());
    assert!(site.join("here").exists());

    window.click("//button[@aria-label='Remove codex:my-site']").await;
    eventually("it is gone", || async { !listed().await }).await;
}
