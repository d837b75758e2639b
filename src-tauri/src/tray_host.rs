//! Detects whether the desktop shows tray icons. GNOME needs an extension; macOS and Windows always do.

/// Timeout of the session bus.
#[cfg(target_os = "linux")]
const BUS_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// Whether the session bus has a host for status notifier items.
#[cfg(target_os = "linux")]
pub(crate) async fn is_available() -> bool {
    match tokio::time::timeout(BUS_TIMEOUT, query()).await {
        Ok(Ok(available)) => available,
        Ok(Err(error)) => {
            tracing::info!(%error, "no tray available");
            false
        }
        Err(_) => false,
    }
}

#[cfg(target_os = "linux")]
async fn query() -> zbus::Result<bool> {
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

/// Always true.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn is_available() -> bool {
    true
}
