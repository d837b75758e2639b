//! The icons, which tell states apart by shape: some panels show no colours. `cargo test -p xtask icons` draws them.

use proxy::health::Level;
use tauri::image::Image;

/// The PNG files of one state.
struct Icons {
    /// By their size in pixels.
    sizes: [(u32, &'static [u8]); 4],
    /// Black on transparent, for macOS, which colours it.
    template: &'static [u8],
}

macro_rules! png {
    ($name:expr) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/tray/", $name, ".png"))
    };
}

macro_rules! icons {
    ($state:literal) => {
        &Icons {
            sizes: [
                (16, png!(concat!($state, "-16"))),
                (22, png!(concat!($state, "-22"))),
                (32, png!(concat!($state, "-32"))),
                (44, png!(concat!($state, "-44"))),
            ],
            template: png!(concat!($state, "-template")),
        }
    };
}

fn icons(level: Level) -> &'static Icons {
    match level {
        Level::Ok => icons!("running"),
        Level::Working => icons!("working"),
        Level::Off => icons!("off"),
        Level::Asking => icons!("asking"),
        Level::Attention => icons!("attention"),
        Level::Blocked => icons!("blocked"),
    }
}

/// The icon of a state, for a screen with this scale.
pub(super) fn image(level: Level, scale: f64) -> tauri::Result<Image<'static>> {
    let icons = icons(level);
    let png = if cfg!(target_os = "macos") { icons.template } else { closest(icons, wanted_size(scale)) };
    Image::from_bytes(png)
}

/// The panels of Linux show icons of 22 pixels, but GNOME, like Windows, 16.
fn wanted_size(scale: f64) -> f64 {
    let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    let small = cfg!(windows) || desktop.split(':').any(|name| name == "GNOME");
    if small { 16.0 * scale } else { 22.0 * scale }
}

fn closest(icons: &Icons, wanted: f64) -> &'static [u8] {
    let distance = |size: u32| (f64::from(size) - wanted).abs();
    let first = icons.sizes[0];
    icons
        .sizes
        .into_iter()
        .fold(first, |best, one| if distance(one.0) < distance(best.0) { one } else { best })
        .1
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: [Level; 6] =
        [Level::Ok, Level::Working, Level::Off, Level::Asking, Level::Attention, Level::Blocked];

    /// The panels of GNOME, of dark themes, and KDE's selection.
    const BACKGROUNDS: [[u8; 3]; 3] = [[0xf6, 0xf5, 0xf4], [0x1e, 0x1e, 0x1e], [0x3d, 0xae, 0xe9]];

    fn luminance(colour: [u8; 3]) -> f64 {
        let [red, green, blue] = colour.map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn opaque(png: &[u8]) -> Vec<Option<[u8; 3]>> {
        let image = Image::from_bytes(png).unwrap();
        let pixels = image.rgba().chunks_exact(4);
        pixels.map(|pixel| (pixel[3] == 255).then_some([pixel[0], pixel[1], pixel[2]])).collect()
    }

    #[test]
    fn every_icon_can_be_seen_on_light_dark_and_blue_panels() {
        for level in LEVELS {
            for (size, png) in icons(level).sizes {
                let colours: Vec<[u8; 3]> = opaque(png).into_iter().flatten().collect();
                for background in BACKGROUNDS {
                    let seen = colours.iter().filter(|colour| contrast(**colour, background) >= 3.0).count();
                    // The glyph or its outline, which is a pixel wide and blends in on slopes.
                    assert!(
                        seen * 10 >= colours.len() && seen >= 16,
                        "{level:?} {size} on {background:x?}: {seen}"
                    );
                }
            }
        }
    }

    #[test]
    fn states_differ_in_shape_not_only_in_colour() {
        for (index, one) in LEVELS.into_iter().enumerate() {
            for other in &LEVELS[index + 1..] {
                let files = |level: Level| {
                    let icons = icons(level);
                    icons.sizes.map(|(_, png)| png).into_iter().chain([icons.template])
                };
                for (one, other) in files(one).zip(files(*other)) {
                    let (one, other) = (opaque(one), opaque(other));
                    let pairs = one.iter().zip(&other);
                    let different = pairs.filter(|(one, other)| one.is_some() != other.is_some()).count();
                    assert!(different >= 8, "{different} pixels");
                }
            }
        }
    }

    #[test]
    fn templates_are_black_and_transparent() {
        for level in LEVELS {
            let image = Image::from_bytes(icons(level).template).unwrap();
            assert!(image.rgba().chunks_exact(4).all(|pixel| pixel[..3] == [0, 0, 0]), "{level:?}");
            assert!(image.rgba().chunks_exact(4).any(|pixel| pixel[3] == 0), "{level:?}");
        }
    }

    #[test]
    fn the_size_follows_the_scale() {
        let icons = icons(Level::Ok);
        for (wanted, size) in [(16.0, 0), (22.0, 1), (24.0, 1), (32.0, 2), (44.0, 3), (66.0, 3)] {
            assert_eq!(closest(icons, wanted), icons.sizes[size].1, "{wanted}");
        }
    }
}
