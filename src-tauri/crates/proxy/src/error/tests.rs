use super::codex::{FIX_PATH, INSTALL, SIGN_IN};
use super::*;

#[test]
fn messages_name_a_place_only_where_the_program_has_it() {
    let templates = FIXED.iter().copied().chain([TOO_LONG, IDLE, INSTALL, SIGN_IN, FIX_PATH, UPDATE]);
    for template in templates {
        let template = template.replace("{limit}", "5 minutes");
        let [daemon, app] = [Program::Daemon, Program::App].map(|program| program.locate(&template));
        assert!(!daemon.contains('{') && !daemon.contains('›') && !daemon.contains("view of"), "{daemon}");
        assert!(!app.contains('{') && !app.contains("--") && !app.contains("codex-proxyd"), "{app}");
        for text in [daemon, app] {
            assert!(text.ends_with('.') && text.starts_with(char::is_alphabetic), "{text}");
        }
    }
}
