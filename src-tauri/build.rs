//! Lets Tauri read its configuration at build time.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let windows = tauri_build::WindowsAttributes::new().app_manifest(include_str!("windows.manifest"));
    tauri_build::try_build(tauri_build::Attributes::new().windows_attributes(windows))?;
    // With mingw, Tauri puts this beside the program; the tests need it beside them.
    let out_dir = std::env::var_os("OUT_DIR").unwrap_or_default();
    let built = Path::new(&out_dir).ancestors().nth(3).unwrap_or(Path::new(""));
    let loader = built.join("WebView2Loader.dll");
    if loader.is_file() {
        std::fs::copy(&loader, built.join("deps").join("WebView2Loader.dll"))?;
    }
    Ok(())
}
