//! Signing codex in and out in the window.

use sample_model::{codex_home, under_test};

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

/// A session whose codex is not signed in, with a browser that opens `page` of what it is given.
async fn signed_out(page: &str) -> Session {
    let mut session = Session::start(USUAL).await;
    let codex = session.home.path().join(".codex");
    codex_home::write_signed_out(&codex, &session.model.base_url()).unwrap();
    session
        .stub_program("xdg-open", &format!("curl --silent --location --noproxy '*' \"$1{page}\" >/dev/null"));
    session
}

fn auth_file(session: &Session) -> std::path::PathBuf {
    session.home.path().join(".codex/auth.json")
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn signing_in_in_the_browser_ends_with_an_answer_and_signing_out_with_none() {
    let _port = under_test::sign_in_port().unwrap();
    let session = signed_out("").await;
    let window = Window::open(&session).await;
    window.says("Not signed in to Codex").await;
    window.picture("signed-out").await;
    window.click("//button[normalize-space(.)='Sign in with ChatGPT']").await;
    window.says("Signed in as me@example.com.").await;
    window.says("Running on port").await;
    window.find("//section[@aria-label='Account'][contains(., 'Plus') and contains(., 'Personal')]").await;
    window.picture("signed-in").await;
    let secret = window.create_key("After signing in").await;
    window.click("//button[normalize-space(.)='Done']").await;
    assert_eq!(session.chat(&secret, "[[words=1]]").await.status(), 200);

    window.click("//nav//*[normalize-space(.)='Status']").await;
    window.click("//button[@aria-label='Switch: account']").await;
    window.click("//dialog//button[normalize-space(.)='Acme Inc']").await;
    window.find("//section[@aria-label='Account'][contains(., 'Team') and contains(., 'Acme Inc')]").await;

    window.click("//button[@aria-label='Sign out: account']").await;
    window.click("//dialog//button[normalize-space(.)='Sign out']").await;
    window.says("Not signed in to Codex").await;
    assert!(!auth_file(&session).exists());
    assert_ne!(session.chat(&secret, "[[words=1]]").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_declined_sign_in_says_so_and_a_code_or_a_key_works_instead() {
    let _port = under_test::sign_in_port().unwrap();
    let session = signed_out("&deny").await;
    let window = Window::open(&session).await;
    window.click("//button[normalize-space(.)='Sign in with ChatGPT']").await;
    window.says("The sign-in was declined").await;
    window.picture("sign-in-declined").await;

    window.click("//button[normalize-space(.)='Use a code on another device']").await;
    let code = window.text_of("//*[@aria-label='Your code']").await;
    window.picture("device-code").await;
    window.click("//button[normalize-space(.)='Cancel']").await;
    window.find("//button[normalize-space(.)='Sign in with ChatGPT']").await;
    window.click("//button[normalize-space(.)='Use a code on another device']").await;
    let another = window.text_of("//*[@aria-label='Your code']").await;
    assert_ne!(code, another);
    let page = format!("{}/codex/device?code={another}", session.model.login_issuer());
    assert!(reqwest::get(page).await.unwrap().status().is_success());
    window.says("Signed in as me@example.com.").await;
    assert!(auth_file(&session).exists());

    window.click("//button[@aria-label='Switch: account']").await;
    window.click("//dialog//button[normalize-space(.)='Sign in with another account']").await;
    window.click("//button[normalize-space(.)='Use an API key']").await;
    let key = "sk-typed-in-the-window-0123456789";
    window.type_into("//input[@type='password']", key).await;
    window.picture("api-key").await;
    window.click("//button[normalize-space(.)='Use this key']").await;
    window.says("Signed in with an API key.").await;
    assert!(!window.text().await.contains(key));
    eventually("only codex keeps the key", || async { session.files_with(key) == [auth_file(&session)] })
        .await;
}
