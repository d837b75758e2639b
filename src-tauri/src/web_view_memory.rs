//! Frees the memory that WebKit keeps after the window has closed.
//!
//! On Linux, its network process outlives the last web view. WebKit starts another with the next one, as after a crash.

use tauri::AppHandle;

/// Does so if no window is open. On the main thread, where none can open meanwhile.
#[cfg(target_os = "linux")]
pub(crate) fn free(handle: &AppHandle) {
    use rustix::process::{Pid, Signal, kill_process};
    use tauri::Manager as _;

    // As in /proc, which cuts it.
    const NETWORK_PROCESS: &str = "WebKitNetworkPr";

    if !handle.webview_windows().is_empty() {
        return;
    }
    let own = std::process::id();
    for folder in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = folder.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let status = std::fs::read_to_string(folder.path().join("status")).unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if field("Name:") == Some(NETWORK_PROCESS)
            && field("PPid:").and_then(|parent| parent.parse().ok()) == Some(own)
            && let Some(pid) = Pid::from_raw(pid)
            && let Err(error) = kill_process(pid, Signal::TERM)
        {
            tracing::debug!(%error, "WebKit's network process stays");
        }
    }
}

/// Nothing stays on macOS and Windows.
#[cfg(not(target_os = "linux"))]
pub(crate) fn free(_handle: &AppHandle) {}
