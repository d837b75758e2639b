//! Draws the tray icons from their SVG sources: `cargo test -p xtask icons` writes `icons/tray`.
//!
//! The sources are drawn on grids of 16 and 22 pixels, and each is also drawn at twice its size. macOS colours a template itself,
//! from its alpha alone; there the glyph has no outline, and a margin of one pixel.

use std::fs;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::workspace;

const STATES: [&str; 6] = ["running", "working", "off", "asking", "attention", "blocked"];

/// Draws `svg` in a square of this many pixels, with a margin on each side.
fn draw(svg: &str, pixels: u32, margin: u32) -> Vec<u8> {
    let tree = Tree::from_str(svg, &Options::default()).unwrap();
    let scale = (pixels - 2 * margin) as f32 / tree.size().width();
    let mut pixmap = Pixmap::new(pixels, pixels).unwrap();
    let margin = margin as f32;
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale).post_translate(margin, margin),
        &mut pixmap.as_mut(),
    );
    pixmap.encode_png().unwrap()
}

#[test]
fn the_tray_icons_are_drawn_from_their_sources() {
    let icons = workspace::root().unwrap().join("icons");
    let mut outdated = Vec::new();
    for state in STATES {
        let source =
            |grid: u32| fs::read_to_string(icons.join(format!("source/tray-{state}-{grid}.svg"))).unwrap();
        let template =
            source(16).replace("#ffffff", "#000000").replace("stroke=\"#1b1c20\"", "stroke=\"none\"");
        let mut drawn = vec![(format!("{state}-template.png"), draw(&template, 36, 2))];
        for (grid, pixels) in [(16, 16), (16, 32), (22, 22), (22, 44)] {
            drawn.push((format!("{state}-{pixels}.png"), draw(&source(grid), pixels, 0)));
        }
        for (name, png) in drawn {
            let file = icons.join("tray").join(&name);
            if fs::read(&file).unwrap_or_default() != png {
                fs::write(&file, png).unwrap();
                outdated.push(name);
            }
        }
    }
    assert!(outdated.is_empty(), "drawn again: {outdated:?}");
}
