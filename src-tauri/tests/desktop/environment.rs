//! The environment that programs started by the app get.

use crate::session::{Session, USUAL, eventually};

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_gets_the_environment_of_the_login_shell_and_nothing_of_an_appimage() {
    let appimage = [("APPDIR", "/tmp/.mount_x"), ("ARGV0", "x"), ("LD_LIBRARY_PATH", "/tmp/.mount_x/lib")];
    let users = [("SHELL", "/bin/sh"), ("API_KEYS", "sk-demo"), ("KEPT", "ours")];
    let session = Session::start_with(USUAL, &[&appimage[..], &users].concat()).await;
    let profile =
        "export HTTPS_PROXY=http://127.0.0.1:9 MY_KEY=secret KEPT=theirs PATH=$HOME/shell-bin:$PATH\n";
    std::fs::write(session.home.path().join(".profile"), profile).unwrap();
    let _app = session.app(&["--hidden"]);
    eventually("the proxy answers", || session.answers()).await;
    assert_eq!(session.chat("sk-demo", "[[words=1]]").await.status(), 200);

    let environment = session.environment_of("codex").expect("codex runs");
    let has = |start: &str| environment.iter().any(|variable| variable.starts_with(start));
    for expected in ["HTTPS_PROXY=http://127.0.0.1:9", "MY_KEY=secret", "KEPT=ours"] {
        assert!(has(expected), "{expected}: {environment:?}");
    }
    assert!(
        has("PATH=") && environment.iter().any(|variable| variable.contains("/shell-bin:")),
        "{environment:?}"
    );
    for own in ["APPDIR=", "ARGV0=", "LD_LIBRARY_PATH=", "GDK_", "GTK_", "API_KEYS="] {
        assert!(!has(own), "{own}: {environment:?}");
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn nothing_of_an_appimage_reaches_the_file_manager() {
    let more = [("APPDIR", "/tmp/.mount_x"), ("ARGV0", "x"), ("LD_LIBRARY_PATH", "/tmp/.mount_x/lib")];
    let mut session = Session::start_with(USUAL, &more).await;
    let opened = session.stub_program("xdg-open", "env > \"$HOME/opened\"; echo \"$1\" >> \"$HOME/opened\"");
    let window = crate::driver::Window::open(&session).await;
    window.go_to_settings("Privacy").await;
    window.click("//button[normalize-space(.)='Open folder']").await;
    let seen = || std::fs::read_to_string(&opened).unwrap_or_default();
    let folder = session.data().join("logs").display().to_string();
    eventually("the folder is opened", || async { seen().trim_end().ends_with(&folder) }).await;
    for own in ["APPDIR=", "ARGV0=", "LD_LIBRARY_PATH=", "GDK_", "GTK_"] {
        assert!(!seen().lines().any(|line| line.starts_with(own)), "{own}: {}", seen());
    }
}
