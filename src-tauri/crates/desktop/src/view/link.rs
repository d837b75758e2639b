//! Links that the window may open in the system's browser.

use reqwest::Url;

use super::ViewError;

/// What a link in an answer may open.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// The address to give to the system, if it is a web or mail address.
///
/// # Errors
/// If it is another one, such as a file or a program's own scheme.
pub fn openable(address: &str) -> Result<String, ViewError> {
    let url = Url::parse(address).ok().filter(|url| SCHEMES.contains(&url.scheme()));
    url.map(String::from).ok_or_else(|| ViewError::new("Only web and mail links can be opened."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_and_mail_links_are_opened() {
        for link in ["https://example.com/a?b=c#d", "http://127.0.0.1:8000/docs", "mailto:me@example.com"] {
            assert_eq!(openable(link).unwrap(), link);
        }
        // The system gets what was checked: an address without spaces, quotes or line breaks.
        assert_eq!(openable(" HTTPS://Example.com/a b\"\n").unwrap(), "https://example.com/a%20b%22");
        for link in [
            "javascript:alert(1)",
            " JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "file:///etc/passwd",
            "vscode://file/etc/passwd",
            "ms-msdt:/id",
            "blob:https://example.com/1",
            "view-source:https://example.com",
            "//example.com",
            "/etc/passwd",
            "C:\\Windows\\System32\\calc.exe",
            "-h",
            "",
        ] {
            assert!(openable(link).is_err(), "{link}");
        }
    }
}
