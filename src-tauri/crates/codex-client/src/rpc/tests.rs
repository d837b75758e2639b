use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, Lines, duplex};

use super::*;

/// Refuses every request.
struct Refuse;

impl Handler for Refuse {
    fn request(&self, _: &Value, _: &str, _: Option<&RawValue>) -> Option<Outcome> {
        Some(Err("no"))
    }
}

/// A connection with its tasks, and codex's ends of its pipes.
fn open() -> (Arc<Connection>, TaskTracker, DuplexStream, Lines<BufReader<DuplexStream>>) {
    let (stdin, codex_reads) = duplex(64 * 1024);
    let (codex_writes, stdout) = duplex(64 * 1024);
    let tasks = TaskTracker::new();
    let connection = Connection::open(stdin, &tasks);
    let reading = Arc::clone(&connection);
    tasks.spawn(async move { reading.read(&mut lines(stdout), &Refuse).await });
    tasks.close();
    (connection, tasks, codex_writes, BufReader::new(codex_reads).lines())
}

#[tokio::test]
async fn responses_are_matched_by_id_in_any_order() {
    let (connection, _tasks, mut codex, mut requests) = open();
    let both = async {
        tokio::join!(connection.call::<Value>("a", json!({})), connection.call::<Value>("b", json!({})))
    };
    let answers = async {
        let (_, _) = (requests.next_line().await, requests.next_line().await);
        codex.write_all(b"{\"id\":2,\"result\":\"second\"}\n{\"id\":1,\"result\":\"first\"}\n").await
    };
    let ((a, b), written) = tokio::join!(both, answers);
    written.unwrap();
    assert_eq!((a.unwrap(), b.unwrap()), (json!("first"), json!("second")));
}

#[tokio::test(start_paused = true)]
async fn unresponsive_codex_closes_the_connection_and_fails_every_request() {
    let (connection, tasks, _codex, _asked) = open();
    let slow = connection.call_within::<Value>(Duration::from_secs(300), "slow", json!({}));
    let (stuck, slow) = tokio::join!(connection.call::<Value>("stuck", json!({})), slow);
    assert!(matches!(stuck, Err(CodexError::NoAnswer { method: "stuck", .. })), "{stuck:?}");
    assert!(matches!(slow, Err(CodexError::Disconnected)), "{slow:?}");
    assert!(connection.closed.is_cancelled());
    assert!(matches!(connection.call::<Value>("later", json!({})).await, Err(CodexError::Disconnected)));
    tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn busy_codex_keeps_its_connection() {
    let (connection, _tasks, mut codex, _asked) = open();
    let chatter = async {
        loop {
            codex.write_all(b"{\"method\":\"x\"}\n").await.unwrap();
            tokio::time::sleep(RESPONSE_TIMEOUT / 2).await;
        }
    };
    let started = Instant::now();
    let stuck = tokio::select! {
        stuck = connection.call::<Value>("stuck", json!({})) => stuck,
        () = chatter => unreachable!(),
    };
    assert!(matches!(stuck, Err(CodexError::NoAnswer { .. })), "{stuck:?}");
    assert!(started.elapsed() >= RESPONSE_TIMEOUT * BUSY_FACTOR && !connection.closed.is_cancelled());
}

#[tokio::test]
async fn end_of_output_closes_the_connection() {
    let (connection, tasks, codex, _asked) = open();
    let (answer, ()) = tokio::join!(connection.call::<Value>("a", json!({})), async { drop(codex) });
    assert!(matches!(answer, Err(CodexError::Disconnected)), "{answer:?}");
    tasks.wait().await;
}

#[tokio::test]
async fn response_has_the_id_of_its_request() {
    let (_connection, _tasks, mut codex, mut requests) = open();
    codex.write_all(b"{\"id\":\"x\",\"method\":\"some/thing\",\"params\":{}}\n").await.unwrap();
    let answer: Value = serde_json::from_str(&requests.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!((&answer["id"], &answer["error"]["message"]), (&json!("x"), &json!("no")));
}
