//! Pictures that the real codex generates.

use std::path::{Path, PathBuf};

use codex_client::{
    CodexError, Content, FailureKind, HomeUsed, Item, Role, Status, ThreadKind, TurnEvent, TurnRequest,
};
use sample_model::{Event, codex_home};

use crate::support::{Real, TIMEOUT, eventually, message, next, real, real_with, real_with_binary_signed_in};
use crate::versions::binaries;

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// A request for pictures alone.
fn picture(real: &Real, prompt: &str) -> TurnRequest {
    let mut request = real.request(ThreadKind::Plain, prompt);
    request.profile.image_generation = true;
    request.one_shot = true;
    request
}

/// What codex saved in this home and has not been removed.
fn saved(home: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(home.join("generated_images"));
    folders.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// The home that plain models run with: the user's where no link to the sign-in can be made.
fn home_used(real: &Real) -> PathBuf {
    let is_shared = match &*real.codex.status().borrow() {
        Status::Ready(readiness) => matches!(readiness.home, HomeUsed::Shared { .. }),
        _ => false,
    };
    real.home.path().join(if is_shared { ".codex" } else { "private" })
}

/// The bodies of the requests for pictures.
fn requests(real: &Real) -> Vec<(String, serde_json::Value)> {
    let all = real.model.requests().into_iter().filter(|request| request.path.contains("/images/"));
    all.map(|request| (request.path.clone(), request.body().clone())).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_plain_model_generates_a_picture_with_no_other_tool_and_leaves_no_file() {
    let real = real_with(codex_home::write_signed_in).await;
    let output = real.run(picture(&real, "a red cat")).await;
    output.expect_success();
    let [made] = output.pictures.as_slice() else { panic!("{output:?}") };
    assert!(made.base64.starts_with("iVBORw0KGgo"));
    assert_eq!((made.prompt.as_deref(), output.begun), (Some("a red cat"), 1));
    assert_eq!(real.model.request(0).unwrap().tools(), ["image_gen.imagegen"]);
    let (path, body) = &requests(&real)[0];
    assert_eq!((path.as_str(), &body["prompt"]), ("/v1/images/generations", &"a red cat".into()));
    eventually("the picture is removed", || saved(&home_used(&real)).is_empty()).await;
    assert!(saved(&real.home.path().join(".codex")).is_empty());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn images_of_the_conversation_are_edited() {
    let real = real_with(codex_home::write_signed_in).await;
    let image = || Content::Image { url: PNG.into(), detail: None };
    let content = vec![image(), image(), Content::Text("make it blue".into())];
    let items = vec![Item::Message { role: Role::User, content }];
    let output = real.run(TurnRequest { items, ..picture(&real, "") }).await;
    output.expect_success();
    assert_eq!(output.pictures.len(), 1);
    let (path, body) = &requests(&real)[0];
    assert_eq!(path, "/v1/images/edits");
    assert_eq!(body["images"].as_array().unwrap().len(), 2);
    assert_eq!(body["images"][0]["image_url"], PNG);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn dropping_a_turn_stops_its_picture_and_leaves_nothing() {
    let real = real_with(codex_home::write_signed_in).await;
    let mut turn = real.codex.turn(picture(&real, "a cat [[picture-hold]]")).await.unwrap();
    while !matches!(next(&mut turn).await, Some(TurnEvent::PictureStarted(_))) {}
    let held = real.model.wait_for(|event| matches!(event, Event::Held { .. }), TIMEOUT).await.unwrap();
    assert!(turn.idle_since().is_none(), "generating a picture is no silence");
    let notes = real.workspace.join("codex-pictures");
    assert_eq!(std::fs::read_dir(&notes).unwrap().count(), 1);
    drop(turn);
    let Event::Held { id, .. } = held else { unreachable!() };
    assert!(real.model.wait_for(|event| *event == Event::ClientGone { id }, TIMEOUT).await.is_some());
    eventually("nothing is left", || {
        saved(&home_used(&real)).is_empty() && std::fs::read_dir(&notes).unwrap().count() == 0
    })
    .await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_conversation_keeps_its_picture_until_its_thread_ends() {
    let real = real_with(codex_home::write_signed_in).await;
    let request = TurnRequest { one_shot: false, ..picture(&real, "a cat") };
    let output = real.run(request.clone()).await;
    output.expect_success();
    assert_eq!(saved(&home_used(&real)).len(), 1);
    let mut items = request.items.clone();
    items.push(message(Role::Assistant, &output.text()));
    items.push(message(Role::User, r#"[[picture={"prompt":"bluer","num_last_images_to_include":1}]]"#));
    let output = real.run(TurnRequest { items, ..request }).await;
    output.expect_success();
    assert_eq!(output.pictures.len(), 1);
    let (path, body) = &requests(&real)[1];
    assert_eq!((path.as_str(), body["images"].as_array().unwrap().len()), ("/v1/images/edits", 1));
    let home = home_used(&real);
    real.codex.shutdown().await;
    assert!(saved(&home).is_empty());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn pictures_of_the_agent_are_removed_from_the_users_home_and_the_users_own_stay() {
    let real = real_with(codex_home::write_signed_in).await;
    let users_home = real.home.path().join(".codex");
    let own = users_home.join("generated_images/own");
    std::fs::create_dir_all(&own).unwrap();
    let mut request = real.request(ThreadKind::Agent, r#"[[picture="a cat" then say="done"]]"#);
    request.one_shot = true;
    let output = real.run(request).await;
    output.expect_success();
    assert_eq!((output.pictures.len(), output.text().as_str()), (1, "done"));
    eventually("only the user's are left", || saved(&users_home) == [own.clone()]).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn refusal_of_a_picture_says_why_and_the_model_goes_on() {
    let real = real_with(codex_home::write_signed_in).await;
    for (prompt, kind) in [
        (r#"[[picture-status=400 message="Not that." code=moderation_blocked]]"#, FailureKind::BadRequest),
        (r#"[[picture-status=429 message="Not now." type=usage_limit_reached]]"#, FailureKind::UsageLimit),
    ] {
        let output = real.run(picture(&real, prompt)).await;
        output.expect_success();
        let [failure] = output.failed_pictures.as_slice() else { panic!("{output:?}") };
        assert_eq!((failure.kind, output.pictures.len()), (kind, 0), "{failure:?}");
        assert!(!output.text().is_empty());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_a_chatgpt_sign_in_no_turn_is_spent() {
    for real in [real().await, real_with(codex_home::write_openai).await] {
        let refused = real.codex.turn(picture(&real, "a cat")).await.err();
        assert!(matches!(refused, Some(CodexError::NeedsChatGpt { .. })), "{refused:?}");
        assert!(requests(&real).is_empty() && real.model.request(0).is_none());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn versions_that_can_generate_pictures_do_and_the_others_say_so() {
    for binary in binaries() {
        let real = real_with_binary_signed_in(&binary).await;
        real.codex.ready().await.unwrap();
        let Status::Ready(readiness) = real.codex.status().borrow().clone() else { panic!("{binary:?}") };
        println!("codex {}", readiness.version);
        match real.codex.turn(picture(&real, "a cat")).await {
            Ok(turn) => {
                let output = crate::support::collect(turn).await;
                output.expect_success();
                assert_eq!(output.pictures.len(), 1, "codex {}: {output:?}", readiness.version);
            }
            Err(CodexError::CannotDo { since, .. }) => {
                assert!(!readiness.capabilities.image_generation && since == "0.120");
            }
            Err(error) => panic!("codex {}: {error:?}", readiness.version),
        }
        let home = home_used(&real);
        real.codex.shutdown().await;
        assert!(saved(&home).is_empty(), "codex {}", readiness.version);
    }
}
