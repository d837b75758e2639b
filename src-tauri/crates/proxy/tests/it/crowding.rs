//! No client crowds out the others: threads, turns, memory for bodies, and codex's list of models.

use serde_json::{Value, json};

use crate::support::{TestProxy, prompt_body, real};

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
