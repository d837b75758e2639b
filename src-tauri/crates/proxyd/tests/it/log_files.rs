//! The log files of codex-proxyd.

use std::path::PathBuf;

use crate::daemon::{a_home, ask, codex_proxyd, ended, start};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_log_is_in_the_data_folder_as_on_stderr_without_a_key_or_a_word_and_for_its_owner_alone() {
    let (folder, _model) = a_home().await;
    let args = ["--port", "0", "--data-dir", "data", "--log-level", "trace"];
    let daemon = start(codex_proxyd(folder.path()).env("API_KEYS", "sk-local-key").args(args)).await;
    assert_eq!(ask(&daemon.url, "sk-local-key", "[[say=\"an unmistakable answer\"]]").await.status(), 200);
    assert_eq!(ask(&daemon.url, "sk-local-wrong", "an unmistakable prompt").await.status(), 401);
    let stderr = ended(daemon).await;
    let file: PathBuf = folder.path().join("data/logs/codex-proxyd.log");
    let written = std::fs::read_to_string(&file).unwrap();
    // Each of the two writes the time of its own line, and threads may come in another order.
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
    // The next start goes on in the same file.
    ended(start(codex_proxyd(folder.path()).env("API_KEYS", "sk-local-key").args(args)).await).await;
    assert!(std::fs::read_to_string(&file).unwrap().starts_with(&written));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_log_folder_that_cannot_be_had_is_said_once_and_keeps_nobody_from_an_answer() {
    let (folder, _model) = a_home().await;
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/logs"), "in the way").unwrap();
    let mut command = codex_proxyd(folder.path());
    let command = command.env("API_KEYS", "sk-1").args(["--port", "0", "--data-dir", "data"]);
    let daemon = start(command).await;
    assert_eq!(ask(&daemon.url, "sk-1", "[[words=1]]").await.status(), 200);
    let log = ended(daemon).await;
    assert_eq!(log.matches("no log file can be written").count(), 1, "{log}");
}
