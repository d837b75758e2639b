//! The task that keeps the pool of prewarmed threads full.

use std::sync::Arc;
use std::time::Duration;

use super::Session;

/// The longest wait for new chats to start before the next thread is prewarmed: a model may think for minutes.
const MAX_DELAY: Duration = Duration::from_millis(250);

/// Prewarms threads one by one, and ends surplus ones, until the session is retired.
pub(super) async fn refill(session: Arc<Session>) {
    let pool = &session.prewarmed;
    let mut max_turns = pool.max_turns();
    loop {
        for thread in pool.take_surplus() {
            session.end_thread(&thread).await;
        }
        let Some(profile) = pool.lacking() else {
            tokio::select! {
                () = session.rpc.closed.cancelled() => return,
                () = session.retired.cancelled() => break,
                () = pool.changed(&mut max_turns) => continue,
            }
        };
        // codex has little to do once the models answer.
        let calm = tokio::time::timeout(MAX_DELAY, pool.calm());
        if session.retired.run_until_cancelled(calm).await.is_none() {
            break;
        }
        match session.start_thread(&profile).await {
            Ok(thread) => pool.put(&profile, thread),
            Err(error) => {
                // The next turn starts its own thread and reports the error to its client.
                tracing::debug!(%error, "prewarming a thread failed");
                pool.give_up(&profile);
            }
        }
    }
    for thread in pool.drain() {
        session.end_thread(&thread).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::PathBuf;

    use serde_json::{Value, json};
    use tokio::io::{AsyncWriteExt, BufReader, DuplexStream, Lines};
    use tokio::time::Instant;

    use super::*;
    use crate::capabilities::Capabilities;
    use crate::request::{ThreadProfile, TurnRequest};
    use crate::session::tests::open_with;
    use crate::status::Readiness;
    use crate::thread::NewThread;

    const HOUR: Duration = Duration::from_secs(3600);

    /// codex, as far as it starts and ends threads.
    struct Fake {
        output: DuplexStream,
        requests: Lines<BufReader<DuplexStream>>,
        threads: HashSet<String>,
    }

    impl Fake {
        /// Serves requests until there are `count` threads.
        async fn serve_until(&mut self, count: usize) {
            while self.threads.len() != count {
                let line = tokio::time::timeout(HOUR, self.requests.next_line()).await;
                let line = line.unwrap().unwrap().unwrap();
                let request: Value = serde_json::from_str(&line).unwrap();
                let id = format!("thread {}", request["id"]);
                match request["method"].as_str() {
                    Some("thread/start") => assert!(self.threads.insert(id.clone())),
                    Some("thread/unsubscribe") => {
                        assert!(self.threads.remove(request["params"]["threadId"].as_str().unwrap()));
                    }
                    _ => panic!("{request}"),
                }
                let answer = json!({ "id": request["id"], "result": { "thread": { "id": id } } });
                self.output.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
            }
        }
    }

    /// A session, its codex, and the thread of a chat.
    fn start() -> (Arc<Session>, Fake, NewThread) {
        let capabilities = Capabilities { unsubscribe: true, ..Capabilities::default() };
        let (session, output, requests) = open_with(Readiness { capabilities, ..Readiness::default() });
        let request = TurnRequest::review(ThreadProfile::plain(PathBuf::new()));
        let (thread, _) = NewThread::for_request(&request);
        (session, Fake { output, requests, threads: HashSet::new() }, thread)
    }

    #[tokio::test(start_paused = true)]
    async fn threads_are_started_once_all_chats_have_begun_and_ended_after_ten_minutes_without_one() {
        let (session, mut codex, thread) = start();
        let starting: Vec<_> = (0..8)
            .map(|_| {
                session.prewarmed.take(&thread);
                session.prewarmed.starting()
            })
            .collect();
        let begun = Instant::now();
        session.prewarmed.hint(&thread);
        tokio::join!(codex.serve_until(8), async {
            tokio::time::sleep(MAX_DELAY / 2).await;
            assert_eq!(session.prewarmed.count(), 0);
            drop(starting);
        });
        assert!(begun.elapsed() < MAX_DELAY);
        codex.serve_until(0).await;
        assert!(begun.elapsed() >= Duration::from_secs(600));
    }

    #[tokio::test(start_paused = true)]
    async fn chat_whose_model_thinks_does_not_keep_the_others_waiting() {
        let (session, mut codex, thread) = start();
        session.prewarmed.take(&thread);
        let _thinking = session.prewarmed.starting();
        session.prewarmed.hint(&thread);
        codex.serve_until(2).await;
    }

    #[tokio::test(start_paused = true)]
    async fn retired_codex_keeps_no_prewarmed_threads() {
        let (session, mut codex, thread) = start();
        session.prewarmed.take(&thread);
        session.prewarmed.hint(&thread);
        codex.serve_until(2).await;
        session.retired.cancel();
        let retired = Instant::now();
        codex.serve_until(0).await;
        assert!(retired.elapsed() < Duration::from_secs(1));
        session.prewarmed.take(&thread);
        session.prewarmed.hint(&thread);
        let more = tokio::time::timeout(Duration::from_secs(60), codex.requests.next_line()).await;
        assert!(more.is_err(), "{more:?}");
    }
}
