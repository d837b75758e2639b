//! Opens folders and addresses in the system's programs for them.

use std::ffi::OsStr;

use codex_client::Environment;

/// Opens a folder or an address in the system's program for it, on Linux with an environment in which nothing of an AppImage is
/// left.
#[cfg(target_os = "linux")]
pub(crate) fn open(target: impl AsRef<OsStr>, environment: &Environment) -> std::io::Result<()> {
    let mut outcome = Err(std::io::ErrorKind::NotFound.into());
    for mut command in open::commands(target) {
        command.env_clear().envs(environment.iter());
        let null = std::process::Stdio::null;
        command.stdin(null()).stdout(null()).stderr(null());
        // Tokio reaps it when it ends.
        outcome = tokio::process::Command::from(command).spawn().map(drop);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn open(target: impl AsRef<OsStr>, _environment: &Environment) -> std::io::Result<()> {
    open::that_detached(target)
}
