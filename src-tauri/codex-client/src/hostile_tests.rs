//! Whatever bytes come from codex, however they are cut into pieces: nothing panics, the next good line is read, and a turn ends.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, duplex};
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
use crate::connection::Connection;
use crate::error::CodexError;
use crate::exec_events::ExecReading;
use crate::kept::Keeping;
use crate::mailbox::{self, mailbox};
use crate::routes::Route;
use crate::turn::{Tool, TurnEvent, Usage};
use crate::wire::{self, Incoming};

/// The thread of the turn that runs while the bytes come.
const THREAD: &str = "t";

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "", "t", "c", "f", "completed", "failed", "interrupted", "{\"error\":{\"message\":\"x\"}}", "unexpected status é",
            "last status: 99999", "{", "image content omitted because it could not be processed", "contextWindowExceeded",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(u64::MAX)),
    ]
}

/// Any JSON, of names that codex uses and of others.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        text().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..6).prop_map(object),
        ]
    })
}

fn object(fields: Vec<(String, Value)>) -> Value {
    Value::Object(fields.into_iter().collect())
}

fn name() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &[
        "threadId",
        "conversationId",
        "itemId",
        "delta",
        "item",
        "turn",
        "usage",
        "tokenUsage",
        "error",
        "willRetry",
        "toModel",
        "rateLimits",
        "primary",
        "secondary",
        "usedPercent",
        "resetsAt",
        "status",
        "message",
        "codexErrorInfo",
        "httpStatusCode",
        "last",
        "total",
        "inputTokens",
        "cachedInputTokens",
        "outputTokens",
        "reasoningOutputTokens",
        "type",
        "id",
        "text",
        "name",
        "arguments",
        "call_id",
        "callId",
        "tool",
        "command",
        "exitCode",
        "durationMs",
        "changes",
        "path",
        "query",
        "server",
        "item_id",
        "thread_id",
        "input_tokens",
        "output_tokens",
    ];
    prop_oneof![8 => prop::sample::select(NAMES).prop_map(str::to_owned), 1 => any::<String>()]
}

/// What a usage looks like, with any number.
fn usage() -> impl Strategy<Value = Value> {
    let number = || prop_oneof![Just(u64::MAX), any::<u64>()];
    (number(), number(), number(), number()).prop_map(|(input, cached, output, reasoning)| {
        json!({
            "inputTokens": input, "cachedInputTokens": cached, "outputTokens": output, "reasoningOutputTokens": reasoning,
            "totalTokens": input,
        })
    })
}

/// The parameters of a notification that is about the turn, with something else in any of its fields.
fn about_the_turn() -> impl Strategy<Value = Value> {
    let item = (prop::sample::select(ITEMS), text(), text(), value()).prop_map(|(kind, id, text, other)| {
        json!({
            "type": kind, "id": id, "text": text, "command": text, "name": "f", "call_id": "c", "arguments": text,
            "exitCode": other, "changes": other, "output": other,
        })
    });
    let fields = prop::collection::vec((name(), value()), 0..3);
    (text(), text(), item, usage(), any::<bool>(), fields).prop_map(|(id, delta, item, usage, retry, fields)| {
        let mut params = json!({
            "threadId": THREAD, "itemId": id, "delta": delta, "item": item, "usage": usage, "willRetry": retry,
            "tokenUsage": {"last": usage, "total": usage}, "toModel": delta, "tool": "f", "callId": "c",
            "turn": {"status": id, "error": {"message": delta, "codexErrorInfo": {"other": {"httpStatusCode": 400}}}},
            "error": {"message": delta, "codexErrorInfo": id},
        });
        for (name, value) in fields {
            params[name] = value;
        }
        params
    })
}

const ITEMS: &[&str] = &[
    "agentMessage",
    "agent_message",
    "reasoning",
    "commandExecution",
    "fileChange",
    "webSearch",
    "mcpToolCall",
    "function_call",
    "function_call_output",
    "message",
    "other",
];

/// Methods that do not end the turn, and such as are none.
fn method() -> impl Strategy<Value = String> {
    const METHODS: &[&str] = &[
        "item/agentMessage/delta",
        "item/reasoning/summaryTextDelta",
        "item/reasoning/summaryPartAdded",
        "item/started",
        "item/completed",
        "rawResponseItem/completed",
        "rawResponse/completed",
        "thread/tokenUsage/updated",
        "model/rerouted",
        "error",
        "account/rateLimits/updated",
        "item/tool/call",
        "mcpServer/startupStatus/updated",
        "item/commandExecution/requestApproval",
        "turn/started",
    ];
    prop_oneof![12 => prop::sample::select(METHODS).prop_map(str::to_owned), 1 => any::<String>()]
}

/// A line that is near the protocol. It answers no request of ours: those are 1 and 2.
fn near_line() -> impl Strategy<Value = Vec<u8>> {
    let id = prop_oneof![
        (3..u64::MAX).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(Value::Null),
        Just(json!(-1)),
        Just(json!([1]))
    ];
    let params = prop_oneof![4 => about_the_turn(), 1 => value()];
    let message = (
        prop::option::of(id),
        prop::option::of(method()),
        prop::option::of(params),
        prop::option::of(value()),
    );
    message.prop_map(|(id, method, params, result)| {
        let mut line = serde_json::Map::new();
        for (name, field) in [
            ("id", id),
            ("method", method.map(Value::from)),
            ("params", params),
            ("result", result.clone()),
            ("error", result),
        ] {
            if let Some(field) = field {
                line.insert(name.to_owned(), field);
            }
        }
        Value::Object(line).to_string().into_bytes()
    })
}

/// A line of anything: near the protocol, near it with a byte changed or cut off, or no text at all.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let changed =
        (near_line(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut line, at, byte)| {
            let at = at.index(line.len());
            line[at] = byte;
            line
        });
    let cut = (near_line(), any::<prop::sample::Index>()).prop_map(|(mut line, at)| {
        line.truncate(at.index(line.len()));
        line
    });
    let deep = (1..100_000_usize, prop::sample::select(vec!['[', '{', '"'])).prop_map(|(depth, sign)| {
        format!("{{\"method\":\"error\",\"params\":{}", String::from(sign).repeat(depth)).into_bytes()
    });
    prop_oneof![6 => near_line(), 2 => changed, 1 => cut, 1 => prop::collection::vec(any::<u8>(), 0..200), 1 => deep]
}

/// A connection with a turn on it, and the other ends of its pipes.
struct Rig {
    connection: Arc<Connection>,
    codex: DuplexStream,
    asked: Lines<BufReader<DuplexStream>>,
    _route: Route,
    turn: mailbox::Receiver,
}

fn open() -> Rig {
    let (stdin, codex_reads) = duplex(64 * 1024);
    let (codex, stdout) = duplex(64 * 1024);
    let connection = Connection::open(stdin, stdout, Keeping::default());
    let (post, turn) = mailbox();
    let tools: Arc<[Tool]> =
        vec![Tool { name: "f".into(), description: String::new(), schema: "{}".into() }].into();
    let route = connection
        .routes
        .add(THREAD, post, CancellationToken::new(), Calls::new(&tools, false), true, Usage::default())
        .unwrap();
    Rig { connection, codex, asked: BufReader::new(codex_reads).lines(), _route: route, turn }
}

/// Runs `test` on a runtime of its own whose time passes by itself, so that what would never end does.
fn with_paused_time<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

/// Enough for every day; `PROPTEST_CASES` has its way where it is set.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { ProptestConfig { cases: 64, ..usual } }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn after_any_lines_in_any_pieces_the_next_good_line_is_read_and_the_turn_is_told_of_the_end(
        lines in prop::collection::vec(line(), 1..12), cuts in prop::collection::vec(1..5000_usize, 1..20)
    ) {
        let mut bytes = lines.join(&b'\n');
        bytes.extend_from_slice(b"\n{\"id\":1,\"result\":\"good\"}\n");
        let answer = with_paused_time(async {
            let Rig { connection, mut codex, mut asked, _route, mut turn } = open();
            // What codex is answered is read, or it would wait for us as we for it.
            let reading = tokio::spawn(async move { while let Ok(Some(_)) = asked.next_line().await {} });
            let writing = async {
                let mut rest = bytes.as_slice();
                for cut in cuts.iter().cycle() {
                    let (piece, more) = rest.split_at((*cut).min(rest.len()));
                    codex.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                    rest = more;
                    if rest.is_empty() { break }
                }
            };
            let (answer, ()) = tokio::join!(connection.call::<Value>("a", json!({})), writing);
            drop(codex);
            // Every event is taken, the last one is the end.
            let told = async { while let Some(event) = turn.next().await { if event.is_end() { break } } };
            tokio::time::timeout(Duration::from_secs(5), told).await.expect("the turn was not told of the end");
            drop(_route);
            connection.tasks.wait().await;
            reading.abort();
            answer
        });
        prop_assert_eq!(answer.unwrap(), json!("good"));
    }

    #[test]
    fn any_lines_of_a_process_of_exec_are_read_or_skipped(lines in prop::collection::vec(exec_line(), 1..12)) {
        let mut reading = ExecReading::default();
        let mut said = String::new();
        for line in &lines {
            reading.read(line, &mut |event| if let TurnEvent::Text(text) = event { said.push_str(&text) });
        }
        let good = br#"{"type":"item.completed","item":{"type":"agent_message","id":"1","text":"good"}}"#;
        reading.read(good, &mut |event| if let TurnEvent::Text(text) = event { said.push_str(&text) });
        prop_assert!(said.ends_with("good"));
        drop(reading.ended_early(None, "0.1.0"));
    }

    #[test]
    fn any_bytes_are_a_message_or_none(bytes in prop::collection::vec(any::<u8>(), 0..400), line in line()) {
        drop(Incoming::parse(&bytes));
        drop(Incoming::parse(&line));
    }

    #[test]
    fn whatever_is_said_to_codex_is_one_line_that_says_it(texts in prop::collection::vec(any::<String>(), 1..4)) {
        let params = json!({ "texts": texts, "a\nname": "\r\n\u{2028}" });
        let line = wire::request(7, "m", &params).unwrap();
        prop_assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
        let read: Value = serde_json::from_slice(&line).unwrap();
        prop_assert_eq!(&read["params"], &params);
        let answer = wire::answer(&json!(texts), Err(&texts[0])).unwrap();
        prop_assert!(!answer.contains(&b'\n'));
    }
}

/// A line near those of `codex exec --json`.
fn exec_line() -> impl Strategy<Value = Vec<u8>> {
    const KINDS: &[&str] = &[
        "thread.started",
        "turn.started",
        "item.started",
        "item.completed",
        "error",
        "turn.completed",
        "turn.failed",
        "other",
    ];
    let near = (prop::sample::select(KINDS), text(), prop::sample::select(ITEMS), usage(), value()).prop_map(
        |(kind, text, item, usage, other)| {
            let line = json!({
                "type": kind, "thread_id": text, "message": text, "error": {"message": text}, "usage": usage,
                "item": {"type": item, "id": text, "text": text, "command": text, "changes": other, "exit_code": other},
            });
            line.to_string().into_bytes()
        },
    );
    prop_oneof![3 => near, 1 => line()]
}

#[tokio::test]
async fn a_line_that_is_far_too_long_ends_the_connection_in_order() {
    let Rig { connection, mut codex, asked: _asked, _route, mut turn } = open();
    let flood = async {
        let piece = vec![b'x'; 1024 * 1024];
        // It is not read to its end, let alone kept.
        while codex.write_all(&piece).await.is_ok() {}
    };
    let (answer, ()) = tokio::join!(connection.call::<Value>("a", json!({})), flood);
    assert!(matches!(answer, Err(CodexError::Disconnected)), "{answer:?}");
    assert!(matches!(turn.next().await, Some(TurnEvent::Ended(Err(CodexError::Disconnected)))));
    drop(_route);
    connection.tasks.wait().await;
}
