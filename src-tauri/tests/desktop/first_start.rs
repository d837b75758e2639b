//! The first start in the real window, from a home without codex.

use sample_model::{codex_home, under_test};

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

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

/// A window whose clicks are counted.
struct Counted {
    window: Window,
    clicks: u32,
}

impl Counted {
    async fn click(&mut self, button: &str) {
        self.clicks += 1;
        self.window.click(&format!("//main//button[starts-with(normalize-space(.), '{button}')]")).await;
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_bare_home_reaches_its_first_answer_in_four_clicks_without_a_terminal() {
    let _port = under_test::sign_in_port().unwrap();
    let mut session = bare().await;
    let home = session.home.path().join(".codex");
    codex_home::write_signed_out(&home, &session.model.base_url()).unwrap();
    session.stub_program("xdg-open", "curl --silent --location --noproxy '*' \"$1\" >/dev/null");
    let mut window = Counted { window: Window::open(&session).await, clicks: 0 };
    window.window.says("npm install -g @openai/codex").await;
    window.window.picture("first-start-codex").await;
    window.click("Install Codex").await;
    window.window.find(&done("Codex")).await;
    window.window.picture("first-start-account").await;
    window.click("Sign in with ChatGPT").await;
    window.window.find(&done("Account")).await;
    window.click("curl").await;
    window.window.picture("first-start-app").await;
    window.click("Copy command").await;
    let screen = session.screen();
    let copied = async || screen.pasted().await.unwrap_or_default();
    eventually("the command is copied", || async { copied().await.contains("Bearer sk-") }).await;
    window.window.says("Waiting for the first request…").await;
    let (ok, output) = session.run("sh", &["-c", &copied().await]).await;
    assert!(ok && output.contains("data: [DONE]"), "{output}");
    window.window.says("Your first answer took").await;
    assert!(window.clicks <= 4, "{} clicks", window.clicks);
    window.window.picture("first-start-done").await;

    window.click("Done").await;
    eventually("the card is gone", || async {
        !window.window.text().await.contains("Welcome to Codex Proxy")
    })
    .await;
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
