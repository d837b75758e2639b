use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, duplex};
use tokio::time::Instant;

use super::liveness::ping_when_idle;
use super::*;
use crate::capabilities::Capabilities;
use crate::event::Usage;
use crate::rpc::lines;
use crate::turn::{ToolCalls, event_queue};

/// A session with the other ends of its pipes.
pub(crate) fn open() -> (Arc<Session>, DuplexStream, Lines<BufReader<DuplexStream>>) {
    let (stdin, codex_reads) = duplex(64 * 1024);
    let (codex_writes, stdout) = duplex(64 * 1024);
    let tasks = TaskTracker::new();
    let readiness = Readiness {
        path: PathBuf::new(),
        version: "0.0.0".into(),
        capabilities: Capabilities::default(),
        account: None,
        home: crate::home::HomeUsed::Users,
    };
    let rpc = Connection::open(stdin, &tasks);
    let retention = Retention::default();
    let session =
        Session::open(rpc, lines(stdout), tasks, readiness, Environment::default(), None, retention);
    (session, codex_writes, BufReader::new(codex_reads).lines())
}

#[tokio::test(start_paused = true)]
async fn a_silent_codex_is_pinged_and_kept_while_it_answers() {
    let (session, mut codex, mut requests) = open();
    let signs = async {
        for _ in 0..100 {
            let ask: Value = serde_json::from_str(&requests.next_line().await.unwrap().unwrap()).unwrap();
            let refusal = json!({"id": ask["id"], "error": {"code": -32600, "message": "unknown variant"}});
            codex.write_all(format!("{refusal}\n").as_bytes()).await.unwrap();
        }
    };
    tokio::select! {
        () = ping_when_idle(&session.rpc) => unreachable!(),
        () = signs => {}
    }
    assert!(!session.rpc.closed.is_cancelled());
    tokio::select! {
        () = ping_when_idle(&session.rpc) => unreachable!(),
        () = session.rpc.closed.cancelled() => {}
    }
}

#[tokio::test]
async fn a_request_of_codex_is_answered_under_its_own_id() {
    let (_session, mut codex, mut requests) = open();
    codex.write_all(b"{\"id\":\"x\",\"method\":\"some/thing\",\"params\":{}}\n").await.unwrap();
    let answer: Value = serde_json::from_str(&requests.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!(answer["id"], "x");
    assert!(answer["error"]["message"].is_string());
}

#[tokio::test]
async fn limits_that_are_not_named_have_not_changed() {
    let (session, mut codex, mut requests) = open();
    let limits = |primary: &str| {
        let window = format!("{{\"rateLimits\":{{\"primary\":{primary},\"secondary\":null}}}}");
        format!("{{\"method\":\"account/rateLimits/updated\",\"params\":{window}}}\n")
    };
    let lines =
        limits("{\"usedPercent\":40,\"resetsAt\":9}") + &limits("null") + "{\"id\":1,\"result\":null}\n";
    let (answer, written) = tokio::join!(session.rpc.call::<Value>("a", json!({})), async {
        requests.next_line().await.unwrap();
        codex.write_all(lines.as_bytes()).await
    });
    written.unwrap();
    answer.unwrap();
    assert_eq!(session.limits.lock().primary.map(|window| window.resets_at), Some(Some(9)));
}

#[tokio::test(start_paused = true)]
async fn whatever_codex_says_of_a_turn_ends_its_silence_and_a_command_of_its_own_is_none() {
    let (session, mut codex, _asked) = open();
    let (queue, mut events) = event_queue();
    let calls = ToolCalls::new(&Arc::from([]), false);
    let usage = Usage::default();
    let _route = session.turns.add("t", queue, calls, false, usage).unwrap();
    let begun = Instant::now();
    let mut say = async |lines: &[Value]| {
        tokio::time::advance(Duration::from_secs(60)).await;
        // Of the last one there is an event, so all have been read by then.
        let last =
            json!({"method":"error","params":{"threadId":"t","willRetry":true,"error":{"message":"m"}}});
        for line in lines.iter().chain([&last]) {
            codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        while !matches!(events.next().await, Some(TurnEvent::Retrying(_))) {}
        events.idle_since().map(|since| (since - begun).as_secs())
    };
    let item =
        |method: &str, kind: &str| json!({"method":method,"params":{"threadId":"t","item":{"type":kind}}});
    assert_eq!(say(&[]).await, Some(60));
    assert_eq!(say(&[item("item/started", "agentMessage")]).await, Some(120));
    assert_eq!(say(&[item("item/started", "commandExecution")]).await, None);
    assert_eq!(say(&[item("item/started", "mcpToolCall")]).await, None);
    assert_eq!(say(&[item("item/completed", "commandExecution")]).await, None);
    assert_eq!(say(&[item("item/completed", "mcpToolCall")]).await, Some(360));
}

#[tokio::test(start_paused = true)]
async fn what_codex_says_of_a_turn_that_is_no_event_counts_and_what_it_says_of_another_does_not() {
    let (session, mut codex, _asked) = open();
    let add = |thread: &str| {
        let (queue, events) = event_queue();
        let calls = ToolCalls::new(&Arc::from([]), false);
        let usage = Usage::default();
        (session.turns.add(thread, queue, calls, false, usage).unwrap(), events)
    };
    let ((_silent, silent), (_other, mut other)) = (add("silent"), add("other"));
    let begun = Instant::now();
    tokio::time::advance(Duration::from_secs(60)).await;
    for line in [
        json!({"method":"item/plan/delta","params":{"threadId":"other","delta":"x"}}),
        json!({"method":"item/agentMessage/delta","params":{"threadId":"other","itemId":"i","delta":"x"}}),
    ] {
        codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    other.next().await.unwrap();
    assert_eq!(silent.idle_since(), Some(begun));
    let line = json!({"method":"item/plan/delta","params":{"threadId":"silent","delta":"x"}});
    codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let line =
        json!({"method":"item/agentMessage/delta","params":{"threadId":"other","itemId":"i","delta":"x"}});
    codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    other.next().await.unwrap();
    assert_eq!(silent.idle_since(), Some(begun + Duration::from_secs(60)));
}
