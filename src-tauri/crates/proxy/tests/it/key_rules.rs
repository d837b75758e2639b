//! The rules of keys: expiry, tokens a day, requests a minute, models, web search, MCP servers and the reserve.

use std::fmt::Write as _;
use std::path::Path;

use proxy::{Key, KeyEntry, KeyFile, KeyLimits, KeyUse, local_day, local_time, unix_now};
use reqwest::{Method, Response};
use sample_model::{AccountLimits, Limit, codex_home, under_test};
use serde_json::{Value, json};

use crate::support::{TestProxy, data_dir, eventually, fake, real};

fn keys(proxy: &TestProxy) -> KeyFile {
    KeyFile::in_folder(&data_dir(proxy.folder.path()))
}

fn key(proxy: &TestProxy, limits: KeyLimits) -> (Key, KeyEntry) {
    keys(proxy).create_limited("limited", limits, 1).unwrap()
}

async fn send(proxy: &TestProxy, key: &Key, path: &str, body: &Value) -> Response {
    proxy.anonymous(Method::POST, path).bearer_auth(key.reveal()).json(body).send().await.unwrap()
}

async fn ask(proxy: &TestProxy, key: &Key, model: &str, prompt: &str) -> Response {
    let body = json!({"model": model, "messages": [{"role": "user", "content": prompt}]});
    send(proxy, key, "/v1/chat/completions", &body).await
}

async fn get(proxy: &TestProxy, key: &Key, path: &str) -> (u16, Value) {
    let response = proxy.anonymous(Method::GET, path).bearer_auth(key.reveal()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The status, code and message of an error, and whether libraries retry by themselves.
async fn error(response: Response) -> (u16, String, String, Option<String>) {
    let status = response.status().as_u16();
    let retry = response.headers().get("x-should-retry").map(|value| value.to_str().unwrap().to_owned());
    let error = response.json::<Value>().await.unwrap()["error"].clone();
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("message"), retry)
}

/// What the file in the data folder says that the key has used today.
fn stored(proxy: &TestProxy, entry: &KeyEntry) -> u64 {
    let used = KeyUse::in_folder(&data_dir(proxy.folder.path()));
    used.tokens_today(&entry.sha256.to_hex(), unix_now()).unwrap()
}

#[tokio::test]
async fn an_expired_key_is_told_so_everywhere_and_another_one_works() {
    let proxy = fake("").start().await;
    let (expired, entry) = key(&proxy, KeyLimits { expires: Some(unix_now()), ..KeyLimits::default() });
    let (status, code, message, _) = error(ask(&proxy, &expired, "gpt-5.5", "hi").await).await;
    assert_eq!((status, code.as_str()), (401, "key_expired"));
    assert!(message.contains("expired at the end of"), "{message}");
    assert_eq!(get(&proxy, &expired, "/v1/models").await.0, 401);
    let tomorrow = KeyLimits { expires: Some(unix_now() + 86_400), ..KeyLimits::default() };
    keys(&proxy).limit(&entry.id, tomorrow).unwrap();
    assert_eq!(ask(&proxy, &expired, "gpt-5.5", "hi").await.status(), 200);
}

#[tokio::test]
async fn requests_above_the_limit_per_minute_get_a_429_that_says_when_to_retry() {
    let proxy = fake("").start().await;
    let (limited, _) = key(&proxy, KeyLimits { requests_per_minute: Some(2), ..KeyLimits::default() });
    let (free, _) = key(&proxy, KeyLimits::default());
    let header = |response: &Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    for left in ["1", "0"] {
        let answer = ask(&proxy, &limited, "gpt-5.5", "hi").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "x-ratelimit-limit-requests").as_deref(), Some("2"));
        assert_eq!(header(&answer, "x-ratelimit-remaining-requests").as_deref(), Some(left));
        assert!(header(&answer, "x-ratelimit-reset-requests").unwrap().ends_with('s'));
    }
    let refused = ask(&proxy, &limited, "gpt-5.5", "hi").await;
    let retry: u64 = header(&refused, "retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&retry), "{retry}");
    assert_eq!(header(&refused, "x-ratelimit-remaining-requests").as_deref(), Some("0"));
    let (status, code, message, _) = error(refused).await;
    assert_eq!((status, code.as_str()), (429, "rate_limit_exceeded"));
    assert!(message.contains("2 requests per minute"), "{message}");
    assert_eq!(get(&proxy, &limited, "/v1/models").await.0, 200, "only answers count");
    let answer = ask(&proxy, &free, "gpt-5.5", "hi").await;
    assert_eq!((answer.status().as_u16(), header(&answer, "x-ratelimit-limit-requests")), (200, None));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn tokens_of_the_day_run_out_and_survive_a_restart() {
    let proxy = real().start().await;
    let (limited, entry) = key(&proxy, KeyLimits { tokens_per_day: Some(1), ..KeyLimits::default() });
    let (free, free_entry) = key(&proxy, KeyLimits::default());
    let answer: Value = ask(&proxy, &limited, "gpt-5.5", "[[words=3]]").await.json().await.unwrap();
    let total = answer["usage"]["total_tokens"].as_u64().unwrap();
    assert!(total > 1, "{answer}");
    let refused = || async { error(ask(&proxy, &limited, "gpt-5.5", "hi").await).await };
    let (status, code, message, retry) = refused().await;
    assert_eq!((status, code.as_str(), retry.as_deref()), (429, "insufficient_quota", Some("false")));
    assert!(message.contains("1 token per day") && message.contains("works again"), "{message}");
    eventually("the tokens are stored", || stored(&proxy, &entry) == total).await;
    assert_eq!(ask(&proxy, &free, "gpt-5.5", "[[words=3]]").await.status(), 200);
    eventually("every key is counted", || stored(&proxy, &free_entry) == total).await;
    // Another program counts on the same file, and sees what this one has used.
    let other = KeyUse::in_folder(&data_dir(proxy.folder.path()));
    other.add(&free_entry.sha256.to_hex(), 1_000_000, unix_now());
    other.flush(unix_now()).unwrap();
    keys(&proxy)
        .limit(&free_entry.id, KeyLimits { tokens_per_day: Some(900_000), ..KeyLimits::default() })
        .unwrap();
    assert_eq!(ask(&proxy, &free, "gpt-5.5", "hi").await.status(), 429);
    keys(&proxy)
        .limit(&entry.id, KeyLimits { tokens_per_day: Some(total + 1), ..KeyLimits::default() })
        .unwrap();
    assert_eq!(ask(&proxy, &limited, "gpt-5.5", "[[words=1]]").await.status(), 200);
    assert_eq!(refused().await.0, 429);
}

#[tokio::test]
async fn what_was_used_on_another_day_does_not_count_and_an_unreadable_count_refuses() {
    let proxy = fake("").start().await;
    let (limited, entry) = key(&proxy, KeyLimits { tokens_per_day: Some(10), ..KeyLimits::default() });
    let file = data_dir(proxy.folder.path()).join("key-use.json");
    let on = |day: String| json!({"version": 1, "keys": {entry.sha256.to_hex(): {day: 10}}}).to_string();
    // While it is unknown what the key has used, it gets no more.
    std::fs::write(&file, "{\"version\":2}").unwrap();
    let (status, code, ..) = error(ask(&proxy, &limited, "gpt-5.5", "hi").await).await;
    assert_eq!((status, code.as_str()), (503, "keys_unavailable"));
    std::fs::write(&file, on(local_day(unix_now()))).unwrap();
    assert_eq!(ask(&proxy, &limited, "gpt-5.5", "hi").await.status(), 429);
    std::fs::write(&file, on("2026-01-01".to_owned())).unwrap();
    assert_eq!(ask(&proxy, &limited, "gpt-5.5", "hi").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn an_answer_whose_client_hangs_up_counts_what_had_arrived() {
    let proxy = real().start().await;
    let (limited, entry) = key(&proxy, KeyLimits { tokens_per_day: Some(5), ..KeyLimits::default() });
    let body = json!({"model": "gpt-5.5", "stream": true, "messages": [
        {"role": "user", "content": "[[words=1000 every=5]] A prompt of a good many words."}]});
    let mut stream = send(&proxy, &limited, "/v1/chat/completions", &body).await;
    let mut read = String::new();
    while read.matches("\"content\"").count() < 5 {
        let chunk = stream.chunk().await.unwrap();
        read.push_str(&String::from_utf8_lossy(&chunk.unwrap_or_else(|| panic!("{read}"))));
    }
    drop(stream);
    eventually("the tokens are stored", || stored(&proxy, &entry) >= 5).await;
    assert!(stored(&proxy, &entry) < 500);
    assert_eq!(ask(&proxy, &limited, "gpt-5.5", "hi").await.status(), 429);
}

#[tokio::test]
async fn a_key_sees_and_uses_only_its_models() {
    let proxy = fake("")
        .settings(|settings| {
            for (alias, model) in
                [("my-model", "gpt-5.5"), ("agent", "codex-local"), ("other", "codex-local")]
            {
                settings.model_aliases.insert(alias.to_owned(), model.to_owned());
            }
        })
        .start()
        .await;
    let (free, _) = key(&proxy, KeyLimits::default());
    let ids = |list: &Value| -> Vec<String> {
        let ids = list["data"].as_array().unwrap().iter();
        ids.map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = ids(&get(&proxy, &free, "/v1/models").await.1);
    assert!(all.len() > 4, "{all:?}");
    // The model behind codex-local does not matter, what an alias stands for does.
    for (patterns, allowed) in [
        (&["gpt-5.5", "agent"][..], &["gpt-5.5", "my-model", "agent"][..]),
        (&["codex-*"], &["codex-local", "agent", "other"]),
    ] {
        let models = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let (limited, _) = key(&proxy, KeyLimits { models, ..KeyLimits::default() });
        let mut listed = ids(&get(&proxy, &limited, "/v1/models").await.1);
        let mut expected: Vec<String> = allowed.iter().map(|id| (*id).to_owned()).collect();
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected);
        for id in &all {
            let is_allowed = expected.contains(id);
            assert_eq!(get(&proxy, &limited, &format!("/v1/models/{id}")).await.0 == 200, is_allowed, "{id}");
            let answer = ask(&proxy, &limited, id, "hi").await;
            if is_allowed {
                assert_eq!(answer.status(), 200, "{id}");
            } else {
                let (status, code, message, _) = error(answer).await;
                assert_eq!((status, code.as_str()), (404, "model_not_found"));
                assert!(message.contains("limited to certain models"), "{message}");
            }
        }
    }
}

/// Writes a home with two MCP servers, one of them with a dot in its name. Each offers the tools of sample-mcp.
fn with_mcp_servers(dir: &Path, base_url: &str) -> std::io::Result<()> {
    codex_home::write(dir, base_url)?;
    let server = serde_json::to_string(&under_test::sample_mcp()).unwrap();
    let mut config = std::fs::read_to_string(dir.join("config.toml"))?;
    for name in ["notes", "\"more.notes\""] {
        write!(config, "\n[mcp_servers.{name}]\ncommand = {server}\n").unwrap();
    }
    std::fs::write(dir.join("config.toml"), config)
}

/// The tools that codex-local offers to the model.
async fn tools(proxy: &TestProxy, key: &Key, model: &str) -> Vec<String> {
    let answer: Value = ask(proxy, key, model, "[[echo]]").await.json().await.unwrap();
    let echo = answer["choices"][0]["message"]["content"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let echo: Value = serde_json::from_str(echo).unwrap();
    echo["tools"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_key_can_run_codex_local_without_web_search_and_mcp_servers() {
    let mut plan = real();
    plan.home = with_mcp_servers;
    let proxy = plan.start().await;
    let (free, _) = key(&proxy, KeyLimits::default());
    let (no_search, _) = key(&proxy, KeyLimits { web_search: Some(false), ..KeyLimits::default() });
    let (no_mcp, _) = key(&proxy, KeyLimits { no_mcp_servers: true, ..KeyLimits::default() });
    for (key, search, mcp) in [(&free, true, true), (&no_search, false, true), (&no_mcp, true, false)] {
        let offered = tools(&proxy, key, "codex-local").await;
        let has = |part: &str| offered.iter().any(|tool| tool.contains(part));
        assert_eq!((has("web_search"), has("mcp")), (search, mcp), "{offered:?}");
        for server in ["notes", "more_notes"] {
            let prompt = format!("[[tool=mcp__{server}.lookup:{{\"found\": \"it\"}}]]");
            let answer: Value = ask(&proxy, key, "codex-local", &prompt).await.json().await.unwrap();
            let result = answer["choices"][0]["message"]["content"].to_string();
            assert_eq!(result.contains("found"), mcp, "{answer}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn web_search_that_a_key_may_not_use_is_left_out_and_named() {
    let proxy = real().start().await;
    let (free, _) = key(&proxy, KeyLimits::default());
    let (limited, _) = key(&proxy, KeyLimits { web_search: Some(false), ..KeyLimits::default() });
    // Off for plain models, unless it is chosen.
    let (plain, entry) = key(&proxy, KeyLimits::of_new_key(true));
    let requests = [
        (
            "/v1/chat/completions",
            json!({"model": "gpt-5.5", "web_search_options": {}, "messages": [{"role": "user", "content": "[[words=1]]"}]}),
        ),
        (
            "/v1/responses",
            json!({"model": "gpt-5.5", "tools": [{"type": "web_search"}], "input": "[[words=1]]"}),
        ),
    ];
    let searches = |proxy: &TestProxy| {
        let recorded = proxy.model.requests().into_iter().rfind(|recorded| recorded.id.is_some()).unwrap();
        recorded.body()["tools"]
            .as_array()
            .is_some_and(|tools| tools.iter().any(|tool| tool["type"] == "web_search"))
    };
    for (path, body) in &requests {
        for (key, allowed) in [(&free, true), (&limited, false), (&plain, false)] {
            let answer = send(&proxy, key, path, body).await;
            let ignored =
                answer.headers().get("x-codex-proxy-ignored").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(answer.status(), 200);
            assert_eq!(ignored.unwrap_or_default().contains("web_search"), !allowed);
            assert_eq!(searches(&proxy), allowed, "{path}");
        }
    }
    let chosen = KeyLimits { web_search: Some(true), ..KeyLimits::of_new_key(true) };
    keys(&proxy).limit(&entry.id, chosen).unwrap();
    let (path, body) = &requests[0];
    assert_eq!(send(&proxy, &plain, path, body).await.status(), 200);
    assert!(searches(&proxy));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_reserve_stops_one_key_and_not_another() {
    let proxy = real().signed_in().start().await;
    let with = |percent| KeyLimits { reserve_percent: Some(percent), ..KeyLimits::default() };
    // 38 % of the week is used, and 12 % of five hours.
    let (stopped, entry) = key(&proxy, with(38));
    let (other, _) = key(&proxy, with(39));
    let (free, _) = key(&proxy, KeyLimits::default());
    let (status, code, message, retry) = error(ask(&proxy, &stopped, "gpt-5.5", "hi").await).await;
    assert_eq!((status, code.as_str(), retry.as_deref()), (429, "insufficient_quota", Some("false")));
    let reset = proxy.handle.codex().usage_limits().watch().borrow().clone().unwrap();
    let reset = local_time(reset.windows[1].resets_at.unwrap(), unix_now());
    assert!(message.contains("stops at 38 %") && message.contains(&reset), "{message}");
    for key in [&other, &free] {
        assert_eq!(ask(&proxy, key, "gpt-5.5", "[[words=1]]").await.status(), 200);
    }
    assert_eq!(get(&proxy, &stopped, "/v1/models").await.0, 200);
    keys(&proxy).limit(&entry.id, with(99)).unwrap();
    assert_eq!(ask(&proxy, &stopped, "gpt-5.5", "[[words=1]]").await.status(), 200);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_reserve_without_a_weekly_limit_refuses_at_once() {
    let (reserved, free) =
        (KeyLimits { reserve_percent: Some(80), ..KeyLimits::default() }, KeyLimits::default());
    // Without a ChatGPT sign-in, and for an account whose first window is longer than a week.
    let without_sign_in = real().start().await;
    let without_week = real().signed_in().start().await;
    without_week.model.set_limits(AccountLimits {
        primary: Some(Limit::new(1.0, 300, 3600)),
        secondary: Some(Limit::new(1.0, 43_200, 3600)),
        allowed: Some(true),
    });
    for proxy in [without_sign_in, without_week] {
        let (key_with, _) = key(&proxy, reserved.clone());
        let (key_without, _) = key(&proxy, free.clone());
        let (status, code, message, retry) = error(ask(&proxy, &key_with, "gpt-5.5", "hi").await).await;
        assert_eq!((status, code.as_str(), retry.as_deref()), (503, "usage_unknown", Some("false")));
        assert!(message.contains("does not report how much is used"), "{message}");
        assert_eq!(ask(&proxy, &key_without, "gpt-5.5", "[[words=1]]").await.status(), 200);
    }
}
