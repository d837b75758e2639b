//! The rules of keys in the app: what can be set, and what is shown of their use.

use desktop::keychain::KeyLimitsForm;
use proxy::{KeyFile, KeyUse, unix_now};

use crate::app::running;
use crate::limits::open;
use crate::support::{folder, prompt_body};

fn form(change: impl FnOnce(&mut KeyLimitsForm)) -> KeyLimitsForm {
    let mut form = KeyLimitsForm::default();
    change(&mut form);
    form
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn rules_are_kept_as_they_were_set_and_show_what_is_used() {
    let (opened, _) = open(true).await;
    // A reserve needs the account.
    opened.shows(|overview| overview.limits.is_some() && overview.codex.account.is_some()).await;
    let (app, port) = (&opened.app, opened.port);
    let rules = KeyLimitsForm {
        expires: "2100-01-31".to_owned(),
        tokens_per_day: "50000".to_owned(),
        requests_per_minute: "10".to_owned(),
        reserve_percent: "90".to_owned(),
        models: "gpt-5*, o9".to_owned(),
        web_search: Some(false),
        no_mcp_servers: true,
        may_ask: Some(true),
        keep_chats: Some(true),
        ..KeyLimitsForm::default()
    };
    let key = app.create_key("Tablet", rules.clone()).await.unwrap();
    let row = async || app.keys().await.unwrap().into_iter().find(|row| row.id == key.row.id).unwrap();
    let before = row().await;
    assert_eq!((&before.limits, before.expired), (&rules, false));
    assert_eq!((before.tokens_today, before.recent_requests), (Some(0), 0));
    let url = format!("http://127.0.0.1:{port}/v1/chat/completions");
    let request = reqwest::Client::new().post(url).bearer_auth(&key.secret).json(&prompt_body("[[words=3]]"));
    assert_eq!(request.send().await.unwrap().status(), 200);
    let after = row().await;
    assert!(after.tokens_today > Some(0) && after.recent_requests == 1, "{after:?}");
    // Apps are set up for a model that the key may use.
    let recipes = app.recipes(Some(&key.row.id), None).await.unwrap();
    let texts: Vec<_> =
        recipes.iter().flat_map(|recipe| &recipe.pieces).map(|piece| piece.text.as_str()).collect();
    assert!(
        texts.iter().any(|text| text.contains("gpt-5"))
            && !texts.iter().any(|text| text.contains("codex-local")),
        "{texts:?}"
    );
    app.shutdown().await;
    let data = opened.data();
    let keys = KeyFile::in_folder(&data).entries().unwrap();
    let digest = keys.iter().find(|entry| entry.name == "Tablet").unwrap().sha256.to_hex();
    let stored = KeyUse::in_folder(&data).tokens_today(&digest, unix_now()).unwrap();
    assert_eq!(Some(stored), after.tokens_today, "stopping writes them");
}

#[tokio::test]
async fn a_reserve_without_a_chatgpt_sign_in_and_a_day_that_has_passed_are_rejected() {
    let folder = folder();
    let (app, _) = running(&folder).await;
    for (limits, field, words) in [
        (form(|form| form.reserve_percent = "80".to_owned()), "reservePercent", "Sign in with ChatGPT"),
        (form(|form| form.expires = "2020-01-31".to_owned()), "expires", "has passed"),
    ] {
        let error = app.create_key("Tablet", limits).await.unwrap_err();
        assert_eq!(error.fields[0].field, field);
        assert!(error.fields[0].message.contains(words), "{error:?}");
    }
    app.shutdown().await;
}
