//! Detects whether the desktop shows tray icons. GNOME needs an extension; macOS and Windows always do.

#[cfg(target_os = "linux")]
pub(crate) use linux::{is_available, watch};

/// Always true.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn is_available() -> bool {
    true
}

/// The tray never comes or goes.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn watch(_on_change: impl FnMut(bool)) {}

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use futures_util::StreamExt as _;
    use zbus::fdo::DBusProxy;
    use zbus::proxy::CacheProperties;
    use zbus::{Connection, Proxy, Result};

    /// Timeout of the session bus.
    const BUS_TIMEOUT: Duration = Duration::from_secs(2);

    /// The watcher's name and interface.
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";

    /// Whether the session bus has a host for status notifier items.
    pub(crate) async fn is_available() -> bool {
        let query = async { has_host(&watcher(&Connection::session().await?).await?).await };
        match tokio::time::timeout(BUS_TIMEOUT, query).await {
            Ok(Ok(available)) => available,
            Ok(Err(error)) => {
                tracing::info!(%error, "no tray available");
                false
            }
            Err(_) => false,
        }
    }

    /// Reports whenever a host may have come or gone, which happens long after the login, or when the panel restarts. Returns
    /// without a session bus.
    pub(crate) async fn watch(on_change: impl FnMut(bool)) {
        if let Err(error) = try_watch(on_change).await {
            tracing::info!(%error, "the tray is not watched");
        }
    }

    async fn try_watch(mut on_change: impl FnMut(bool)) -> Result<()> {
        let bus = Connection::session().await?;
        let dbus = DBusProxy::new(&bus).await?;
        let mut owners = dbus.receive_name_owner_changed_with_args(&[(0, WATCHER)]).await?;
        let watcher = watcher(&bus).await?;
        let mut hosts = watcher.receive_all_signals().await?;
        loop {
            let asked = tokio::time::timeout(BUS_TIMEOUT, has_host(&watcher)).await;
            on_change(matches!(asked, Ok(Ok(true))));
            tokio::select! {
                Some(_) = owners.next() => {}
                Some(_) = hosts.next() => {}
                else => return Ok(()),
            }
        }
    }

    async fn watcher(bus: &Connection) -> Result<Proxy<'static>> {
        zbus::proxy::Builder::<Proxy<'_>>::new(bus)
            .destination(WATCHER)?
            .path("/StatusNotifierWatcher")?
            .interface(WATCHER)?
            .cache_properties(CacheProperties::No)
            .build()
            .await
    }

    async fn has_host(watcher: &Proxy<'_>) -> Result<bool> {
        watcher.get_property("IsStatusNotifierHostRegistered").await
    }
}
