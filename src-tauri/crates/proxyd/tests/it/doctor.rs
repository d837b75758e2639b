//! `codex-proxyd doctor` as a user runs it.

use std::path::Path;

use crate::daemon::{a_home, codex_proxyd, run, start};
use crate::support::folder;

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn doctor_finds_no_problem_in_a_working_setup() {
    let (folder, model) = a_home().await;
    let doctor = async |args: &[&str]| {
        let mut command = codex_proxyd(folder.path());
        run(command.env("API_KEYS", "sk-of-a-user").arg("doctor").args(["--data-dir", "data"]).args(args))
            .await
    };
    let (ok, out, error) = doctor(&["--port", "0"]).await;
    assert!(ok && error.is_empty(), "{out}{error}");
    for expected in
        ["is writable", "codex 0.", "streams answers", "private CODEX_HOME", "models", "there is 1 key"]
    {
        assert!(out.contains(expected), "{expected} is missing in {out}");
    }
    assert!(!out.contains("!!") && !out.contains("sk-of"), "{out}");
    assert!(model.requests().is_empty(), "no prompt is sent");

    let daemon = start(codex_proxyd(folder.path()).args(["--port", "0", "--data-dir", "data"])).await;
    let port = daemon.url.rsplit(':').next().unwrap();
    let (ok, out, _) = doctor(&["--port", port]).await;
    assert!(ok && out.contains("is already running on"), "{out}");
}

#[tokio::test]
async fn doctor_checks_the_folders_that_are_models() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("web")).unwrap();
    let mut command = codex_proxyd(folder.path());
    command.env("CODEX_PATH", sample_model::under_test::fake_codex());
    let args = ["doctor", "--port", "0", "--data-dir", "data", "--folder", "web=web", "--folder", "old=gone"];
    let (ok, out, _) = run(command.args(args)).await;
    assert!(!ok && out.contains("codex:web works in ") && out.contains("web (read-only)"), "{out}");
    let problem = out.lines().find(|line| line.starts_with("!!  codex:old cannot be used: the folder "));
    assert!(problem.is_some() && out.contains("choose another one (--folder)"), "{out}");
}

// Unix only: on Windows codex sets up its sandbox in any home.
#[cfg(unix)]
#[tokio::test]
async fn doctor_warns_about_a_codex_home_in_the_temporary_folder() {
    let folder = folder();
    let mut command = codex_proxyd(folder.path());
    command.env("TMPDIR", folder.path()).env("CODEX_PATH", sample_model::under_test::fake_codex());
    let (ok, out, _) = run(command.args(["doctor", "--port", "0", "--data-dir", "data"])).await;
    assert!(ok && out.contains("is in the temporary folder") && out.contains("Set CODEX_HOME"), "{out}");
}

#[tokio::test]
async fn doctor_names_the_next_step_for_each_problem() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let fake = sample_model::under_test::fake_codex().display().to_string();
    for (args, script, message) in [
        (["--codex", "/nowhere/codex"], "", "automatically (--codex)"),
        (["--codex", &fake], "not-signed-in", "Run `codex login`"),
        (["--port", &port], "", "is in use by another program\n    Choose another port (--port)"),
        (["--port", "99999"], "", "--port is \"99999\""),
    ] {
        let mut command = codex_proxyd(folder.path());
        let command = command.env("CODEX_PATH", &fake).env("FAKE_CODEX", script);
        let (ok, out, error) = run(command.arg("doctor").args(args).args(["--data-dir", "data"])).await;
        assert!(!ok && out.contains(message) && error.is_empty(), "{args:?}: {out}{error}");
        assert!(out.lines().any(|line| line.starts_with("!!")), "{out}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn doctor_names_what_codex_refuses_in_the_configuration_of_codex_local() {
    for (config, message) in [
        ("sandbox_mode = \"yolo\"\n", "config.toml, line 1: unknown variant `yolo`"),
        ("mcp_servers.mine = { args = [] }\n", "config.toml, line 1: invalid transport"),
        (
            "mcp_servers.mine = { command = \"/no/such\", required = true }\n",
            "required MCP servers failed to initialize: mine",
        ),
    ] {
        let (folder, model) = a_home().await;
        let file = folder.path().join(".codex/config.toml");
        let provider = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{config}{provider}")).unwrap();
        let mut command = codex_proxyd(folder.path());
        let (ok, out, _) = run(command.args(["doctor", "--port", "0", "--data-dir", "data"])).await;
        let problem = out.lines().find(|line| line.starts_with("!!  codex-local cannot be used: "));
        assert!(!ok && problem.is_some_and(|problem| problem.contains(message)), "{message}: {out}");
        assert!(model.requests().is_empty(), "no prompt is sent");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn doctor_says_that_codex_uses_the_proxy_as_its_own_provider_and_shows_its_warnings() {
    let (folder, _model) = a_home().await;
    let file = folder.path().join(".codex/config.toml");
    let provider = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("sandbox_mod = \"x\"\n{provider}")).unwrap();
    let doctor = async |port: &str| {
        let mut command = codex_proxyd(folder.path());
        run(command.args(["doctor", "--port", port, "--data-dir", "data"])).await
    };
    let (ok, out, _) = doctor("0").await;
    assert!(ok && out.contains("`sandbox_mod` is ignored"), "{out}");
    sample_model::codex_home::write(&folder.path().join(".codex"), "http://localhost:8765/v1").unwrap();
    let (ok, out, _) = doctor("8765").await;
    assert!(!ok && out.contains("!!  codex is set up to use this proxy as its own provider"), "{out}");
}

#[tokio::test]
async fn doctor_shows_the_sandbox_mode_that_codex_applies() {
    let folder = folder();
    let refused = match cfg!(windows) {
        true => "(read-only: codex allows workspace-write once `[windows]` in its config.toml has",
        false => "(read-only: codex does not allow workspace-write here)",
    };
    // fake-codex always chooses read-only, as a codex whose administrator allows nothing else does.
    for (mode, shown) in [("read-only", "(read-only)"), ("workspace-write", refused)] {
        let mut command = codex_proxyd(folder.path());
        command.env("CODEX_PATH", sample_model::under_test::fake_codex());
        let args = ["--workspace", ".", "--sandbox", mode, "doctor", "--port", "0", "--data-dir", "data"];
        let (_, out, _) = run(command.args(args)).await;
        assert!(out.contains(shown), "{mode}: {out}");
    }
}

#[tokio::test]
async fn doctor_report_is_complete_and_contains_no_secrets() {
    let folder = folder();
    let mut command = codex_proxyd(folder.path());
    let command = command
        .env("CODEX_PATH", sample_model::under_test::fake_codex())
        .env("API_KEYS", "sk-local-key,my-own-secret")
        .args(["doctor", "--report", "--port", "0", "--data-dir", "data", "--log-level", "debug"]);
    let (ok, text, error) = run(command).await;
    assert!(ok && error.is_empty(), "{text}{error}");
    for expected in [
        concat!("codex-proxyd ", env!("CARGO_PKG_VERSION"), "\n"),
        "ok  there are 2 keys",
        &format!("the data folder {} is writable", Path::new("~").join("data").display()),
        "log_level: Debug",
        "Last errors",
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    let home = folder.path().display().to_string();
    for secret in ["sk-local", "my-own-secret", &home] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn doctor_says_what_a_file_that_is_no_program_lacks_on_this_system() {
    let folder = folder();
    std::fs::write(folder.path().join("notes.txt"), "notes").unwrap();
    let args = ["doctor", "--port", "0", "--data-dir", "data", "--codex", "./notes.txt"];
    let (ok, out, _) = run(codex_proxyd(folder.path()).args(args)).await;
    let (said, not_said) = if cfg!(windows) { (".exe", "chmod") } else { ("chmod +x", ".exe") };
    assert!(!ok && out.contains(said) && !out.contains(not_said), "{out}");
}

#[tokio::test]
async fn paths_with_blanks_and_letters_of_any_language_work_in_flags_and_variables() {
    let folder = folder();
    let fake = sample_model::under_test::fake_codex();
    let root = std::path::absolute(folder.path()).unwrap();
    let paths = ["data", "work", "web", "codex"].map(|name| root.join(format!("{name} für 你好")));
    for path in &paths {
        std::fs::create_dir(path).unwrap();
    }
    let codex = paths[3].join(fake.file_name().unwrap());
    std::fs::copy(&fake, &codex).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let values = [text(&paths[0]), text(&paths[1]), format!("web={}", text(&paths[2])), text(&codex)];
    for by_flags in [true, false] {
        let mut command = codex_proxyd(folder.path());
        command.env_remove("CODEX_PATH");
        for (flag, value) in ["data-dir", "workspace", "folder", "codex"].into_iter().zip(&values) {
            if by_flags {
                command.args([&format!("--{flag}"), value]);
            } else {
                command.env(format!("CODEX_PROXY_{}", flag.to_uppercase().replace('-', "_")), value);
            }
        }
        let (_, out, error) = run(command.args(["doctor", "--port", "0"])).await;
        for path in &paths {
            assert!(out.contains(&text(path)), "{}: {out}{error}", path.display());
        }
        assert!(out.contains("streams answers") && !out.contains('\u{1b}'), "{out}");
    }
}
