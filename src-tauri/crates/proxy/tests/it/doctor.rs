//! `codex-proxyd doctor` as a user runs it.

use crate::daemon::{a_home, codex_proxyd, run, start};
use crate::support::folder;

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn it_finds_nothing_to_do_where_all_is_well() {
    let (folder, model) = a_home().await;
    let doctor = async |args: &[&str]| {
        let mut command = codex_proxyd(folder.path());
        run(command.env("API_KEYS", "sk-of-a-user").arg("doctor").args(["--data-dir", "data"]).args(args))
            .await
    };
    let (ok, out, error) = doctor(&["--port", "0"]).await;
    assert!(ok && error.is_empty(), "{out}{error}");
    for words in
        ["can be written", "codex 0.", "answers word by word", "private home", "models", "there is 1 key"]
    {
        assert!(out.contains(words), "{words} in {out}");
    }
    assert!(!out.contains("!!") && !out.contains("sk-of"), "{out}");
    assert!(model.requests().is_empty(), "no prompt is sent");

    let daemon = start(codex_proxyd(folder.path()).args(["--port", "0", "--data-dir", "data"])).await;
    let port = daemon.url.rsplit(':').next().unwrap();
    let (ok, out, _) = doctor(&["--port", port]).await;
    assert!(ok && out.contains("already answers on"), "{out}");
}

#[tokio::test]
async fn it_names_the_next_step_of_what_is_wrong() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let fake = sample_model::under_test::fake_codex().display().to_string();
    for (args, script, words) in [
        (["--codex", "/nowhere/codex"], "", "--codex or CODEX_PATH"),
        (["--codex", &fake], "not-signed-in", "Run `codex login`"),
        (["--port", &port], "", "is taken by another program\n    End that program"),
        (["--port", "99999"], "", "--port is \"99999\""),
    ] {
        let mut command = codex_proxyd(folder.path());
        let command = command.env("CODEX_PATH", &fake).env("FAKE_CODEX", script);
        let (ok, out, error) = run(command.arg("doctor").args(args).args(["--data-dir", "data"])).await;
        assert!(!ok && out.contains(words) && error.is_empty(), "{args:?}: {out}{error}");
        assert!(out.lines().any(|line| line.starts_with("!!")), "{out}");
    }
}
