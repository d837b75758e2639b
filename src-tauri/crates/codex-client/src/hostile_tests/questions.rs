//! Arbitrary approval requests: each gets one answer, never an error, and never an accept unless the user gave it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::lines::value;
use super::{Rig, THREAD, cases, open, with_paused_time};
use crate::ask::{Ask, Decision, Question};
use crate::event::TurnEvent;

/// Requests as codex sends them.
fn valid() -> Vec<(&'static str, Value)> {
    let command = json!({"kind":"command","threadId":THREAD,"turnId":"1","itemId":"command","reason":"why","cwd":"/w",
        "command":"/bin/sh -lc 'touch x'","proposedExecpolicyAmendment":["touch"],
        "additionalPermissions":{"network":{"enabled":true},"fileSystem":null},
        "availableDecisions":["accept",{"acceptWithExecpolicyAmendment":{"execpolicy_amendment":["touch"]}},"cancel"]});
    let change = json!({"threadId":THREAD,"turnId":"1","itemId":"change","reason":null,"grantRoot":null});
    let permissions = json!({"threadId":THREAD,"turnId":"1","itemId":"i","cwd":"/w","reason":"why","permissions":
        {"network":{"enabled":true},"fileSystem":{"read":null,"write":["/x"],
            "entries":[{"path":{"type":"path","path":"/x"},"access":"write"}]}}});
    let input = json!({"threadId":THREAD,"turnId":"1","itemId":"i","questions":[{"id":"a","header":"h","question":"q?",
        "isOther":true,"isSecret":false,"options":[{"label":"Red","description":"d"}]}]});
    let form = json!({"threadId":THREAD,"turnId":null,"serverName":"s","mode":"form","message":"m","requestedSchema":
        {"type":"object","required":["a"],"properties":{"a":{"type":"string","enum":["Red"]},"b":{"type":"integer"}}}});
    let page = json!({"threadId":THREAD,"turnId":"1","serverName":"s","mode":"url","message":"m","url":"https://x.y/",
        "elicitationId":"e"});
    vec![
        ("item/commandExecution/requestApproval", command),
        ("item/fileChange/requestApproval", change),
        ("item/permissions/requestApproval", permissions),
        ("item/tool/requestUserInput", input),
        ("mcpServer/elicitation/request", form),
        ("mcpServer/elicitation/request", page),
        ("applyPatchApproval", json!({"conversationId":THREAD,"callId":"c","fileChanges":{}})),
        ("execCommandApproval", json!({"conversationId":THREAD,"callId":"c","command":["touch"],"cwd":"/w"})),
    ]
}

/// Something to put in the place of a value; `None` removes it.
fn replacement() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        2 => Just(None),
        2 => value().prop_map(Some),
        3 => prop::sample::select(vec![
            json!("rm -rf \u{202e}x\u{202c}\u{200b}"), json!("touch a\u{1b}[2K\r\n\0"), json!("é".repeat(40_000)),
            json!(["accept"]), json!([]), json!(["yolo", {"accept": true}, 7]), json!("writeStdin"), json!(""),
            json!("openai/form"), json!("file:///etc/passwd"), json!("http://["), json!({"enabled": "yes"}),
        ]).prop_map(Some),
    ]
}

/// Changes the value that `at` selects, anywhere inside.
fn mutate(value: &mut Value, at: Index, replacement: Option<Value>) {
    fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), field)).collect(),
            Value::Array(values) => values.iter().enumerate().map(|(n, one)| (n.to_string(), one)).collect(),
            _ => Vec::new(),
        };
        for (name, child) in children {
            let name = name.replace('~', "~0").replace('/', "~1");
            all.push(format!("{path}/{name}"));
            paths(child, &format!("{path}/{name}"), all);
        }
    }
    let mut all = Vec::new();
    paths(value, "", &mut all);
    if all.is_empty() {
        return;
    }
    let path = at.get(&all);
    match replacement {
        Some(new) => *value.pointer_mut(path).unwrap() = new,
        None => {
            let (parent, name) = path.rsplit_once('/').unwrap();
            match value.pointer_mut(parent).unwrap() {
                Value::Object(fields) => drop(fields.remove(&name.replace("~1", "/").replace("~0", "~"))),
                Value::Array(values) => drop(values.remove(name.parse().unwrap())),
                _ => {}
            }
        }
    }
}

/// What the user does; `None` drops the question.
fn decision() -> impl Strategy<Value = Option<Decision>> {
    let values =
        [("a", "Red"), ("b", "7"), ("c", "x")].map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    prop::sample::select(vec![
        None,
        Some(Decision::Decline),
        Some(Decision::Cancel),
        Some(Decision::Accept),
        Some(Decision::Values(BTreeMap::from(values))),
    ])
}

/// Whether codex may go on after this result.
fn accepts(method: &str, result: &Value) -> bool {
    match method {
        "item/permissions/requestApproval" => result["permissions"] != json!({}),
        "item/tool/requestUserInput" => result["answers"] != json!({}),
        "mcpServer/elicitation/request" => result["action"] != "decline",
        "applyPatchApproval" | "execCommandApproval" => result["decision"] != "abort",
        _ => result["decision"] != "decline" && result["decision"] != "cancel",
    }
}

/// Sends the request; what was asked, and all that we sent codex.
async fn sent(method: &str, params: &Value, decision: Option<Decision>) -> (Option<Question>, Vec<Value>) {
    let Rig { session, mut codex, mut requests, slot, mut turn } = open();
    slot.let_ask("/w".into());
    let started = |item: Value| json!({"method":"item/started","params":{"threadId":THREAD,"item":item}});
    let lines = [
        started(json!({"type":"commandExecution","id":"command"})),
        started(
            json!({"type":"fileChange","id":"change","changes":[{"path":"/w/a","kind":{"type":"add"},"diff":"x"}]}),
        ),
        json!({"id":"asked","method":method,"params":params}),
        // Becomes an event once all of the above has been read.
        json!({"method":"model/rerouted","params":{"threadId":THREAD,"toModel":"end"}}),
    ];
    let reading = tokio::spawn(async move {
        let mut sent = Vec::new();
        while let Ok(Some(line)) = requests.next_line().await {
            sent.push(serde_json::from_str(&line).unwrap());
        }
        sent
    });
    for line in lines {
        codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    let mut question = None;
    loop {
        match turn.next().await.unwrap() {
            TurnEvent::Asked(ask) => {
                question = Some(ask.question.clone());
                decide(ask, decision.clone());
            }
            TurnEvent::Model(_) => break,
            _ => {}
        }
    }
    // Time is paused: it goes on once every task is waiting.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    drop((codex, slot));
    session.finished().await;
    drop(session);
    (question, reading.await.unwrap())
}

fn decide(ask: Ask, decision: Option<Decision>) {
    if let Some(decision) = decision {
        ask.answer(decision);
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_request_is_accepted_or_fails_unless_the_user_accepts_it(
        (method, mut params) in prop::sample::select(valid()), changes in prop::collection::vec((any::<Index>(), replacement()), 0..4),
        decision in decision(),
    ) {
        for (at, new) in changes {
            mutate(&mut params, at, new);
        }
        let (question, sent) = with_paused_time(sent(method, &params, decision.clone()));
        let answers: Vec<&Value> = sent.iter().filter(|message| message["id"] == "asked").collect();
        prop_assert_eq!(answers.len(), 1, "{:?}", sent);
        prop_assert!(answers[0]["error"].is_null() && answers[0]["result"].is_object(), "{}", answers[0]);
        let (result, text) = (&answers[0]["result"], answers[0].to_string());
        prop_assert!(!text.contains("acceptForSession") && !text.contains("execpolicy"), "{}", text);
        let is_yes = matches!(decision, Some(Decision::Accept | Decision::Values(_)));
        prop_assert!(!accepts(method, result) || (question.is_some() && is_yes), "{}", result);
        match &question {
            // What is shown is what runs.
            Some(Question::Command { command, argv, folder, .. }) => {
                prop_assert_eq!(&params["command"], command.as_str());
                prop_assert_eq!(&params["cwd"], &json!(folder));
                prop_assert!(argv.is_empty() || shlex::try_join(argv.iter().map(String::as_str)).unwrap() == *command);
                prop_assert!(params["availableDecisions"].as_array().is_none_or(|all| all.contains(&json!("accept"))));
                let is_accepted = accepts(method, result);
                prop_assert_eq!(is_accepted, decision == Some(Decision::Accept));
            }
            Some(Question::Permissions { .. }) if decision == Some(Decision::Accept) => {
                for (name, granted) in result["permissions"].as_object().unwrap() {
                    prop_assert_eq!(granted, &params["permissions"][name]);
                }
                prop_assert_eq!(&result["scope"], "turn");
            }
            _ => {}
        }
    }
}

#[test]
fn valid_requests_are_asked_and_accepted() {
    for (method, params) in valid() {
        let yes = if method.contains("Input") || params["mode"] == "form" {
            Decision::Values(BTreeMap::from([("a".to_owned(), vec!["Red".to_owned()])]))
        } else {
            Decision::Accept
        };
        let (question, sent) = with_paused_time(sent(method, &params, Some(yes)));
        let is_old = method.ends_with("Approval") && !method.contains('/');
        assert_eq!(question.is_some(), !is_old, "{method}");
        let answer = sent.iter().find(|message| message["id"] == "asked").unwrap();
        assert_eq!(accepts(method, &answer["result"]), !is_old, "{method}: {answer}");
    }
}

#[test]
fn requests_that_cannot_be_judged_are_declined_unasked() {
    let find = |name: &str| {
        let (method, params) = valid()
            .into_iter()
            .find(|(method, params)| method.contains(name) || params["mode"] == name)
            .unwrap();
        (method, params)
    };
    let long = "x".repeat(64 * 1024 + 1);
    for (name, path, new) in [
        ("commandExecution", "/availableDecisions", json!(["cancel"])),
        ("commandExecution", "/availableDecisions", json!(["acceptForSession", {"accept": {}}])),
        ("commandExecution", "/kind", json!("writeStdin")),
        ("commandExecution", "/kind", json!("humanCommand")),
        ("commandExecution", "/itemId", json!("unknown")),
        ("commandExecution", "/itemId", json!("change")),
        ("commandExecution", "/command", Value::Null),
        ("commandExecution", "/command", json!(" ")),
        ("commandExecution", "/command", json!(long)),
        ("commandExecution", "/cwd", Value::Null),
        ("commandExecution", "/threadId", json!("unknown")),
        ("commandExecution", "/additionalPermissions", json!({"clipboard": true})),
        ("commandExecution", "/additionalPermissions", json!({"network": {"enabled": false}})),
        ("fileChange", "/itemId", json!("unknown")),
        ("fileChange", "/itemId", json!("command")),
        ("item/permissions", "/permissions/fileSystem", json!({"execute": ["/x"]})),
        ("item/permissions", "/permissions/macos", json!({"automation": true})),
        (
            "item/permissions",
            "/permissions/fileSystem/entries/0/path",
            json!({"type": "special", "value": {"kind": "unknown", "path": "x"}}),
        ),
        ("item/permissions", "/reason", json!(long)),
        ("requestUserInput", "/questions", json!([])),
        ("requestUserInput", "/questions/0/question", json!(long)),
        ("form", "/mode", json!("openai/form")),
        ("form", "/mode", json!("openai/userVerification")),
        ("form", "/requestedSchema/properties/a", json!({"type": "object"})),
        ("form", "/_meta", json!({"codex_approval_kind": "something_new", "tool_params": {}})),
        ("form", "/_meta", json!({"codex_approval_kind": "mcp_tool_call"})),
        ("url", "/url", json!("not a page")),
    ] {
        let (method, mut params) = find(name);
        let (parent, field) = path.rsplit_once('/').unwrap();
        match params.pointer_mut(path) {
            Some(value) => *value = new.clone(),
            None => params.pointer_mut(parent).unwrap()[field] = new.clone(),
        }
        let (question, sent) = with_paused_time(sent(method, &params, Some(Decision::Accept)));
        assert!(question.is_none(), "{name} {path} {new:.80}");
        let answer = sent.iter().find(|message| message["id"] == "asked").unwrap();
        assert!(
            answer["result"].is_object() && !accepts(method, &answer["result"]),
            "{name} {path}: {answer}"
        );
    }
}
