//! Clients that generate a picture, or disconnect meanwhile, and what codex leaves of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::client::{ANSWER_TIMEOUT, Client, KEY, REQUEST_ID};

/// A picture, which the prompt's unique name must have reached unchanged.
pub(super) async fn generate(client: &mut Client<'_>, name: &str) {
    let prompt = format!("{name} [[picture-size=32x32]]");
    let body = json!({ "prompt": prompt }).to_string();
    let (shared, started) = (client.shared, Instant::now());
    let request = client.http.post(format!("{}/v1/images/generations", shared.address)).bearer_auth(KEY);
    let request = request.header(REQUEST_ID, name).header(CONTENT_TYPE, "application/json").body(body);
    let patience =
        if client.one_in(4) { Duration::from_millis(client.rng.u64(1..=80)) } else { ANSWER_TIMEOUT };
    let answer = timeout(patience, async {
        let response = request.send().await?;
        anyhow::Ok((response.status().as_u16(), serde_json::from_slice::<Value>(&response.bytes().await?)?))
    });
    let answer = answer.await;
    let mut tally = shared.tally.borrow_mut();
    tally
        .outcomes
        .insert(name.to_owned(), answer.as_ref().ok().and_then(|answer| Some(answer.as_ref().ok()?.0)));
    match answer {
        Err(_) if patience < ANSWER_TIMEOUT => tally.hung_up += 1,
        Err(_) => tally.fail(format_args!("{name}: no picture within {ANSWER_TIMEOUT:?}")),
        Ok(Err(error)) => tally.fail(format_args!("{name}: {error:#}")),
        Ok(Ok((200, images))) => {
            let image = &images["data"][0];
            let is_picture =
                image["b64_json"].as_str().is_some_and(|base64| base64.starts_with("iVBORw0KGgo"));
            if is_picture && image["revised_prompt"] == prompt.as_str() {
                tally.correct += 1;
            } else {
                tally.fail(format_args!("{name}: not its picture, but for {}", image["revised_prompt"]));
            }
        }
        Ok(Ok((status, error))) => {
            let code = error["error"]["code"].as_str().unwrap_or_default();
            if shared.excused_by_kill(code, started) {
                tally.killed += 1;
            } else {
                tally.fail(format_args!("{name}: {status} {error}"));
            }
        }
    }
}

/// The pictures that codex has left in its home, if any.
pub(super) fn left_in(data: &Path) -> Option<String> {
    let folders = fs::read_dir(data.join("codex-home/generated_images")).into_iter().flatten().count();
    let notes = fs::read_dir(data.join("codex-pictures")).into_iter().flatten().count();
    (folders + notes > 0).then(|| format!("left: {folders} folders of pictures and {notes} notes of them"))
}
