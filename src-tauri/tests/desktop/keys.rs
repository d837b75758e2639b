//! Changes a key's limits and name in the window.

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_respects_a_key_stricter_than_the_settings() {
    let session = Session::start(USUAL).await;
    session.write_settings(&format!(
        "{{\"version\":1,\"port\":{},\"sandbox\":\"workspace-write\"}}",
        session.port
    ));
    let window = Window::open(&session).await;
    let secret = window.create_key("Notes").await;
    window.click("//button[normalize-space(.)='Done']").await;
    let writes = |name: &'static str| {
        let (session, secret) = (&session, &secret);
        async move {
            let prompt = format!("[[shell=\"touch {name}\"]]");
            let body =
                serde_json::json!({"model":"codex-local","messages":[{"role":"user","content":prompt}]});
            let url = format!("http://127.0.0.1:{}/v1/chat/completions", session.port);
            let answer =
                reqwest::Client::new().post(url).bearer_auth(secret).json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
            session.data().join("workspace").join(name).exists()
        }
    };
    assert!(writes("before").await);
    window.choose("More: key Notes", "Limits…").await;
    window.picture("key-limits").await;
    window.click("//dialog//select/option[@value='read-only'] | //*[@role='dialog']//select/option[@value='read-only']").await;
    window.click("//button[normalize-space(.)='Save']").await;
    window.find("//tr[contains(., 'Notes') and contains(., 'Read only')]").await;
    window.picture("limited-key").await;
    eventually("the key is limited", || async {
        std::fs::read_to_string(session.data().join("keys.json")).unwrap().contains("read-only")
    })
    .await;
    assert!(!writes("after").await, "the file was written");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_key_stops_at_its_tokens_of_the_day_and_the_window_shows_its_use() {
    let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
    let window = Window::open(&session).await;
    let secret = window.create_key("Tablet").await;
    window.click("//button[normalize-space(.)='Done']").await;
    window.choose("More: key Tablet", "Limits…").await;
    window.click("//dialog//button[contains(., 'Limit web search')]").await;
    window.picture("key-tools").await;
    window.click("//dialog//button[contains(., 'Limit web search')]").await;
    window.click("//dialog//button[contains(., 'Limit models')]").await;
    let field = |label: &str| format!("//dialog//div[label[normalize-space(.)='{label}']]//input");
    window.fill(&field("Tokens a day"), "1,000").await;
    window.fill(&field("Requests a minute"), "20").await;
    window.picture("key-amount").await;
    window.click("//button[normalize-space(.)='Save']").await;
    window.find("//tr[contains(., 'Tablet') and contains(., '0 of 1,000 tokens today')]").await;
    assert_eq!(session.chat(&secret, "[[words=3 usage=900,0,100,0]]").await.status(), 200);
    window.find("//tr[contains(., 'Tablet') and contains(., 'Used up: 1,000 of 1,000 tokens today')]").await;
    window.find("//tr[contains(., 'Tablet') and contains(., '1 of 20 requests in the last minute')]").await;
    window.picture("key-used-up").await;
    let refused = session.chat(&secret, "hi").await;
    assert_eq!(refused.status(), 429);
    assert!(refused.text().await.unwrap().contains("1,000 tokens per day"));
    assert_eq!(session.chat("sk-demo", "[[words=1]]").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_renamed_key_still_answers_and_new_requests_have_its_new_name() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    let secret = window.create_key("Notes").await;
    window.click("//button[normalize-space(.)='Done']").await;
    assert_eq!(session.chat(&secret, "[[words=1]]").await.status(), 200);
    window.find("//tr[contains(., 'Notes') and contains(., 'just now')]").await;
    window.right_click("//tr//*[normalize-space(.)='Notes']").await;
    window.picture("key-menu").await;
    window.click("//*[@role='menuitem' and normalize-space(.)='Rename…']").await;
    window.fill("//dialog//input", "zettel").await;
    window.picture("rename-key").await;
    window.click("//button[normalize-space(.)='Rename']").await;
    // It was used under the earlier name.
    window.find("//tr[contains(., 'zettel') and contains(., 'just now')]").await;
    assert_eq!(session.chat(&secret, "[[words=2]]").await.status(), 200);
    window.go_to("Requests").await;
    window.find("//*[@role='row'][contains(., 'zettel')]").await;
    window.find("//*[@role='row'][contains(., 'Notes')]").await;
}
