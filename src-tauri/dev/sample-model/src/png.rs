//! Draws a small PNG.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// The size of a picture when neither the request nor its prompt chooses one.
pub(crate) const SIZE: (u32, u32) = (256, 256);

/// A picture in base64. The same prompt gives the same one.
pub(crate) fn base64(prompt: &str, size: Option<(u32, u32)>, transparent: bool) -> String {
    let mut hasher = DefaultHasher::new();
    prompt.hash(&mut hasher);
    let (width, height) = size.unwrap_or(SIZE);
    // The lower half is random enough.
    let seed = u32::try_from(hasher.finish() & 0xffff_ffff).unwrap_or_default();
    STANDARD.encode(draw(seed, width, height, transparent))
}

/// A PNG of this size: a disc on a gradient, or on nothing if `transparent`. `seed` chooses the colors.
fn draw(seed: u32, width: u32, height: u32, transparent: bool) -> Vec<u8> {
    let [red, green, blue, _] = seed.to_le_bytes();
    let shade = |at: u32, of: u32| u8::try_from(at * 255 / of.max(1)).unwrap_or(u8::MAX);
    let radius = u64::from(width.min(height) / 3).pow(2);
    let mut pixels = Vec::new();
    for y in 0..height {
        // Each row begins with its filter: none.
        pixels.push(0);
        for x in 0..width {
            let from_center = |at: u32, of: u32| u64::from(at.abs_diff(of / 2)).pow(2);
            let in_disc = from_center(x, width) + from_center(y, height) <= radius;
            pixels.extend(match (in_disc, transparent) {
                (true, _) => [red, green, blue, 255],
                (false, true) => [0; 4],
                (false, false) => [shade(x, width), shade(y, height), blue, 255],
            });
        }
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail.
    let data = encoder.write_all(&pixels).and_then(|()| encoder.finish()).unwrap_or_default();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    // 8 bits each of red, green, blue and alpha.
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", data), (b"IEND", Vec::new())] {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(&data);
        png.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
        png.extend(kind);
        png.extend(&data);
        png.extend(crc.sum().to_be_bytes());
    }
    png
}
