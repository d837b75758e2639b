//! What the app asks of macOS beyond what Tauri does by itself. docs/macos.md has the reasons and sources.

use std::sync::atomic::{AtomicIsize, Ordering};

use objc2_app_kit::NSPasteboard;
use objc2_foundation::{NSActivityOptions, NSProcessInfo, NSString};
use tauri::{ActivationPolicy, AppHandle};

/// The pasteboard's count of changes after our last secret.
static SECRET_WRITTEN: AtomicIsize = AtomicIsize::new(-1);

/// Keeps the app out of the Dock until its window opens, and awake.
pub(crate) fn start(app: &mut tauri::App) {
    app.set_activation_policy(ActivationPolicy::Accessory);
    // App Nap would delay answers while no window is open. The Mac may still sleep.
    let reason = NSString::from_str("Answers requests of other programs");
    let options = NSActivityOptions::UserInitiatedAllowingIdleSystemSleep;
    // It ends with the process.
    std::mem::forget(NSProcessInfo::processInfo().beginActivityWithOptions_reason(options, &reason));
}

/// While the window is open, the app has a Dock icon, a place in the app switcher and the menu bar.
pub(crate) fn window_is_open(handle: &AppHandle, open: bool) {
    let policy = if open { ActivationPolicy::Regular } else { ActivationPolicy::Accessory };
    if let Err(error) = handle.set_activation_policy(policy) {
        tracing::debug!(%error, "failed to change the Dock icon");
    }
}

/// Remembers that a secret of ours was written to the pasteboard just now.
pub(crate) fn secret_was_copied() {
    SECRET_WRITTEN.store(NSPasteboard::generalPasteboard().changeCount(), Ordering::Release);
}

/// Whether the pasteboard still has it. Reading what another app has copied would make macOS ask the user.
pub(crate) fn has_our_secret() -> bool {
    NSPasteboard::generalPasteboard().changeCount() == SECRET_WRITTEN.load(Ordering::Acquire)
}
