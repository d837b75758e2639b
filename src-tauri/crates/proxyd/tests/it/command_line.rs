//! Shell completions and manual pages.

use crate::daemon::{codex_proxyd, run};
use crate::support::folder;

#[tokio::test]
async fn completions_and_manual_pages_work_despite_an_invalid_setting() {
    let folder = folder();
    std::fs::write(folder.path().join(".env"), "PORT=many\n").unwrap();
    for (shell, marker) in
        [("bash", "complete -F"), ("zsh", "#compdef codex-proxyd"), ("fish", "complete -c")]
    {
        let (ok, script, error) = run(codex_proxyd(folder.path()).args(["completions", shell])).await;
        assert!(ok && script.contains(marker) && script.contains("allow-host"), "{shell}: {error}");
    }
    let (ok, _, error) = run(codex_proxyd(folder.path()).args(["man", "."])).await;
    assert!(ok, "{error}");
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(page("codex-proxyd.1").contains("turn\\-limit") && page("codex-proxyd.1").contains("Examples:"));
    assert!(page("codex-proxyd-key-new.1").contains("Create a key"));
    let (ok, _, error) = run(codex_proxyd(folder.path()).args(["man", "missing"])).await;
    assert!(!ok && error.contains("missing"), "{error}");
}
