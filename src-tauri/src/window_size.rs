//! The window's size in logical pixels, so that it is the same on every screen.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tauri::PhysicalSize;

/// The file in the data folder.
const FILE: &str = "window.json";

/// The smallest size of the window.
pub(crate) const MIN: Size = Size { width: 720.0, height: 480.0 };

/// A size in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Default for Size {
    fn default() -> Self {
        Self { width: 960.0, height: 640.0 }
    }
}

impl Size {
    /// The size of a window on a screen with this scale.
    pub(crate) fn of(physical: PhysicalSize<u32>, scale: f64) -> Self {
        let size = physical.to_logical(scale);
        Self { width: size.width, height: size.height }
    }

    /// The saved size, or the usual one.
    pub(crate) fn load(data_dir: &Path) -> Self {
        let text = std::fs::read(file(data_dir)).unwrap_or_default();
        let Self { width, height } = serde_json::from_slice(&text).unwrap_or_default();
        Self { width: width.max(MIN.width), height: height.max(MIN.height) }
    }

    pub(crate) fn save(self, data_dir: &Path) {
        let text = serde_json::json!(self).to_string();
        if let Err(error) = std::fs::write(file(data_dir), text) {
            tracing::debug!(%error, "failed to save the window's size");
        }
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_the_same_logical_size_on_every_screen() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Size::load(folder.path()), Size::default());
        // Closed at 1x, and opened at 2x.
        Size::of(PhysicalSize::new(1000, 700), 1.0).save(folder.path());
        let size = Size::load(folder.path());
        assert_eq!(size, Size { width: 1000.0, height: 700.0 });
        Size::of(PhysicalSize::new(2000, 1400), 2.0).save(folder.path());
        assert_eq!(Size::load(folder.path()), size);
    }

    #[test]
    fn a_damaged_or_tiny_size_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(file(folder.path()), "{").unwrap();
        assert_eq!(Size::load(folder.path()), Size::default());
        Size { width: 10.0, height: 2000.0 }.save(folder.path());
        assert_eq!(Size::load(folder.path()), Size { width: 720.0, height: 2000.0 });
    }
}
