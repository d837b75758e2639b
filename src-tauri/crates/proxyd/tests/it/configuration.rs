//! Keeps docs/configuration.md up to date.

use std::path::Path;

#[test]
fn documentation_lists_all_settings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/configuration.md");
    // A checkout on Windows may have other line endings.
    let text = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    let (begin, end) = ("<!-- settings: begin -->\n", "<!-- settings: end -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{begin}{}{end}{after}", proxy::settings::reference());
    if text != expected {
        std::fs::write(&path, expected).unwrap();
        panic!("docs/configuration.md was outdated and has been rewritten; commit it");
    }
}
