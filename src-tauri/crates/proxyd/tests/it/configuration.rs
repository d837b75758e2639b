//! Keeps docs/configuration.md up to date.

use sample_model::under_test;

#[test]
fn documentation_lists_all_settings() {
    let path = under_test::absolute(env!("CARGO_MANIFEST_DIR")).join("../../../docs/configuration.md");
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
