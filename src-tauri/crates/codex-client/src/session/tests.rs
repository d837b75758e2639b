use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, duplex};
use tokio::time::Instant;

use super::liveness::ping_when_idle;
use super::*;
use crate::event::Usage;
use crate::request::Tool;
use crate::rpc::lines;
use crate::turn::{STALLED_RESPONSE_TIMEOUT, ToolCalls, event_queue};

/// A session with codex's ends of its pipes.
pub(crate) fn open() -> (Arc<Session>, DuplexStream, Lines<BufReader<DuplexStream>>) {
    open_with(Readiness::default())
}

/// The same, ready with these capabilities.
pub(crate) fn open_with(
    readiness: Readiness,
) -> (Arc<Session>, DuplexStream, Lines<BufReader<DuplexStream>>) {
    let (stdin, codex_reads) = duplex(64 * 1024);
    let (codex_writes, stdout) = duplex(64 * 1024);
    let tasks = TaskTracker::new();
    let parts = SessionParts {
        readiness,
        environment: Environment::default(),
        user_home: None,
        folder: std::env::temp_dir().join("no-such-folder"),
        retention: Retention::default(),
        max_turns: MaxTurns::default(),
        kept_threads: KeptThreads::default(),
        refusal: Refusal::default(),
        limits: SharedLimits::default(),
        model_sizes: HashMap::default(),
    };
    let session = Session::open(Connection::open(stdin, &tasks), lines(stdout), tasks, parts);
    (session, codex_writes, BufReader::new(codex_reads).lines())
}

#[tokio::test(start_paused = true)]
async fn silent_codex_is_pinged_and_kept_while_it_answers() {
    let (session, mut codex, mut requests) = open();
    let pongs = async {
        for _ in 0..100 {
            let ping: Value = serde_json::from_str(&requests.next_line().await.unwrap().unwrap()).unwrap();
            let refusal = json!({"id": ping["id"], "error": {"code": -32600, "message": "unknown variant"}});
            codex.write_all(format!("{refusal}\n").as_bytes()).await.unwrap();
        }
    };
    tokio::select! {
        () = ping_when_idle(&session.rpc) => unreachable!(),
        () = pongs => {}
    }
    assert!(!session.rpc.closed.is_cancelled());
    tokio::select! {
        () = ping_when_idle(&session.rpc) => unreachable!(),
        () = session.rpc.closed.cancelled() => {}
    }
}

#[tokio::test]
async fn response_to_codex_has_the_id_of_its_request() {
    let (_session, mut codex, mut requests) = open();
    codex.write_all(b"{\"id\":\"x\",\"method\":\"some/thing\",\"params\":{}}\n").await.unwrap();
    let answer: Value = serde_json::from_str(&requests.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!(answer["id"], "x");
    assert!(answer["error"]["message"].is_string());
}

#[tokio::test]
async fn rate_limit_updates_without_a_window_leave_it_unchanged() {
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
    let known = session.limits.watch().borrow().clone().unwrap();
    assert_eq!(known.windows.iter().map(|window| window.resets_at).collect::<Vec<_>>(), [Some(9)]);
}

#[tokio::test(start_paused = true)]
async fn any_message_but_a_retry_resets_the_idle_time_and_a_running_command_does_not_count_as_idle() {
    let (session, mut codex, _asked) = open();
    let (queue, mut events) = event_queue();
    let calls = ToolCalls::new(&Arc::from([]), false);
    let usage = Usage::default();
    let _slot = session.turns.add("t", queue, calls, false, usage).unwrap();
    let started = Instant::now();
    let mut idle_after = async |lines: &[Value]| {
        tokio::time::advance(Duration::from_secs(60)).await;
        // The last line becomes an event; once it arrives, all lines have been read.
        let last =
            json!({"method":"error","params":{"threadId":"t","willRetry":true,"error":{"message":"m"}}});
        for line in lines.iter().chain([&last]) {
            codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        while !matches!(events.next().await, Some(TurnEvent::Retrying(_))) {}
        events.idle_since().map(|since| (since - started).as_secs())
    };
    let item =
        |method: &str, kind: &str| json!({"method":method,"params":{"threadId":"t","item":{"type":kind}}});
    assert_eq!(idle_after(&[]).await, Some(0));
    assert_eq!(idle_after(&[item("item/started", "agentMessage")]).await, Some(120));
    assert_eq!(idle_after(&[item("item/started", "commandExecution")]).await, None);
    assert_eq!(idle_after(&[item("item/started", "mcpToolCall")]).await, None);
    assert_eq!(idle_after(&[item("item/completed", "commandExecution")]).await, None);
    assert_eq!(idle_after(&[item("item/completed", "mcpToolCall")]).await, Some(360));
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_response_that_falls_silent_are_reported_in_the_end() {
    let (session, mut codex, _asked) = open();
    let (queue, _events) = event_queue();
    let tool = Tool { name: "f".to_owned(), description: String::new(), schema: "{}".to_owned() };
    let calls = ToolCalls::new(&Arc::from([tool]), false);
    let slot = session.turns.add("t", queue, calls, false, Usage::default()).unwrap();
    let call = |id: &str| json!({"type":"function_call","name":"f","call_id":id,"arguments":"{}"});
    let announced =
        |id: &str| json!({"method":"rawResponseItem/completed","params":{"threadId":"t","item":call(id)}});
    let asked = |id: &str| json!({"id":id,"method":"item/tool/call","params":{"threadId":"t","tool":"f","callId":id,"arguments":{}}});
    // It shows that this codex reports the ends of responses.
    let completed = json!({"method":"rawResponse/completed","params":{"threadId":"t"}});
    for line in [&completed, &announced("1"), &asked("1")] {
        codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    let started = Instant::now();
    // A model that still writes its second call is silent, too.
    let slow = async {
        tokio::time::sleep(STALLED_RESPONSE_TIMEOUT / 2).await;
        for line in [&announced("2"), &asked("2")] {
            codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
    };
    let ended = tokio::time::timeout(STALLED_RESPONSE_TIMEOUT * 3, slot.answer_ended(Duration::ZERO));
    let (ended, ()) = tokio::join!(ended, slow);
    let ids: Vec<String> = ended.unwrap().unwrap().calls.into_iter().map(|call| call.call_id).collect();
    assert_eq!(ids, ["1", "2"]);
    assert!(started.elapsed() >= STALLED_RESPONSE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn messages_without_events_reset_the_idle_time_of_their_own_turn_only() {
    let (session, mut codex, _asked) = open();
    let add = |thread: &str| {
        let (queue, events) = event_queue();
        let calls = ToolCalls::new(&Arc::from([]), false);
        let usage = Usage::default();
        (session.turns.add(thread, queue, calls, false, usage).unwrap(), events)
    };
    let ((_silent_slot, silent), (_other_slot, mut other)) = (add("silent"), add("other"));
    let started = Instant::now();
    tokio::time::advance(Duration::from_secs(60)).await;
    for line in [
        json!({"method":"item/plan/delta","params":{"threadId":"other","delta":"x"}}),
        json!({"method":"item/agentMessage/delta","params":{"threadId":"other","itemId":"i","delta":"x"}}),
    ] {
        codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    other.next().await.unwrap();
    assert_eq!(silent.idle_since(), Some(started));
    let line = json!({"method":"item/plan/delta","params":{"threadId":"silent","delta":"x"}});
    codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let line =
        json!({"method":"item/agentMessage/delta","params":{"threadId":"other","itemId":"i","delta":"x"}});
    codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    other.next().await.unwrap();
    assert_eq!(silent.idle_since(), Some(started + Duration::from_secs(60)));
}
