//! Questions that end without an answer: nothing may run.

use super::*;

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn without_an_answer_in_time_it_is_denied_and_the_answer_goes_on() {
    let limit = Duration::from_secs(3);
    let proxy = asking()
        .limits(|limits| (limits.ask_timeout, limits.idle_timeout) = (limit, Duration::from_millis(2500)))
        .start()
        .await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, TOUCH);
    let asked = questions(&proxy, 1).await.remove(0);
    assert_eq!(asked.expires_at - asked.asked_at, 3000);
    // Longer than codex may be idle.
    let (_, activity) = whole(sent.await.unwrap()).await;
    assert!(activity.contains("No answer in 3 seconds, denied\n"), "{activity}");
    assert!(!has_run(&proxy));
    let steps = steps(&proxy);
    let denied = ("Denied: no answer in 3 seconds".to_owned(), "touch here.txt, after 3 seconds".to_owned());
    assert!(steps.contains(&denied), "{steps:?}");
    let counted = "codex_proxy_approvals_total{kind=\"command\",outcome=\"expired\"} 1";
    assert_eq!(metrics(&proxy).await, [counted]);
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn waiting_counts_against_the_time_of_the_answer() {
    let limit = Duration::from_secs(2);
    let proxy = asking().limits(|limits| limits.turn_timeout = limit).start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, TOUCH);
    let asked = questions(&proxy, 1).await.remove(0);
    assert!(asked.expires_at - asked.asked_at <= 2000, "it says when the turn's time is up");
    assert_eq!(sent.await.unwrap().status(), 504);
    questions(&proxy, 0).await;
    assert!(!has_run(&proxy));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_client_that_disconnects_takes_its_question_with_it() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let events = stream(&proxy, TOUCH).await;
    let asked = questions(&proxy, 1).await.remove(0);
    drop(events);
    questions(&proxy, 0).await;
    assert!(proxy.handle.approvals().answer(&asked.id, ApprovalAnswer::AllowOnce).is_err());
    eventually("the request has ended", || proxy.log.running() == 0).await;
    let steps = steps(&proxy);
    assert!(steps.iter().any(|(what, _)| what == "Denied: the app disconnected"), "{steps:?}");
    // codex goes on working, and the command has not run.
    assert_eq!(proxy.chat(&agent("[[words=1]]")).await.status(), 200);
    assert!(!has_run(&proxy));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn stopping_the_request_denies_its_question() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, TOUCH);
    questions(&proxy, 1).await;
    assert!(proxy.handle.stop_request(&proxy.log.newest().arrival.id));
    let response = sent.await.unwrap();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "cancelled_by_owner");
    questions(&proxy, 0).await;
    assert!(!has_run(&proxy));
}

// Unix only: processes are found through /proc, and killed by a signal.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn when_the_proxy_stops_nothing_runs_and_no_process_is_left() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let mut events = stream(&proxy, TOUCH).await;
    questions(&proxy, 1).await;
    proxy.stop.cancel();
    // It goes on without, within the time to drain.
    let rest = events.rest().await;
    assert!(joined(&rest, "reasoning_content").contains("\nDenied\n"), "{rest:?}");
    proxy.server.await.unwrap();
    assert!(!proxy.folder.path().join("work/here.txt").exists());
    let folder = proxy.folder.path();
    eventually("codex has ended", || crate::support::processes_of(folder).is_empty()).await;
}

// Unix only: processes are found through /proc, and killed by a signal.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn when_codex_dies_its_question_is_gone_and_nothing_runs() {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let sent = send(&proxy, TOUCH);
    let asked = questions(&proxy, 1).await.remove(0);
    for pid in crate::support::processes_of(proxy.folder.path()) {
        // Some of them end with the first.
        let _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).output().unwrap();
    }
    let response = sent.await.unwrap();
    assert!(response.status().is_server_error(), "{}", response.status());
    questions(&proxy, 0).await;
    assert!(proxy.handle.approvals().answer(&asked.id, ApprovalAnswer::AllowOnce).is_err());
    assert_eq!(proxy.chat(&agent("[[words=1]]")).await.status(), 200);
    assert!(!has_run(&proxy));
}

/// Names the file that the child of the next test creates once its question waits.
const CHILD: &str = "APPROVALS_TEST_CHILD";

// Unix only: processes are found through /proc, and killed by a signal.
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
#[expect(clippy::disallowed_methods, reason = "the child is killed, and what it leaves is looked for")]
async fn when_we_are_killed_nothing_runs_and_no_process_is_left() {
    if let Some(waits) = std::env::var_os(CHILD) {
        return be_killed(Path::new(&waits)).await;
    }
    let folder = crate::support::folder();
    let waits = folder.path().join("waits");
    let name = "approvals::lost::when_we_are_killed_nothing_runs_and_no_process_is_left";
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--include-ignored", "--quiet"])
        .env(CHILD, &waits)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    eventually("codex has asked", || waits.exists()).await;
    let work = PathBuf::from(std::fs::read_to_string(&waits).unwrap());
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    // The child's codex has its folder in the environment, and so had the child.
    let home = work.parent().unwrap();
    eventually("codex has ended", || crate::support::processes_of(home).is_empty()).await;
    assert!(work.exists() && !work.join("here.txt").exists());
    std::fs::remove_dir_all(home).unwrap();
}

/// Asks, says so in the file `waits`, and waits for its end.
async fn be_killed(waits: &Path) {
    let proxy = asking().start().await;
    let _attendance = proxy.handle.approvals().attend();
    let _events = stream(&proxy, TOUCH).await;
    questions(&proxy, 1).await;
    let begun = waits.with_added_extension("begun");
    std::fs::write(&begun, work(&proxy).display().to_string()).unwrap();
    std::fs::rename(begun, waits).unwrap();
    std::future::pending::<()>().await;
}
