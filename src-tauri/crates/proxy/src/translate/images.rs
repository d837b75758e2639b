//! Which pictures can be passed on: data URLs whose bytes are what they say they are.
//!
//! codex refuses the addresses of pictures elsewhere, so nothing is ever fetched from this machine. A picture that codex cannot
//! read it leaves out in silence, which is why it is looked at here.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::ApiError;

/// The largest picture, in bytes.
const LARGEST: usize = 20 * 1024 * 1024;

/// Looks at a picture of `param`, and gives back the URL that is passed on.
///
/// # Errors
/// [`ApiError`] saying what is wrong with it.
pub(crate) fn check_image<'a>(url: &'a str, param: &str) -> Result<Cow<'a, str>, ApiError> {
    let invalid = |message: &str| ApiError::invalid(param, message);
    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if matches!(scheme.as_str(), "http" | "https") {
        return Err(invalid(
            "codex takes no addresses of pictures. Send the picture itself: data:image/png;base64,…",
        ));
    }
    let data = (scheme == "data").then(|| url.split_once(',')).flatten();
    let Some((head, data)) = data else {
        return Err(invalid("A picture is sent as a data URL: data:image/png;base64,…"));
    };
    let (kind, coding) = head.get(5..).and_then(|head| head.rsplit_once(';')).unwrap_or_default();
    if !coding.eq_ignore_ascii_case("base64") {
        return Err(invalid("The data URL of a picture must be in base64: data:image/png;base64,…"));
    }
    // Some libraries break base64 into lines.
    let spaced = data.bytes().any(|byte| byte.is_ascii_whitespace());
    let tidy: Cow<'_, str> =
        if spaced { data.split_ascii_whitespace().collect::<String>().into() } else { data.into() };
    if tidy.len() / 4 * 3 > LARGEST {
        return Err(invalid("A picture can have 20 MiB at most."));
    }
    let bytes = STANDARD.decode(&*tidy).map_err(|_| invalid("The picture is not valid base64."))?;
    let Some(found) = kind_of(&bytes) else {
        return Err(invalid("The picture is none of PNG, JPEG, WebP and GIF."));
    };
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let said = if kind == "image/jpg" { "image/jpeg" } else { kind.as_str() };
    if said != found {
        return Err(invalid(&format!(
            "The picture is of the type {found}, and its data URL says otherwise."
        )));
    }
    Ok(if spaced { format!("{head},{tidy}").into() } else { url.into() })
}

/// Checks how closely a picture is to be looked at.
///
/// # Errors
/// [`ApiError`] for a word that there is not.
pub(crate) fn check_detail(detail: Option<&str>, param: &str) -> Result<(), ApiError> {
    match detail {
        None | Some("auto" | "low" | "high" | "original") => Ok(()),
        Some(_) => Err(ApiError::invalid(param, "detail must be auto, low or high.")),
    }
}

/// The media type that a file's first bytes tell.
fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(kind: &str, bytes: &[u8]) -> String {
        format!("data:{kind};base64,{}", STANDARD.encode(bytes))
    }

    fn refused(url: &str) -> String {
        check_image(url, "p").unwrap_err().message().to_owned()
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    #[test]
    fn the_four_kinds_pass_as_they_are() {
        for (kind, bytes) in [
            ("image/png", PNG),
            ("image/jpeg", b"\xff\xd8\xff\xe0rest"),
            ("image/jpg", b"\xff\xd8\xff\xe0rest"),
            ("IMAGE/GIF", b"GIF89arest"),
            ("image/webp", b"RIFF....WEBPrest"),
        ] {
            let url = url(kind, bytes);
            assert_eq!(check_image(&url, "p").unwrap(), url);
        }
    }

    #[test]
    fn base64_in_lines_is_put_together() {
        let whole = url("image/png", PNG);
        let (head, data) = whole.split_once(',').unwrap();
        let lines = format!("{head},{}\r\n {}\n", &data[..8], &data[8..]);
        assert_eq!(check_image(&lines, "p").unwrap(), whole);
    }

    #[test]
    fn addresses_other_files_and_lies_are_refused_with_what_to_do() {
        assert!(refused("https://example.com/a.png").contains("data:image/png"));
        assert!(refused("file:///etc/passwd").contains("data URL"));
        assert!(refused("data:image/png,abc").contains("base64"));
        assert!(refused("data:image/png;base64,a!").contains("base64"));
        assert!(refused(&url("image/png", b"hello")).contains("none of PNG"));
        assert!(refused(&url("image/gif", PNG)).contains("image/png"));
        assert!(refused("").contains("data URL"));
        let large = format!("data:image/png;base64,{}", "A".repeat(28 * 1024 * 1024));
        assert!(refused(&large).contains("20 MiB"));
    }

    #[test]
    fn a_detail_is_one_of_openais_words() {
        assert!(check_detail(None, "p").is_ok() && check_detail(Some("low"), "p").is_ok());
        assert!(check_detail(Some("huge"), "p").is_err());
    }
}
