//! The file with variables: `.env`, or the one that is named.

use crate::daemon::{codex_proxyd, ended, run, start};
use crate::support::folder;

#[tokio::test]
async fn lines_of_other_programs_in_the_env_file_never_stop_the_server() {
    let folder = folder();
    let foreign = "\u{feff}export A=1\nnot a variable\n= 3\nB='open\nPORT=0\n";
    for (text, listens_on) in [
        (foreign.replace("B='open\n", ""), "127.0.0.1"),
        (
            "PORT=0\nHOST=0.0.0.0\nCODEX_PATH=/evil\nCODEX_SANDBOX=danger-full-access\n".to_owned(),
            "127.0.0.1",
        ),
    ] {
        std::fs::write(folder.path().join(".env"), &text).unwrap();
        let daemon = start(codex_proxyd(folder.path()).args(["--no-auth", "--data-dir", "data"])).await;
        assert!(daemon.url.contains(listens_on), "{}", daemon.url);
        let log = ended(daemon).await;
        assert!(log.contains(".env"), "{log}");
    }
}

#[tokio::test]
async fn only_the_server_reads_the_env_file_unless_it_is_named() {
    let folder = folder();
    std::fs::write(folder.path().join(".env"), "API_KEYS=sk-1\nPORT=many\nDATA_DIR=elsewhere\n").unwrap();
    let command = |args: &[&str]| {
        let mut command = codex_proxyd(folder.path());
        command.args(args);
        command
    };
    let key = |file: &'static [&'static str]| [&["--data-dir", "data", "key", "list"], file].concat();
    for args in [key(&[]), vec!["--version"]] {
        let (ok, _, error) = run(&mut command(&args)).await;
        assert!(ok, "{args:?}: {error}");
    }
    let (_, _, note) = run(&mut command(&key(&[]))).await;
    assert!(note.contains("--env-file .env"), "{note}");
    let (_, findings, _) = run(&mut command(&["doctor", "--data-dir", "data", "--port", "0"])).await;
    assert!(!findings.contains("many"), "{findings}");
    for args in
        [key(&["--env-file", ".env"]), vec!["doctor", "--env-file", ".env"], vec!["--data-dir", "data"]]
    {
        let (ok, out, error) = run(&mut command(&args)).await;
        assert!(!ok && format!("{out}{error}").contains("PORT is \"many\""), "{args:?}: {out}{error}");
    }
    let (ok, _, error) = run(&mut command(&key(&["--env-file", "missing.env"]))).await;
    assert!(!ok && error.contains("missing.env"), "{error}");
}

#[tokio::test]
async fn an_env_file_written_on_windows_is_read() {
    let folder = folder();
    let text = "\u{feff}PORT=0\r\nDATA_DIR=\"C:\\Users\\me\\new data\"\r\n";
    std::fs::write(folder.path().join("utf8.env"), text).unwrap();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(folder.path().join("utf16.env"), utf16).unwrap();
    std::fs::write(folder.path().join("ansi.env"), b"WORKSPACE=C:\\Users\\J\xf6rg").unwrap();
    for name in ["utf8.env", "utf16.env"] {
        let mut command = codex_proxyd(folder.path());
        let (_, report, error) = run(command.args(["doctor", "--report", "--env-file", name])).await;
        assert!(report.contains("me") && report.contains("new data"), "{name}: {report}{error}");
    }
    let (ok, _, error) =
        run(codex_proxyd(folder.path()).args(["key", "list", "--env-file", "ansi.env"])).await;
    assert!(!ok && error.contains("Save it as UTF-8"), "{error}");
}
