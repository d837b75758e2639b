//! The first start in the real window, from a home without codex.

use sample_model::under_test;

use crate::driver::Window;
use crate::session::{Session, USUAL};

/// The script of an `npm` that installs the real codex, as a link in a folder that npm users have.
fn npm() -> String {
    let codex = under_test::codex_under_test();
    format!(
        "case \"$1 $2\" in
'prefix --global') echo \"$HOME/.npm-global\" ;;
'install -g') echo 'added 1 package'; mkdir -p \"$HOME/.npm-global/bin\"; ln -s '{}' \"$HOME/.npm-global/bin/codex\" ;;
esac",
        codex.display()
    )
}

/// A session without codex that has never been used.
async fn bare() -> Session {
    let mut session = Session::start_with(USUAL, &[("CODEX_PATH", "")]).await;
    session.write_settings(&format!("{{\"version\":1,\"port\":{}}}", session.port));
    session.stub_program("npm", &npm());
    session
}

/// The step with this title, once it is done.
fn done(step: &str) -> String {
    format!("//ol/li[contains(., '{step}: done')]")
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_that_appears_while_the_card_is_open_turns_its_step_green() {
    let session = bare().await;
    let window = Window::open(&session).await;
    window.find("//button[normalize-space(.)='Install Codex']").await;
    let bin = session.home.path().join(".npm-global/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(under_test::codex_under_test(), bin.join("codex")).unwrap();
    window.find(&done("Codex")).await;
    // Its provider needs no account.
    window.find(&done("Account")).await;
    window.says("Waiting for the first request…").await;
}
