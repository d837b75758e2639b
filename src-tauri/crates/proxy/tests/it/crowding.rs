//! No client crowds out the others: threads, turns, memory for bodies, and codex's list of models.

use sample_model::Event;
use serde_json::{Value, json};

use crate::support::{Events, TestProxy, eventually, fake, prompt_body, real};

/// More than the thread cache holds.
const MANY: usize = 33;

const TITLE: &str = "### Task:\nGenerate a concise title summarizing the chat history. [[words=1]]";

/// The thread of the last request that reached the model.
fn last_thread(proxy: &TestProxy) -> Value {
    proxy.model.requests().last().unwrap().body()["prompt_cache_key"].clone()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn completions_and_title_calls_take_no_place_in_the_thread_cache() {
    let proxy = real().start().await;
    let mut chat = prompt_body("[[say=first]]");
    assert_eq!(proxy.chat(&chat).await.status(), 200);
    let thread = last_thread(&proxy);
    for n in 0..MANY {
        let body = json!({"model":"gpt-5.5","prompt":format!("{n} [[words=1]]")});
        assert_eq!(proxy.post("/v1/completions", &body).await.status(), 200);
        assert_eq!(proxy.ask(&format!("{TITLE} {n}")).await.status(), 200);
        let body = json!({"model":"gpt-5.5","input":format!("{TITLE} {n} again")});
        assert_eq!(proxy.post("/v1/responses", &body).await.status(), 200);
    }
    let messages = chat["messages"].as_array_mut().unwrap();
    messages.push(json!({"role":"assistant","content":"first"}));
    messages.push(json!({"role":"user","content":"[[words=1]]"}));
    assert_eq!(proxy.chat(&chat).await.status(), 200);
    assert_eq!(last_thread(&proxy), thread, "the chat continues in its thread");
}

/// The largest number of requests that the model has answered at once.
fn max_running(proxy: &TestProxy) -> usize {
    let (mut running, mut max) = (0_usize, 0);
    for event in proxy.model.events() {
        match event {
            Event::Request { .. } => running += 1,
            Event::Finished { .. } | Event::ClientGone { .. } => running -= 1,
            Event::Delta { .. } | Event::Held { .. } => {}
        }
        max = max.max(running);
    }
    max
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn several_answers_never_run_more_turns_than_max_turns() {
    for max_turns in [1, 3] {
        let proxy = real().limits(|limits| limits.max_turns = max_turns).start().await;
        let mut chat = prompt_body("[[words=3 every=10]]");
        chat["n"] = 8.into();
        let completion = json!({"model":"gpt-5.5","prompt":"[[words=3 every=50]]","n":8});
        for (path, body) in [("/v1/chat/completions", chat), ("/v1/completions", completion)] {
            let answer: Value = proxy.post(path, &body).await.json().await.unwrap();
            let ends = answer["choices"].as_array().unwrap().iter().map(|choice| &choice["finish_reason"]);
            assert_eq!(ends.collect::<Vec<_>>(), vec!["stop"; 8], "{path}: {answer}");
            let mut streamed = body;
            streamed["stream"] = true.into();
            let events = Events::new(proxy.post(path, &streamed).await).rest().await;
            let mut ended: Vec<u64> = events
                .iter()
                .filter(|event| event["choices"][0]["finish_reason"] == "stop")
                .map(|event| event["choices"][0]["index"].as_u64().unwrap())
                .collect();
            ended.sort_unstable();
            assert_eq!(ended, (0..8).collect::<Vec<_>>(), "{path}");
        }
        assert_eq!(max_running(&proxy), max_turns);
    }
}

/// How often codex has been asked for its models.
fn times_listed(proxy: &TestProxy) -> usize {
    let methods = std::fs::read_to_string(proxy.folder.path().join("methods")).unwrap_or_default();
    methods.lines().filter(|method| *method == "model/list").count()
}

#[tokio::test]
async fn codex_is_asked_for_its_models_at_most_once_a_minute_and_once_for_all_who_wait() {
    let proxy = fake("methods-file={folder}/methods late=model/list:50").start().await;
    let unknown = |n: usize| {
        let mut body = prompt_body("hi");
        body["model"] = format!("unknown-{n}").into();
        body
    };
    let bodies: Vec<Value> = (0..20).map(unknown).collect();
    let asked = futures_util::future::join_all(bodies.iter().map(|body| proxy.chat(body))).await;
    assert!(asked.iter().all(|response| response.status() == 404));
    for n in 0..20 {
        assert_eq!(proxy.get(&format!("/v1/models/unknown-{n}")).send().await.unwrap().status(), 404);
    }
    assert_eq!(proxy.ask("hi").await.status(), 200);
    assert_eq!(times_listed(&proxy), 1);
}

#[tokio::test]
async fn codex_is_asked_for_its_models_only_after_admission_and_an_unknown_model_does_not_wait() {
    let directives = "hang-after-delta=1 methods-file={folder}/methods";
    let proxy = fake(directives).limits(|limits| limits.max_turns = 1).start().await;
    let agent = json!({"model":"codex-local","messages":[{"role":"user","content":"hi"}],"stream":true});
    let mut running = proxy.stream_of(&agent).await;
    running.next_text().await;
    let mut unknown = prompt_body("hi");
    unknown["model"] = "unknown".into();
    let waiting = proxy.chat(&unknown);
    let mut turns = proxy.turns.clone();
    let queued = async {
        turns.wait_for(|turns| turns.waiting == 1).await.unwrap();
        assert_eq!(times_listed(&proxy), 0, "not before it is admitted");
        drop(running);
    };
    let (response, ()) = tokio::join!(waiting, queued);
    assert_eq!(response.status(), 404);
    eventually("codex was asked", || times_listed(&proxy) == 1).await;

    let mut running = proxy.stream_of(&agent).await;
    running.next_text().await;
    assert_eq!(proxy.chat(&unknown).await.status(), 404, "the list is known by now");
    drop(running);
}
