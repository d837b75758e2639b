//! Validates images: data URLs are passed on with the type that their bytes have, addresses are fetched later.
//!
//! codex rejects addresses, and silently drops images it cannot decode, hence the check here.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::error::ApiError;

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent).with_decode_allow_trailing_bits(true),
);

/// Maximum size of an image, in bytes.
pub(crate) const MAX_IMAGE_BYTES: usize = 20 * 1024 * 1024;

/// Validates the image at `param` and returns its data URL, or its address.
///
/// # Errors
/// [`ApiError`] describing the problem.
pub(crate) fn check_image(url: &str, param: &str) -> Result<String, ApiError> {
    let invalid = |message: &'static str| ApiError::invalid(param, message);
    if is_address(url) {
        return Ok(url.trim().to_owned());
    }
    let data = has_scheme(url, "data").then(|| url.split_once(',')).flatten();
    let Some((head, data)) = data else {
        return Err(invalid(
            "An image must be a data URL (data:image/png;base64,…) or an http or https address.",
        ));
    };
    if !head.rsplit(';').next().is_some_and(|coding| coding.trim().eq_ignore_ascii_case("base64")) {
        return Err(invalid("The data URL must use base64: data:image/png;base64,…"));
    }
    // Some libraries wrap base64 into lines, or use its URL-safe form.
    let normal = |byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let data: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(normal).collect();
    if data.len() / 4 * 3 > MAX_IMAGE_BYTES {
        return Err(invalid("An image can be at most 20 MiB."));
    }
    let bytes = BASE64.decode(data).map_err(|_| invalid("The image is not valid base64."))?;
    data_url(&bytes).ok_or_else(|| invalid("Unsupported image format; send PNG, JPEG, WebP or GIF."))
}

/// Whether an image is given by address.
pub(crate) fn is_address(url: &str) -> bool {
    has_scheme(url, "https") || has_scheme(url, "http")
}

fn has_scheme(url: &str, scheme: &str) -> bool {
    url.trim_start().split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(scheme))
}

/// The data URL of an image, with the type that its bytes have: clients guess it, and codex believes them. `None` if it is no
/// supported image.
pub(crate) fn data_url(image: &[u8]) -> Option<String> {
    Some(format!("data:{};base64,{}", kind_of(image)?, BASE64.encode(image)))
}

/// The data URL of an image in base64, which is a PNG unless its first bytes say otherwise.
pub(crate) fn of_base64(base64: &str) -> String {
    format!("data:{};base64,{base64}", kind_of_base64(base64))
}

/// The media type of an image in base64.
pub(crate) fn kind_of_base64(base64: &str) -> &'static str {
    let start = base64.get(..16).and_then(|start| BASE64.decode(start).ok());
    start.and_then(|start| kind_of(&start)).unwrap_or("image/png")
}

/// The width and height of a PNG in base64.
pub(crate) fn png_size(base64: &str) -> Option<(u32, u32)> {
    let head = BASE64.decode(base64.get(..32)?).ok()?;
    let side = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    if kind_of(&head) == Some("image/png") { Some((side(16)?, side(20)?)) } else { None }
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
        format!("data:{kind};base64,{}", BASE64.encode(bytes))
    }

    fn refused(url: &str) -> String {
        check_image(url, "p").unwrap_err().message().to_owned()
    }

    #[test]
    fn type_and_size_of_a_picture_are_read_from_its_base64() {
        let header =
            [b"\x89PNG\r\n\x1a\n".as_slice(), &[0, 0, 0, 13], b"IHDR", &[0, 0, 4, 0, 0, 0, 6, 0], &[8, 6]]
                .concat();
        let png = BASE64.encode(header);
        assert_eq!(png_size(&png), Some((1024, 1536)));
        assert_eq!(of_base64(&png), format!("data:image/png;base64,{png}"));
        let jpeg = BASE64.encode(b"\xff\xd8\xff\xe0 and so on and so on and so on");
        assert_eq!((kind_of_base64(&jpeg), png_size(&jpeg)), ("image/jpeg", None));
        for odd in ["", "A", "iVBORw0KGgo", "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}"] {
            assert_eq!((kind_of_base64(odd), png_size(odd)), ("image/png", None), "{odd}");
        }
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    const KINDS: [(&str, &[u8]); 4] = [
        ("image/png", PNG),
        ("image/jpeg", b"\xff\xd8\xff\xe0rest"),
        ("image/gif", b"GIF89arest"),
        ("image/webp", b"RIFF....WEBPrest"),
    ];

    fn url_safe(url: &str) -> String {
        let (head, data) = url.split_once(',').unwrap();
        format!("{head},{}", data.replace('+', "-").replace('/', "_"))
    }

    #[test]
    fn a_data_url_in_canonical_form_is_passed_on_as_it_is() {
        for (kind, bytes) in KINDS {
            let url = url(kind, bytes);
            assert_eq!(check_image(&url, "p").unwrap(), url);
        }
    }

    #[test]
    fn the_type_of_an_image_comes_from_its_bytes() {
        for (kind, bytes) in KINDS {
            for label in ["", "image/jpg", "IMAGE/GIF", "application/octet-stream", "text/html;charset=utf-8"]
            {
                assert_eq!(check_image(&url(label, bytes), "p").unwrap(), url(kind, bytes), "{label}");
            }
        }
    }

    #[test]
    fn base64_may_be_unpadded_or_url_safe() {
        for rest in ["", "?", "??"] {
            let bytes = [PNG, b"\xfb\xff\xbe", rest.as_bytes()].concat();
            let whole = url("image/png", &bytes);
            assert!(whole.contains('+') && whole.matches('/').count() > 1);
            for given in
                [whole.trim_end_matches('='), &url_safe(&whole), url_safe(&whole).trim_end_matches('=')]
            {
                assert_eq!(check_image(given, "p").unwrap(), whole, "{given}");
            }
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
    fn what_is_no_image_is_rejected_with_advice() {
        assert!(refused("file:///etc/passwd").contains("data URL"));
        assert!(refused("data:image/png,abc").contains("base64"));
        assert!(refused("data:image/png;base64,a!").contains("base64"));
        assert!(refused(&url("image/png", b"hello")).contains("PNG, JPEG"));
        assert!(refused("").contains("data URL"));
        let large = format!("data:image/png;base64,{}", "A".repeat(28 * 1024 * 1024));
        assert!(refused(&large).contains("20 MiB"));
    }

    #[test]
    fn an_address_is_left_to_be_fetched() {
        for url in ["https://example.com/a.png", " HTTP://[::1]/?a=b#c "] {
            assert_eq!(check_image(url, "p").unwrap(), url.trim());
        }
    }

    #[test]
    fn detail_is_one_of_openais_values() {
        assert!(check_detail(None, "p").is_ok() && check_detail(Some("low"), "p").is_ok());
        assert!(check_detail(Some("huge"), "p").is_err());
    }
}
