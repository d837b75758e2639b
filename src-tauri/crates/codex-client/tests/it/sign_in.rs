//! Signing in and out and switching workspaces with the real codex, at the sample model's sign-in.

use std::path::{Path, PathBuf};
use std::pin::pin;

use codex_client::{
    Account, CodexConfig, CodexError, SignInEnd, SignInMethod, SignInPrompt, Status, sign_in, sign_out,
    switch_workspace, workspaces,
};
use sample_model::{codex_home, under_test};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{Real, TIMEOUT, fake, in_passing_time, real_with};

/// A codex that is not signed in.
async fn signed_out() -> Real {
    real_with(codex_home::write_signed_out).await
}

/// Opens a page like a browser, which follows redirects.
async fn visit(url: &str) {
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(browser.get(url).send().await.unwrap().status().is_success());
}

/// Signs in, and does `act` once codex asks for it.
async fn sign_in_and(
    config: &CodexConfig,
    method: SignInMethod,
    act: impl AsyncFnOnce(SignInPrompt),
) -> SignInEnd {
    let (sender, prompted) = oneshot::channel();
    let never = CancellationToken::new();
    let signing_in = sign_in(config, method, &never, |prompt| drop(sender.send(prompt)));
    let acting = async { act(prompted.await.unwrap()).await };
    let (end, ()) = timeout(TIMEOUT, async { tokio::join!(signing_in, acting) }).await.unwrap();
    end.unwrap()
}

async fn sign_in_in_the_browser(config: &CodexConfig, query: &str) -> SignInEnd {
    sign_in_and(config, SignInMethod::Browser, async |prompt| match prompt {
        SignInPrompt::Browser { url } => visit(&format!("{url}{query}")).await,
        other => panic!("{other:?}"),
    })
    .await
}

fn chatgpt(email: &str, plan: &str, workspace: &str) -> Account {
    let [email, plan, workspace] = [email, plan, workspace].map(|text| Some(text.to_owned()));
    Account::ChatGpt { email, plan, workspace }
}

/// Waits until both running codexes have this account; `None` is signed out.
async fn have_account(real: &Real, account: Option<&Account>) {
    for codex in [&real.codex, &real.agent] {
        let mut status = codex.status();
        let expected = |status: &Status| match status {
            Status::Ready(readiness) => account.is_some() && readiness.account.as_ref() == account,
            Status::Failed(CodexError::NotSignedIn) => account.is_none(),
            _ => false,
        };
        assert!(
            timeout(TIMEOUT, status.wait_for(expected)).await.is_ok(),
            "{account:?}: {:?}",
            codex.status()
        );
    }
}

fn auth_file(real: &Real) -> PathBuf {
    real.home.path().join(".codex/auth.json")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn browser_sign_in_reaches_the_running_codexes_and_so_does_sign_out() {
    let _port = under_test::sign_in_port().unwrap();
    let real = signed_out().await;
    for codex in [&real.codex, &real.agent] {
        assert!(matches!(codex.ready().await, Err(CodexError::NotSignedIn)));
    }
    let account = chatgpt("me@example.com", "plus", "Personal");
    let end = sign_in_in_the_browser(&real.agent_config, "").await;
    assert_eq!(end, SignInEnd::SignedIn(Some(account.clone())));
    have_account(&real, Some(&account)).await;
    real.ask("[[words=1]]").await.expect_success();

    let account = chatgpt("you@example.com", "plus", "Personal");
    let end = sign_in_in_the_browser(&real.agent_config, "&email=you@example.com").await;
    assert_eq!(end, SignInEnd::SignedIn(Some(account.clone())), "somebody else signs in instead");
    have_account(&real, Some(&account)).await;

    sign_out(&real.agent_config).await.unwrap();
    assert!(!auth_file(&real).exists());
    have_account(&real, None).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn declined_browser_sign_in_fails_with_the_reason() {
    let _port = under_test::sign_in_port().unwrap();
    let real = signed_out().await;
    match sign_in_in_the_browser(&real.agent_config, "&deny").await {
        SignInEnd::Failed { reason } => assert!(reason.contains("The sign-in was declined"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(!auth_file(&real).exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn device_code_signs_in_once_it_is_entered_and_fails_when_declined() {
    let real = signed_out().await;
    let enter = async |query: &str| {
        sign_in_and(&real.agent_config, SignInMethod::DeviceCode, async |prompt| match prompt {
            SignInPrompt::DeviceCode { url, code } => visit(&format!("{url}?code={code}{query}")).await,
            other => panic!("{other:?}"),
        })
        .await
    };
    assert!(matches!(enter("&deny").await, SignInEnd::Failed { .. }));
    assert!(!auth_file(&real).exists());
    assert_eq!(enter("").await, SignInEnd::SignedIn(Some(chatgpt("me@example.com", "plus", "Personal"))));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn api_key_signs_in_and_is_only_in_codexs_own_file() {
    let real = signed_out().await;
    let key = "sk-typed-by-hand-0123456789";
    let method = SignInMethod::ApiKey(key.to_owned());
    assert!(!format!("{method:?}").contains(key));
    let never = CancellationToken::new();
    let end = sign_in(&real.agent_config, method, &never, |prompt| panic!("{prompt:?}")).await.unwrap();
    assert_eq!(end, SignInEnd::SignedIn(Some(Account::ApiKey)));
    let with_key: Vec<PathBuf> = files(real.home.path())
        .into_iter()
        .filter(|path| !path.is_symlink())
        .filter(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(key))
        .collect();
    assert_eq!(with_key, [auth_file(&real)]);
    real.ask("[[words=1]]").await.expect_success();
    let used = real.model.request(0).unwrap().header("authorization").unwrap().to_owned();
    assert_eq!(used, format!("Bearer {key}"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn cancelled_sign_in_stops_its_codex_and_signs_nobody_in() {
    let _port = under_test::sign_in_port().unwrap();
    let real = signed_out().await;
    for method in [SignInMethod::Browser, SignInMethod::DeviceCode] {
        let cancel = CancellationToken::new();
        let cancelling = cancel.clone();
        let prompted = move |_| cancelling.cancel();
        let end = timeout(TIMEOUT, sign_in(&real.agent_config, method, &cancel, prompted)).await.unwrap();
        assert_eq!(end.unwrap(), SignInEnd::Cancelled);
    }
    assert!(!auth_file(&real).exists());
    // Nothing listens for the browser any more.
    assert!(tokio::net::TcpStream::connect("127.0.0.1:1455").await.is_err());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn sign_in_that_nobody_completes_ends_after_its_limit() {
    let real = signed_out().await;
    let never = CancellationToken::new();
    let (sender, prompted) = oneshot::channel();
    let prompt = |prompt| drop(sender.send(prompt));
    let mut signing_in = pin!(sign_in(&real.agent_config, SignInMethod::DeviceCode, &never, prompt));
    tokio::select! {
        end = &mut signing_in => panic!("{end:?}"),
        prompt = prompted => drop(prompt.unwrap()),
    }
    assert_eq!(in_passing_time(signing_in).await.unwrap(), SignInEnd::TimedOut);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unreachable_login_service_is_a_failure_with_a_reason() {
    let mut real = signed_out().await;
    let nowhere = "http://127.0.0.1:9";
    let environment = real.agent_config.search.environment.clone();
    real.agent_config.search.environment = environment.with("CODEX_APP_SERVER_LOGIN_ISSUER", nowhere);
    let never = CancellationToken::new();
    match sign_in(&real.agent_config, SignInMethod::DeviceCode, &never, |_| {}).await.unwrap() {
        SignInEnd::Failed { reason } => assert!(reason.contains("device code"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn another_workspace_is_switched_to_without_signing_in_again() {
    let _port = under_test::sign_in_port().unwrap();
    let real = signed_out().await;
    sign_in_in_the_browser(&real.agent_config, "").await;
    for codex in [&real.codex, &real.agent] {
        codex.ready().await.unwrap();
    }
    let list = async || {
        let all = workspaces(&real.agent_config).await.unwrap();
        let names: Vec<_> = all.iter().map(|one| (one.name.clone().unwrap(), one.is_active)).collect();
        (all, names)
    };
    let (all, names) = list().await;
    assert_eq!(names, [("Personal".to_owned(), true), ("Acme Inc".to_owned(), false)]);
    assert_eq!(all[0].email.as_deref(), Some("me@example.com"));
    switch_workspace(&real.agent_config, &all[1].session, &all[1].id).await.unwrap();
    let (_, names) = list().await;
    assert_eq!(names, [("Personal".to_owned(), false), ("Acme Inc".to_owned(), true)]);
    have_account(&real, Some(&chatgpt("me@example.com", "team", "Acme Inc"))).await;

    let refused = switch_workspace(&real.agent_config, &all[1].session, "acc-of-others").await;
    assert!(matches!(refused, Err(CodexError::Refused { .. })), "{refused:?}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn no_workspaces_are_listed_for_an_api_key() {
    let real = real_with(codex_home::write_openai).await;
    assert_eq!(workspaces(&real.agent_config).await.unwrap(), []);
}

#[tokio::test]
async fn codex_without_these_methods_is_too_old() {
    let fake = fake("old=0.44");
    let config = fake.config();
    let never = CancellationToken::new();
    let errors = [
        sign_in(&config, SignInMethod::Browser, &never, |_| {}).await.map(drop),
        sign_out(&config).await,
        workspaces(&config).await.map(drop),
        switch_workspace(&config, "session", "account").await,
    ];
    for error in errors {
        match error {
            Err(CodexError::CannotDo { version, .. }) => assert!(version.starts_with("0.44"), "{version}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn codex_that_exits_during_a_sign_in_is_an_error() {
    let fake = fake("crash-on=account/login/start");
    let never = CancellationToken::new();
    let error = sign_in(&fake.config(), SignInMethod::Browser, &never, |_| {}).await;
    assert!(matches!(error, Err(CodexError::StartFailed { .. })), "{error:?}");
}
