//! The requests that Open WebUI makes, made once, and what a person should know of each.
//!
//! The chat is the one step that costs quota, so its prompt is tiny and it comes last. Deliberately not here: the side calls
//! for titles, follow-ups and tags, which would cost as much again and prove nothing more, and the view from within a
//! container.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::chat::{Answered, chat, milliseconds};
use super::client::{Caller, Target};
use super::docker::BRIDGE_NAME;
use super::error::{Trouble, error_of};
use super::types::CheckStep;
use proxy::Key;
use proxy::models::CODEX_LOCAL;

/// As Open WebUI names itself, with our own name behind it for the request log.
const AGENT: &str = "Python/3.11 aiohttp/3.14.5 codex-proxy-check";

/// The limit of Open WebUI's own for its list of models.
const MODEL_LIST: Duration = Duration::from_secs(10);

/// How long the tiny chat may take, a slow start of codex and a place in the queue included.
const ANSWER: Duration = Duration::from_secs(120);

/// As few tokens as an answer can have.
const PROMPT: &str = "Reply with OK.";

/// What the proxy must refuse.
const WRONG_KEY: &str = "sk-wrong-on-purpose";

/// Makes the requests one after the other. When one has failed that the rest stands on, the rest is left out.
///
/// `bridge` is the address on the Docker bridge, where the proxy listens there too. `model` is asked for the short chat;
/// without one it is the first plain model of the list, which costs less than Codex itself.
pub async fn check(target: &Target, bridge: Option<SocketAddr>, model: Option<&str>) -> Vec<CheckStep> {
    let caller = Caller::new(target, AGENT);
    let mut steps = Steps::default();

    let what = format!("Reach the proxy on {}", target.address);
    if steps.take(what, reach(&caller)).await.is_none() {
        return steps.0;
    }
    if let Some(bridge) = bridge {
        let what = format!("Reach it on the Docker bridge, {bridge}");
        steps.take(what, reach_as_container(&caller, bridge)).await;
    }
    let Some(models) = steps.take("List the models".to_owned(), list(&caller)).await else {
        return steps.0;
    };
    if target.key.is_some() {
        steps.take("Refuse a wrong key".to_owned(), refuse(&caller)).await;
    }
    let first_plain = models.iter().find(|id| *id != CODEX_LOCAL).or(models.first());
    if let Some(model) = model.or(first_plain.map(String::as_str)) {
        steps.take(format!("Stream a short answer of {model}"), stream(&caller, model)).await;
    }
    steps.0
}

/// What was tried so far.
#[derive(Debug, Default)]
struct Steps(Vec<CheckStep>);

impl Steps {
    /// Takes one step and gives what it found, if it went well.
    async fn take<T>(
        &mut self,
        what: String,
        step: impl Future<Output = Result<(T, String), Trouble>>,
    ) -> Option<T> {
        let begun = Instant::now();
        let (found, ok, detail) = match step.await {
            Ok((found, detail)) => (Some(found), true, detail),
            Err(trouble) => (None, false, trouble.to_string()),
        };
        self.0.push(CheckStep { what, ok, detail, ms: milliseconds(begun) });
        found
    }
}

async fn reach(caller: &Caller<'_>) -> Result<((), String), Trouble> {
    let version = caller.greet(MODEL_LIST).await?;
    Ok(((), format!("It answers. Version {version}.")))
}

/// By the bridge's address and with the name that containers use, since a proxy refuses names that it does not know.
async fn reach_as_container(caller: &Caller<'_>, bridge: SocketAddr) -> Result<((), String), Trouble> {
    let port = bridge.port();
    let host = format!("{BRIDGE_NAME}:{port}");
    let caller = Caller { address: bridge, host, ..caller.clone() };
    caller.greet(MODEL_LIST).await?;
    model_ids(&caller).await?;
    let detail = format!(
        "It answers there as {BRIDGE_NAME}, too. The container must be started with \
         `--add-host={BRIDGE_NAME}:host-gateway`. If it still gets no answer, a firewall is in between: \
         let port {port} in from docker0."
    );
    Ok(((), detail))
}

async fn list(caller: &Caller<'_>) -> Result<(Vec<String>, String), Trouble> {
    let begun = Instant::now();
    let ids = model_ids(caller).await?;
    let models = if ids.len() == 1 { "1 model".to_owned() } else { format!("{} models", ids.len()) };
    Ok((ids, format!("{models} in {} ms.", milliseconds(begun))))
}

async fn model_ids(caller: &Caller<'_>) -> Result<Vec<String>, Trouble> {
    let reply = caller.get("/v1/models", MODEL_LIST).await?;
    if reply.status != 200 {
        return Err(reply.trouble());
    }
    let Some(data) = reply.body["data"].as_array() else {
        return Err(Trouble::Unexpected("it has no list of models".to_owned()));
    };
    let ids: Option<Vec<String>> = data.iter().map(|model| model["id"].as_str().map(str::to_owned)).collect();
    match ids {
        Some(ids) if !ids.is_empty() => Ok(ids),
        Some(_) => Err(Trouble::Unexpected("the list of models is empty".to_owned())),
        None => Err(Trouble::Unexpected("a model of the list has no id".to_owned())),
    }
}

async fn refuse(caller: &Caller<'_>) -> Result<((), String), Trouble> {
    let wrong = Key::new(WRONG_KEY);
    let reply = Caller { key: Some(&wrong), ..caller.clone() }.get("/v1/models", MODEL_LIST).await?;
    match (reply.status, error_of(&reply.body)) {
        (401, Some(Trouble::Said(_))) => Ok(((), "Refused, with a message that clients show.".to_owned())),
        (401, _) => Err(Trouble::Unexpected("a refusal without words that clients can show".to_owned())),
        (200, _) => {
            let detail = "A wrong key was let in: keys are switched off, and any key will do. Switch them on under Keys";
            Err(Trouble::Said(format!("{detail} if that is not what you want.")))
        }
        (status, _) => {
            Err(Trouble::Unexpected(format!("a wrong key should get status 401, and it got {status}")))
        }
    }
}

async fn stream(caller: &Caller<'_>, model: &str) -> Result<((), String), Trouble> {
    let Answered { first_ms, total_ms, .. } = chat(caller, model, PROMPT, ANSWER, |_, _| ()).await?;
    Ok(((), format!("The first word came after {first_ms} ms, the end after {total_ms} ms.")))
}
