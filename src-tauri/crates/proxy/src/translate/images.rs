//! Validates images: only data URLs whose bytes match their type are passed on.
//!
//! codex rejects remote image URLs, so this machine never fetches anything. It silently drops images it cannot decode,
//! hence the check here.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::ApiError;

/// Maximum size of an image, in bytes.
const MAX_IMAGE_BYTES: usize = 20 * 1024 * 1024;

/// Validates the image at `param` and returns the URL to pass on.
///
/// # Errors
/// [`ApiError`] describing the problem.
pub(crate) fn check_image<'a>(url: &'a str, param: &str) -> Result<Cow<'a, str>, ApiError> {
    let invalid = |message: &str| ApiError::invalid(param, message);
    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if matches!(scheme.as_str(), "http" | "https") {
        return Err(invalid(
            "Remote image URLs are not supported; send the image as a data URL: data:image/png;base64,…",
        ));
    }
    let data = (scheme == "data").then(|| url.split_once(',')).flatten();
    let Some((head, data)) = data else {
        return Err(invalid("An image must be a data URL: data:image/png;base64,…"));
    };
    let (kind, coding) = head.get(5..).and_then(|head| head.rsplit_once(';')).unwrap_or_default();
    if !coding.eq_ignore_ascii_case("base64") {
        return Err(invalid("The data URL must use base64: data:image/png;base64,…"));
    }
    // Some libraries wrap base64 into lines.
    let has_whitespace = data.bytes().any(|byte| byte.is_ascii_whitespace());
    let compact: Cow<'_, str> =
        if has_whitespace { data.split_ascii_whitespace().collect::<String>().into() } else { data.into() };
    if compact.len() / 4 * 3 > MAX_IMAGE_BYTES {
        return Err(invalid("An image can be at most 20 MiB."));
    }
    let bytes = STANDARD.decode(&*compact).map_err(|_| invalid("The image is not valid base64."))?;
    let Some(found) = kind_of(&bytes) else {
        return Err(invalid("Unsupported image format; send PNG, JPEG, WebP or GIF."));
    };
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let declared = if kind == "image/jpg" { "image/jpeg" } else { kind.as_str() };
    if declared != found {
        return Err(invalid(&format!("The image is {found}, but its data URL says otherwise.")));
    }
    Ok(if has_whitespace { format!("{head},{compact}").into() } else { url.into() })
}

/// Validates the `detail` parameter.
///
/// # Errors
/// [`ApiError`] for an unknown value.
pub(crate) fn check_detail(detail: Option<&str>, param: &str) -> Result<(), ApiError> {
    match detail {
        None | Some("auto" | "low" | "high" | "original") => Ok(()),
        Some(_) => Err(ApiError::invalid(param, "detail must be auto, low or high.")),
    }
}

/// Detects the media type by the file signature.
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
    fn supported_formats_pass_unchanged() {
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
    fn wrapped_base64_is_joined() {
        let whole = url("image/png", PNG);
        let (head, data) = whole.split_once(',').unwrap();
        let lines = format!("{head},{}\r\n {}\n", &data[..8], &data[8..]);
        assert_eq!(check_image(&lines, "p").unwrap(), whole);
    }

    #[test]
    fn urls_other_formats_and_mismatches_are_rejected_with_advice() {
        assert!(refused("https://example.com/a.png").contains("data:image/png"));
        assert!(refused("file:///etc/passwd").contains("data URL"));
        assert!(refused("data:image/png,abc").contains("base64"));
        assert!(refused("data:image/png;base64,a!").contains("base64"));
        assert!(refused(&url("image/png", b"hello")).contains("PNG, JPEG"));
        assert!(refused(&url("image/gif", PNG)).contains("image/png"));
        assert!(refused("").contains("data URL"));
        let large = format!("data:image/png;base64,{}", "A".repeat(28 * 1024 * 1024));
        assert!(refused(&large).contains("20 MiB"));
    }

    #[test]
    fn detail_is_one_of_openais_values() {
        assert!(check_detail(None, "p").is_ok() && check_detail(Some("low"), "p").is_ok());
        assert!(check_detail(Some("huge"), "p").is_err());
    }
}
