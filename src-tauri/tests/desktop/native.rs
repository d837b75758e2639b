//! The window behaves like a program's, not like a web page.

use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

/// WebDriver's code of F5.
const F5: char = '\u{E035}';

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn nothing_of_the_window_can_be_selected_or_reloaded_and_the_browser_has_no_menu() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.says("Running").await;
    let watch = "addEventListener('contextmenu', event => { window.lastMenu = !event.defaultPrevented }); arguments[0]()";
    window.script(watch).await;
    let selected = "arguments[0](getSelection().toString())";

    window.ctrl('a').await;
    assert_eq!(window.script(selected).await, "");
    // Even when everything is selected, that is only what one copies.
    let everything = format!("document.execCommand('selectAll'); {selected}");
    let everything = window.script(&everything).await;
    let everything = everything.as_str().unwrap();
    assert!(everything.contains("http://127.0.0.1"), "{everything}");
    for chrome in ["Requests", "Running", "Copy"] {
        assert!(!everything.contains(chrome), "{everything}");
    }
    window.script("getSelection().removeAllRanges(); arguments[0]()").await;

    window.right_click("//h1").await;
    assert_eq!(window.script("arguments[0](window.lastMenu)").await, false);
    window.type_into("//nav//button[@aria-current]", &F5.to_string()).await;
    window.ctrl('r').await;
    window.ctrl('5').await;
    window.find("//h1[normalize-space(.)='Keys']").await;
    assert_eq!(window.script("arguments[0](window.lastMenu)").await, false, "the page was loaded again");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_command_menu_copies_the_base_url_and_ctrl_w_closes_the_window() {
    let session = Session::start(USUAL).await;
    let window = Window::open(&session).await;
    window.says("Running").await;
    window.ctrl('k').await;
    window.picture("command-menu").await;
    let field = "//dialog//input[@role='combobox']";
    window.type_into(field, "base\u{E007}").await;
    let screen = session.screen();
    let url = format!("http://127.0.0.1:{}/v1", session.port);
    eventually("the base URL is copied", || async { screen.pasted().await.as_ref() == Some(&url) }).await;
    window.says("Base URL copied.").await;
    window.picture("toast").await;
    window.ctrl('w').await;
    screen.shows_no_window().await;
    assert!(session.answers().await);
}
