//! Whether anything here shows tray icons. GNOME does not without an extension; macOS and Windows always do.

/// How long the session bus may take to say so.
#[cfg(target_os = "linux")]
const LIMIT: std::time::Duration = std::time::Duration::from_secs(2);

/// Asks the session bus for a watcher of status notifier items that has a host.
#[cfg(target_os = "linux")]
pub(crate) async fn is_there() -> bool {
    match tokio::time::timeout(LIMIT, ask()).await {
        Ok(Ok(there)) => there,
        Ok(Err(error)) => {
            tracing::info!(%error, "there is no tray here");
            false
        }
        Err(_) => false,
    }
}

#[cfg(target_os = "linux")]
async fn ask() -> zbus::Result<bool> {
    let bus = zbus::Connection::session().await?;
    let watcher = zbus::Proxy::new(
        &bus,
        "org.kde.StatusNotifierWatcher",
        "/StatusNotifierWatcher",
        "org.kde.StatusNotifierWatcher",
    )
    .await?;
    watcher.get_property("IsStatusNotifierHostRegistered").await
}

/// Always.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn is_there() -> bool {
    true
}
