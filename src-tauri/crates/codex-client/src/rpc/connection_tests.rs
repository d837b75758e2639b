use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, Lines, duplex};

use super::*;

/// A connection and the other ends of its pipes.
fn open() -> (Arc<Connection>, DuplexStream, Lines<BufReader<DuplexStream>>) {
    let (stdin, codex_reads) = duplex(64 * 1024);
    let (codex_writes, stdout) = duplex(64 * 1024);
    (Connection::open(stdin, stdout, Keeping::default()), codex_writes, BufReader::new(codex_reads).lines())
}

#[tokio::test]
async fn answers_are_matched_by_their_id_in_any_order() {
    let (connection, mut codex, mut asked) = open();
    let both = async {
        tokio::join!(connection.call::<Value>("a", json!({})), connection.call::<Value>("b", json!({})))
    };
    let answers = async {
        let (_, _) = (asked.next_line().await, asked.next_line().await);
        codex.write_all(b"{\"id\":2,\"result\":\"second\"}\n{\"id\":1,\"result\":\"first\"}\n").await
    };
    let ((a, b), written) = tokio::join!(both, answers);
    written.unwrap();
    assert_eq!((a.unwrap(), b.unwrap()), (json!("first"), json!("second")));
}

#[tokio::test(start_paused = true)]
async fn a_codex_that_does_not_answer_is_given_up_and_everybody_hears_so() {
    let (connection, _codex, _asked) = open();
    let slow = connection.call_within::<Value>(Duration::from_secs(300), "slow", json!({}));
    let (stuck, slow) = tokio::join!(connection.call::<Value>("stuck", json!({})), slow);
    assert!(matches!(stuck, Err(CodexError::NoAnswer { method: "stuck", .. })), "{stuck:?}");
    assert!(matches!(slow, Err(CodexError::Disconnected)), "{slow:?}");
    assert!(!connection.is_open());
    assert!(matches!(connection.call::<Value>("later", json!({})).await, Err(CodexError::Disconnected)));
    connection.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_codex_that_is_busy_with_others_is_not_given_up() {
    let (connection, mut codex, _asked) = open();
    let chatter = async {
        loop {
            codex.write_all(b"{\"method\":\"x\"}\n").await.unwrap();
            tokio::time::sleep(ANSWER_LIMIT / 2).await;
        }
    };
    let begun = Instant::now();
    let stuck = tokio::select! {
        stuck = connection.call::<Value>("stuck", json!({})) => stuck,
        () = chatter => unreachable!(),
    };
    assert!(matches!(stuck, Err(CodexError::NoAnswer { .. })), "{stuck:?}");
    assert!(begun.elapsed() >= ANSWER_LIMIT * PATIENCE && connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_silent_codex_is_asked_for_a_sign_of_life_and_kept_while_it_gives_one() {
    let (connection, mut codex, mut asked) = open();
    let signs = async {
        for _ in 0..100 {
            let ask: Value = serde_json::from_str(&asked.next_line().await.unwrap().unwrap()).unwrap();
            let refusal = json!({"id": ask["id"], "error": {"code": -32600, "message": "unknown variant"}});
            codex.write_all(format!("{refusal}\n").as_bytes()).await.unwrap();
        }
    };
    tokio::select! {
        () = connection.keep_asking() => unreachable!(),
        () = signs => {}
    }
    assert!(connection.is_open());
    tokio::select! {
        () = connection.keep_asking() => unreachable!(),
        () = connection.closed.cancelled() => {}
    }
}

#[tokio::test]
async fn the_end_of_its_output_is_the_end_of_the_connection() {
    let (connection, codex, _asked) = open();
    let (answer, ()) = tokio::join!(connection.call::<Value>("a", json!({})), async { drop(codex) });
    assert!(matches!(answer, Err(CodexError::Disconnected)), "{answer:?}");
    connection.tasks.wait().await;
}

#[tokio::test]
async fn a_request_of_codex_is_answered_under_its_own_id() {
    let (_connection, mut codex, mut asked) = open();
    codex.write_all(b"{\"id\":\"x\",\"method\":\"some/thing\",\"params\":{}}\n").await.unwrap();
    let answer: Value = serde_json::from_str(&asked.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!(answer["id"], "x");
    assert!(answer["error"]["message"].is_string());
}

#[tokio::test]
async fn limits_that_are_not_named_have_not_changed() {
    let (connection, mut codex, mut asked) = open();
    let limits = |primary: &str| {
        let window = format!("{{\"rateLimits\":{{\"primary\":{primary},\"secondary\":null}}}}");
        format!("{{\"method\":\"account/rateLimits/updated\",\"params\":{window}}}\n")
    };
    let lines =
        limits("{\"usedPercent\":40,\"resetsAt\":9}") + &limits("null") + "{\"id\":1,\"result\":null}\n";
    let (answer, written) = tokio::join!(connection.call::<Value>("a", json!({})), async {
        asked.next_line().await.unwrap();
        codex.write_all(lines.as_bytes()).await
    });
    written.unwrap();
    answer.unwrap();
    assert_eq!(connection.limits().primary.map(|window| window.resets_at), Some(Some(9)));
}

#[tokio::test(start_paused = true)]
async fn whatever_codex_says_of_a_turn_ends_its_silence_and_a_command_of_its_own_is_none() {
    let (connection, mut codex, _asked) = open();
    let (post, mut events) = crate::turn::event_queue::mailbox();
    let calls = crate::turn::tool_calls::Calls::new(&Arc::from([]), false);
    let usage = crate::turn::handle::Usage::default();
    let _route = connection.routes.add("t", post, CancellationToken::new(), calls, false, usage).unwrap();
    let begun = Instant::now();
    let mut say = async |lines: &[Value]| {
        tokio::time::advance(Duration::from_secs(60)).await;
        // Of the last one there is an event, so all have been read by then.
        let last =
            json!({"method":"error","params":{"threadId":"t","willRetry":true,"error":{"message":"m"}}});
        for line in lines.iter().chain([&last]) {
            codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        while !matches!(events.next().await, Some(crate::turn::handle::TurnEvent::Retrying(_))) {}
        events.silent_since().map(|since| (since - begun).as_secs())
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
    let (connection, mut codex, _asked) = open();
    let add = |thread: &str| {
        let (post, events) = crate::turn::event_queue::mailbox();
        let calls = crate::turn::tool_calls::Calls::new(&Arc::from([]), false);
        let usage = crate::turn::handle::Usage::default();
        (connection.routes.add(thread, post, CancellationToken::new(), calls, false, usage).unwrap(), events)
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
    assert_eq!(silent.silent_since(), Some(begun));
    let line = json!({"method":"item/plan/delta","params":{"threadId":"silent","delta":"x"}});
    codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let line =
        json!({"method":"item/agentMessage/delta","params":{"threadId":"other","itemId":"i","delta":"x"}});
    codex.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    other.next().await.unwrap();
    assert_eq!(silent.silent_since(), Some(begun + Duration::from_secs(60)));
}
