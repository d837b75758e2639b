//! What the app's package tells macOS.

use serde_json::Value;

fn configuration() -> Value {
    serde_json::from_str(include_str!("../../tauri.conf.json")).unwrap()
}

#[test]
fn the_app_starts_without_a_dock_icon_and_says_why_it_needs_folders_and_the_network() {
    let info: plist::Dictionary = plist::from_bytes(include_bytes!("../../Info.plist")).unwrap();
    assert_eq!(info["LSUIElement"].as_boolean(), Some(true));
    for reason in [
        "LocalNetwork",
        "DesktopFolder",
        "DocumentsFolder",
        "DownloadsFolder",
        "RemovableVolumes",
        "NetworkVolumes",
    ] {
        let reason = info[&format!("NS{reason}UsageDescription")].as_string().unwrap();
        assert!(reason.starts_with("Codex ") && reason.ends_with('.'), "{reason}");
    }
}

#[test]
fn the_app_asks_for_the_version_of_macos_whose_web_view_its_window_is_built_for() {
    // The web view comes with the system: Safari 17.5 with macOS 14.5.
    let window = include_str!("../../ui/vite.config.ts");
    assert_eq!(window.matches("'safari17.5'").count(), 2);
    assert_eq!(configuration()["bundle"]["macOS"]["minimumSystemVersion"], "14.5");
}

#[test]
fn without_a_certificate_the_app_is_signed_ad_hoc_so_that_apple_silicon_runs_it() {
    assert_eq!(configuration()["bundle"]["macOS"]["signingIdentity"], "-");
}
