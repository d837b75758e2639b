//! Changes a key's limits in the window.

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
    window.click("//tr[contains(., 'Notes')]//button[normalize-space(.)='Default limits']").await;
    window.picture("key-limits").await;
    window.click("//dialog//select/option[@value='read-only'] | //*[@role='dialog']//select/option[@value='read-only']").await;
    window.click("//button[normalize-space(.)='Save']").await;
    window.find("//tr[contains(., 'Notes')]//button[contains(., 'Read only')]").await;
    window.picture("limited-key").await;
    eventually("the key is limited", || async {
        std::fs::read_to_string(session.data().join("keys.json")).unwrap().contains("read-only")
    })
    .await;
    assert!(!writes("after").await, "the file was written");
}
