//! Arbitrary bytes from codex, in arbitrary chunks: nothing panics, the next valid line is read, and turns end.

mod lines;
mod questions;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader, DuplexStream, Lines};

use crate::error::CodexError;
use crate::event::{TurnEvent, Usage};
use crate::legacy::ExecReader;
use crate::request::Tool;
use crate::rpc::{self, Incoming};
use crate::session::Session;
use crate::session::tests::open as open_for_tests;
use crate::turn::{ToolCalls, Turn, TurnSlot, event_queue};
use lines::{exec_line, line};

/// The thread of the running turn.
const THREAD: &str = "t";

/// A session with a running turn, and codex's ends of its pipes.
struct Rig {
    session: Arc<Session>,
    codex: DuplexStream,
    requests: Lines<BufReader<DuplexStream>>,
    slot: TurnSlot,
    turn: Turn,
}

fn open() -> Rig {
    let (session, codex, requests) = open_for_tests();
    let (events, turn) = event_queue();
    let tools: Arc<[Tool]> =
        vec![Tool { name: "f".into(), description: String::new(), schema: "{}".into() }].into();
    let calls = ToolCalls::new(&tools, false);
    let slot = session.turns.add(THREAD, events, calls, true, Usage::default()).unwrap();
    Rig { session, codex, requests, slot, turn }
}

/// Runs `test` on a runtime with paused time, so that every timeout expires at once.
fn with_paused_time<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

/// 64 cases, unless `PROPTEST_CASES` is set.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { usual } else { ProptestConfig { cases: 64, ..usual } }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn valid_line_after_arbitrary_chunks_is_read_and_the_turn_ends(
        lines in prop::collection::vec(line(), 1..12), cuts in prop::collection::vec(1..5000_usize, 1..20)
    ) {
        let mut bytes = lines.join(&b'\n');
        bytes.extend_from_slice(b"\n{\"id\":1,\"result\":\"good\"}\n");
        let answer = with_paused_time(async {
            let Rig { session, mut codex, mut requests, slot, mut turn } = open();
            // Drains our answers, or both sides would block.
            let reading = tokio::spawn(async move { while let Ok(Some(_)) = requests.next_line().await {} });
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
            let (answer, ()) = tokio::join!(session.rpc.call::<Value>("a", json!({})), writing);
            drop(codex);
            let ended = async { while let Some(event) = turn.next().await { if event.is_end() { break } } };
            tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the turn did not end");
            drop(slot);
            session.finished().await;
            reading.abort();
            answer
        });
        prop_assert_eq!(answer.unwrap(), json!("good"));
    }

    #[test]
    fn arbitrary_lines_of_codex_exec_are_read_or_skipped(lines in prop::collection::vec(exec_line(), 1..12)) {
        let mut reader = ExecReader::default();
        let mut answer = String::new();
        for line in &lines {
            reader.read(line, &mut |event| if let TurnEvent::Text(text) = event { answer.push_str(&text) });
        }
        let good = br#"{"type":"item.completed","item":{"type":"agent_message","id":"1","text":"good"}}"#;
        reader.read(good, &mut |event| if let TurnEvent::Text(text) = event { answer.push_str(&text) });
        prop_assert!(answer.ends_with("good"));
        drop(reader.early_end_error(None, "0.1.0"));
    }

    #[test]
    fn parsing_arbitrary_bytes_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), line in line()) {
        drop(Incoming::parse(&bytes));
        drop(Incoming::parse(&line));
    }

    #[test]
    fn every_outgoing_message_is_one_line_with_its_content_intact(texts in prop::collection::vec(any::<String>(), 1..4)) {
        let params = json!({ "texts": texts, "a\nname": "\r\n\u{2028}" });
        let line = rpc::request(7, "m", params.clone()).to_string().into_bytes();
        prop_assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
        let read: Value = serde_json::from_slice(&line).unwrap();
        prop_assert_eq!(&read["params"], &params);
        let answer = rpc::response(&json!(texts), Ok(json!(texts[0]))).to_string();
        prop_assert!(!answer.contains('\n'));
    }
}

// With paused time, since an emulated processor takes longer to read the line than a call may take.
#[tokio::test(start_paused = true)]
async fn overlong_line_closes_the_connection_cleanly() {
    let Rig { session, mut codex, requests: _requests, slot, mut turn } = open();
    let flood = async {
        let piece = vec![b'x'; 1024 * 1024];
        // Reading stops before the line ends.
        while codex.write_all(&piece).await.is_ok() {}
    };
    let (answer, ()) = tokio::join!(session.rpc.call::<Value>("a", json!({})), flood);
    assert!(matches!(answer, Err(CodexError::Disconnected)), "{answer:?}");
    assert!(matches!(turn.next().await, Some(TurnEvent::Ended(Err(CodexError::Disconnected)))));
    drop(slot);
    session.finished().await;
}
