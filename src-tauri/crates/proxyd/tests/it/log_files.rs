//! codex-proxyd's log files.

use std::path::PathBuf;

use crate::daemon::{a_home, ask, codex_proxyd, ended, start};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn log_file_matches_stderr_contains_no_secrets_and_is_readable_only_by_its_owner() {
    let (folder, _model) = a_home().await;
    let args = ["--port", "0", "--data-dir", "data", "--log-level", "trace"];
    let daemon = start(codex_proxyd(folder.path()).env("API_KEYS", "sk-local-key").args(args)).await;
    assert_eq!(ask(&daemon.url, "sk-local-key", "[[say=\"an unmistakable answer\"]]").await.status(), 200);
    assert_eq!(ask(&daemon.url, "sk-local-wrong", "an unmistakable prompt").await.status(), 401);
    let stderr = ended(daemon).await;
    let file: PathBuf = folder.path().join("data/logs/codex-proxyd.log");
    let written = std::fs::read_to_string(&file).unwrap();
    // The two have separate timestamps, and lines of different threads may be in another order.
    let without_times = |log: &str| -> Vec<String> {
        let mut lines: Vec<_> = log.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(without_times(&written), without_times(&stderr));
    assert!(written.contains("turn done") && written.contains("stopped"), "{written}");
    for secret in ["sk-local", "unmistakable"] {
        assert!(!written.contains(secret), "{secret} in {written}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // The next start appends to the same file.
    ended(start(codex_proxyd(folder.path()).env("API_KEYS", "sk-local-key").args(args)).await).await;
    assert!(std::fs::read_to_string(&file).unwrap().starts_with(&written));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unusable_log_folder_is_reported_once_and_requests_still_work() {
    let (folder, _model) = a_home().await;
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/logs"), "not a folder").unwrap();
    let mut command = codex_proxyd(folder.path());
    let command = command.env("API_KEYS", "sk-1").args(["--port", "0", "--data-dir", "data"]);
    let daemon = start(command).await;
    assert_eq!(ask(&daemon.url, "sk-1", "[[words=1]]").await.status(), 200);
    let log = ended(daemon).await;
    assert_eq!(log.matches("log files are not writable").count(), 1, "{log}");
}
