//! The baseline with a scripted codex.

use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex, split};

use super::*;

const THREAD: &str = r#"{"id":ID,"result":{"thread":{"id":"t","more":[]}}}"#;
const DONE: &str = r#"{"id":ID,"result":{}}"#;
const TURN: &str = r#"{"id":ID,"result":{"turn":{"id":"x"}}}"#;
const DELTA: &str =
    r#"{"method":"item/agentMessage/delta","params":{"threadId":"t","turnId":"x","delta":"a"}}"#;
const QUOTED: &str = r#"{"method":"item/agentMessage/delta","params":{"threadId":"t","delta":"\"b\""}}"#;
const OTHER: &str = r#"{"method":"item/agentMessage/delta","params":{"threadId":"other","delta":"z"}}"#;
const END: &str =
    r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"status":"completed","error":null}}}"#;
const FAILED: &str = r#"{"method":"turn/completed","params":{"threadId":"t","turn":{"status":"failed","error":{"message":"x"}}}}"#;
const REFUSED: &str = r#"{"id":ID,"error":{"code":-1,"message":"no"}}"#;

/// Closes codex's stdout.
const EXIT: &str = "exit";

/// Answers each request with the next lines of the script. Returns the requests and the pipe, which stays open.
async fn codex(
    (reader, mut writer): (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>),
    script: &[&[&str]],
) -> (Vec<Value>, WriteHalf<DuplexStream>) {
    let mut requests = Vec::new();
    let mut lines = BufReader::new(reader).lines();
    for answers in script {
        let request: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
        for line in *answers {
            if *line == EXIT {
                writer.shutdown().await.unwrap();
                continue;
            }
            let line = line.replace("ID", &request["id"].to_string());
            writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        requests.push(request);
    }
    (requests, writer)
}

/// Runs a round of one stream with a scripted codex.
async fn round(start: StartState, script: &[&[&str]]) -> (Result<Round>, Vec<Value>) {
    let (ours, theirs) = duplex(10_000);
    let (reader, writer) = split(ours);
    let mut server = AppServer::new(Box::new(writer), Box::new(BufReader::new(reader)), Path::new("/work"));
    let spec = RoundSpec { start, ..RoundSpec::paced(1) };
    let round = server.round(&spec);
    let (round, (requests, _open)) = tokio::join!(round, codex(split(theirs), script));
    (round, requests)
}

fn methods(requests: &[Value]) -> Vec<&str> {
    requests.iter().map(|request| request["method"].as_str().unwrap()).collect()
}

fn second_turn(edited: Option<&str>) -> StartState {
    StartState::SecondTurn { opening: "hello".into(), edited: edited.map(str::to_owned) }
}

fn failure(round: Result<Round>) -> String {
    round.unwrap().remove(0).failure.unwrap()
}

#[tokio::test]
async fn a_stream_runs_from_thread_start_to_unsubscribe() {
    let script = [&[THREAD][..], &[TURN, OTHER, DELTA, QUOTED, END], &[DONE]];
    let (round, requests) = round(StartState::Cold, &script).await;
    assert_eq!(methods(&requests), ["thread/start", "turn/start", "thread/unsubscribe"]);
    assert_eq!(requests[0]["params"]["cwd"], "/work");
    let stream = round.unwrap().remove(0);
    assert_eq!((stream.text.as_str(), stream.arrivals.len(), stream.failure), ("a\"b\"", 2, None));
    assert!(stream.ended >= stream.arrivals[1]);
}

#[tokio::test]
async fn a_new_thread_gets_the_first_turn_as_history() {
    let first = [&[THREAD][..], &[TURN, QUOTED, END], &[DONE]];
    let script = [&first[..], &[&[THREAD], &[DONE], &[TURN, DELTA, END], &[DONE]]].concat();
    let (round, requests) = round(second_turn(Some("hi")), &script).await;
    let second = ["thread/start", "thread/inject_items", "turn/start", "thread/unsubscribe"];
    assert_eq!(methods(&requests)[3..], second);
    let items = &requests[4]["params"]["items"];
    assert_eq!((&items[0]["content"][0]["text"], &items[0]["role"]), (&json!("hi"), &json!("user")));
    assert_eq!((&items[1]["content"][0]["text"], &items[1]["role"]), (&json!("\"b\""), &json!("assistant")));
    assert_eq!(round.unwrap()[0].text, "a");
}

#[tokio::test]
async fn the_first_turn_is_not_measured_and_its_thread_is_reused() {
    let script = [&[THREAD][..], &[TURN, QUOTED, QUOTED, END], &[TURN, DELTA, END], &[DONE]];
    let (round, requests) = round(second_turn(None), &script).await;
    assert_eq!(methods(&requests), ["thread/start", "turn/start", "turn/start", "thread/unsubscribe"]);
    assert_eq!(requests[1]["params"]["input"][0]["text"], "hello");
    let stream = round.unwrap().remove(0);
    assert_eq!((stream.text.as_str(), stream.arrivals.len()), ("a", 1));
    let pause = u64::try_from(PAUSE.as_micros()).unwrap();
    assert!(stream.ended < pause, "the pause was measured: {stream:?}");
}

#[tokio::test]
async fn a_prewarmed_thread_starts_before_the_clock() {
    let script = [&[THREAD][..], &[TURN, DELTA, END], &[DONE]];
    let (round, requests) = round(StartState::Prewarmed, &script).await;
    assert_eq!(methods(&requests), ["thread/start", "turn/start", "thread/unsubscribe"]);
    assert!(round.unwrap()[0].ended < u64::try_from(PAUSE.as_micros()).unwrap());
}

#[tokio::test]
async fn a_failed_first_turn_fails_the_stream() {
    let (round, _) = round(second_turn(None), &[&[THREAD], &[TURN, FAILED]]).await;
    assert_eq!(failure(round), r#"turn failed: {"message":"x"}"#);
}

#[tokio::test]
async fn an_error_and_a_failed_turn_fail_the_stream() {
    let (refused, _) = round(StartState::Cold, &[&[REFUSED]]).await;
    assert!(failure(refused).contains("no"));
    let (failed, _) = round(StartState::Cold, &[&[THREAD], &[TURN, DELTA, FAILED], &[DONE]]).await;
    assert_eq!(failure(failed), r#"turn failed: {"message":"x"}"#);
}

#[tokio::test]
async fn a_round_ends_when_codex_exits_or_sends_a_request() {
    let (ended, _) = round(StartState::Cold, &[&[THREAD], &[TURN, DELTA, EXIT]]).await;
    assert_eq!(ended.unwrap_err().to_string(), "codex exited");
    let question = r#"{"id":0,"method":"item/tool/call","params":{}}"#;
    let (asked, _) = round(StartState::Cold, &[&[THREAD], &[question]]).await;
    assert!(asked.unwrap_err().to_string().contains("item/tool/call"));
}
