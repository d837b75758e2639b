//! Makes the same requests as Open WebUI, and explains each result.
//!
//! Only the chat costs quota, so it comes last with a tiny prompt. Open WebUI's task calls for titles and tags are left out: they
//! would double the cost and prove nothing more.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::chat::{ChatResult, chat, milliseconds};
use super::client::{Caller, Target};
use super::docker::BRIDGE_NAME;
use super::error::{RequestError, Result, error_in};
use super::open_webui::IMAGE_MODEL;
use super::types::{CheckStep, PictureCheck};
use proxy::Key;
use proxy::models::CODEX_LOCAL;
use proxy::settings::FOLDER_PREFIX;

/// Open WebUI's `User-Agent`, plus our name for the request log.
const AGENT: &str = "Python/3.11 aiohttp/3.14.5 codex-proxy-check";

/// Open WebUI's own timeout for the list of models.
const MODELS_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout of the chat, including a slow start of codex and time in the queue.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Timeout of a picture, which takes up to a few minutes.
const PICTURE_TIMEOUT: Duration = Duration::from_secs(300);

/// Says at a glance whether it worked.
const PICTURE_PROMPT: &str = "A green check mark";

/// Answered in as few tokens as possible.
const PROMPT: &str = "Reply with OK.";

/// A key that the proxy must reject.
const WRONG_KEY: &str = "sk-wrong-on-purpose";

/// Whether containers have to reach the proxy.
#[derive(Clone, Debug)]
pub enum Containers {
    /// The app is in none.
    NotNeeded,
    /// The proxy listens for them at this address, on the Docker bridge.
    At(SocketAddr),
    /// They cannot, and why.
    Unreachable(String),
}

/// Makes the requests in order, and reports each step when it is done. Stops when one fails that the rest depends on.
///
/// The chat uses `model`, or else the first plain model of the list, which costs less than codex-local.
pub async fn check(
    target: &Target,
    containers: Containers,
    model: Option<&str>,
    report: impl FnMut(CheckStep),
) {
    let caller = Caller::new(target, AGENT);
    let mut steps = Steps(report);

    if steps.run("The proxy answers".to_owned(), reach(&caller)).await.is_none() {
        return;
    }
    let what = "Containers can reach it".to_owned();
    match containers {
        Containers::NotNeeded => {}
        Containers::At(bridge) => {
            steps.run(what, reach_from_container(&caller, bridge)).await;
        }
        Containers::Unreachable(why) => {
            steps.run(what, async { Err::<((), String), _>(RequestError::Server(why)) }).await;
        }
    }
    let Some(models) = steps.run("Models are listed".to_owned(), list(&caller)).await else {
        return;
    };
    if target.key.is_some() {
        steps.run("Wrong key is rejected".to_owned(), reject_wrong_key(&caller)).await;
    }
    let first_plain = models.iter().find(|id| !is_codex(id)).or(models.first());
    if let Some(model) = model.or(first_plain.map(String::as_str)) {
        steps.run(format!("Streamed a short answer from {model}"), stream(&caller, model)).await;
    }
}

/// Whether the id is one of Codex itself: codex-local, perhaps with an effort, or a folder.
fn is_codex(id: &str) -> bool {
    id.starts_with(CODEX_LOCAL) || id.starts_with(FOLDER_PREFIX)
}

/// Makes the request of Open WebUI's page for images, which costs a picture of the account's limit.
pub async fn check_picture(target: &Target) -> PictureCheck {
    let caller = Caller::new(target, AGENT);
    let (mut result, mut picture) = (None, None);
    let mut steps = Steps(|step| result = Some(step));
    if caller.identify(MODELS_TIMEOUT).await.is_ok() {
        picture = steps.run("Generated a picture".to_owned(), generate(&caller)).await;
    } else {
        steps.run("The proxy answers".to_owned(), reach(&caller)).await;
    }
    PictureCheck { step: result.unwrap_or_default(), picture }
}

async fn generate(caller: &Caller<'_>) -> Result<(String, String)> {
    let body = json!({"model": IMAGE_MODEL, "prompt": PICTURE_PROMPT, "n": 1, "size": "1024x1024", "response_format": "b64_json"});
    let reply = caller.post("/v1/images/generations", &body, PICTURE_TIMEOUT).await?.complete().await?;
    if reply.status != 200 {
        return Err(reply.error());
    }
    let Some(picture) = reply.body["data"][0]["b64_json"].as_str() else {
        return Err(RequestError::Unexpected("it has no picture".to_owned()));
    };
    let size = reply.body["size"].as_str().map(|size| format!(", {size}")).unwrap_or_default();
    Ok((picture.to_owned(), format!("From the prompt “{PICTURE_PROMPT}”{size}")))
}

/// Reports the steps.
struct Steps<R>(R);

impl<R: FnMut(CheckStep)> Steps<R> {
    /// Runs one step, and returns its result if it passed.
    async fn run<T>(&mut self, what: String, step: impl Future<Output = Result<(T, String)>>) -> Option<T> {
        let started = Instant::now();
        let (found, ok, detail) = match step.await {
            Ok((found, detail)) => (Some(found), true, detail),
            Err(error) => (None, false, error.to_string()),
        };
        (self.0)(CheckStep { what, ok, detail, ms: milliseconds(started) });
        found
    }
}

async fn reach(caller: &Caller<'_>) -> Result<((), String)> {
    caller.identify(MODELS_TIMEOUT).await?;
    Ok(((), format!("Codex Proxy at {}", caller.address)))
}

/// Uses the bridge's address and the containers' host name, because the proxy rejects unknown host names.
async fn reach_from_container(caller: &Caller<'_>, bridge: SocketAddr) -> Result<((), String)> {
    let (ip, port) = (bridge.ip(), bridge.port());
    let host = format!("{BRIDGE_NAME}:{port}");
    let caller = Caller { address: bridge, host, ..caller.clone() };
    caller.identify(MODELS_TIMEOUT).await?;
    model_ids(&caller).await?;
    let detail = format!(
        "Listening on the Docker bridge, {ip}. Start the container with `--add-host={BRIDGE_NAME}:host-gateway`. If it \
         can't connect, allow port {port} from docker0 in your firewall."
    );
    Ok(((), detail))
}

async fn list(caller: &Caller<'_>) -> Result<(Vec<String>, String)> {
    let ids = model_ids(caller).await?;
    let models = if ids.len() == 1 { "1 model".to_owned() } else { format!("{} models", ids.len()) };
    Ok((ids, models))
}

async fn model_ids(caller: &Caller<'_>) -> Result<Vec<String>> {
    let reply = caller.get("/v1/models", MODELS_TIMEOUT).await?;
    if reply.status != 200 {
        return Err(reply.error());
    }
    let Some(data) = reply.body["data"].as_array() else {
        return Err(RequestError::Unexpected("it has no list of models".to_owned()));
    };
    let ids: Option<Vec<String>> = data.iter().map(|model| model["id"].as_str().map(str::to_owned)).collect();
    match ids {
        Some(ids) if !ids.is_empty() => Ok(ids),
        Some(_) => Err(RequestError::Unexpected("the list of models is empty".to_owned())),
        None => Err(RequestError::Unexpected("a model of the list has no id".to_owned())),
    }
}

async fn reject_wrong_key(caller: &Caller<'_>) -> Result<((), String)> {
    let wrong = Key::new(WRONG_KEY);
    let reply = Caller { key: Some(&wrong), ..caller.clone() }.get("/v1/models", MODELS_TIMEOUT).await?;
    match (reply.status, error_in(&reply.body)) {
        (401, Some(RequestError::Server(_))) => {
            Ok(((), "Rejected with a message that apps can show".to_owned()))
        }
        (401, _) => {
            Err(RequestError::Unexpected("the rejection has no message that apps can show".to_owned()))
        }
        (200, _) => {
            let message =
                "A wrong key was accepted, because keys are off. Turn them on under Keys to require one.";
            Err(RequestError::Server(message.to_owned()))
        }
        (status, _) => {
            Err(RequestError::Unexpected(format!("a wrong key should get status 401 and got {status}")))
        }
    }
}

async fn stream(caller: &Caller<'_>, model: &str) -> Result<((), String)> {
    let body = json!({"stream":true,"model":model,"messages":[{"role":"user","content":PROMPT}]});
    let ChatResult { first_ms, .. } = chat(caller, &body, ANSWER_TIMEOUT, |_| ()).await?;
    // Like the steps' own times in the window.
    Ok(((), format!("First token after {}.{:02} s", first_ms / 1000, first_ms % 1000 / 10)))
}
