//! docs/configuration.md says what there is to set.

use std::path::Path;

#[test]
fn the_documentation_has_the_settings_that_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/configuration.md");
    // A checkout on Windows may have other line ends.
    let text = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    let (begin, end) = ("<!-- settings: begin -->\n", "<!-- settings: end -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let wanted = format!("{before}{begin}{}{end}{after}", proxy::settings::reference());
    if text != wanted {
        std::fs::write(&path, wanted).unwrap();
        panic!("docs/configuration.md was not up to date. It has been written; commit it");
    }
}
