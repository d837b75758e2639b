//! A tray host on the session bus, which finds the app's item and clicks in its menu.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use zbus::zvariant::{OwnedValue, Value};
use zbus::{Connection, interface};

use crate::session::eventually;

/// The watcher that apps register with.
struct Watcher {
    items: Arc<Mutex<Vec<String>>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    async fn register_status_notifier_item(
        &self,
        service: &str,
        #[zbus(header)] header: zbus::message::Header<'_>,
    ) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // libayatana registers a path, others a name.
        let item = if service.starts_with('/') {
            format!("{sender}{service}")
        } else {
            format!("{service}/StatusNotifierItem")
        };
        self.items.lock().unwrap().push(item);
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items.lock().unwrap().clone()
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

/// The tray host.
pub(crate) struct TrayHost {
    bus: Connection,
    items: Arc<Mutex<Vec<String>>>,
}

/// A menu item.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: i32,
    pub(crate) label: String,
    pub(crate) checked: Option<bool>,
    pub(crate) enabled: bool,
    /// The entries of its submenu.
    pub(crate) inside: Vec<Entry>,
}

type Layout = (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>));

impl TrayHost {
    pub(crate) async fn start(address: &str) -> Self {
        let items = Arc::default();
        let watcher = Watcher { items: Arc::clone(&items) };
        let bus = zbus::connection::Builder::address(address)
            .unwrap()
            .name("org.kde.StatusNotifierWatcher")
            .unwrap()
            .serve_at("/StatusNotifierWatcher", watcher)
            .unwrap()
            .build()
            .await
            .unwrap();
        Self { bus, items }
    }

    /// Waits for the app's item, and returns its bus name and path.
    async fn item(&self) -> (String, String) {
        eventually("the app has a tray icon", || async { !self.items.lock().unwrap().is_empty() }).await;
        let item = self.items.lock().unwrap().last().unwrap().clone();
        let (name, path) = item.split_once('/').unwrap();
        (name.to_owned(), format!("/{path}"))
    }

    async fn menu(&self) -> zbus::Proxy<'static> {
        let (name, path) = self.item().await;
        let item =
            zbus::Proxy::new(&self.bus, name.clone(), path, "org.kde.StatusNotifierItem").await.unwrap();
        let menu: zbus::zvariant::OwnedObjectPath = item.get_property("Menu").await.unwrap();
        zbus::Proxy::new(&self.bus, name, menu, "com.canonical.dbusmenu").await.unwrap()
    }

    async fn layout(&self) -> Layout {
        let names: Vec<&str> = Vec::new();
        self.menu().await.call("GetLayout", &(0, -1, names)).await.unwrap()
    }

    /// The current menu.
    pub(crate) async fn entries(&self) -> Vec<Entry> {
        self.layout().await.1.2.into_iter().filter_map(entry).collect()
    }

    /// Changes when entries come or go, which closes an open menu.
    pub(crate) async fn revision(&self) -> u32 {
        self.layout().await.0
    }

    /// The first lines of the menu.
    pub(crate) async fn lines(&self, count: usize) -> Vec<String> {
        self.entries().await.into_iter().take(count).map(|entry| entry.label).collect()
    }

    /// The entries of the submenu with this label.
    pub(crate) async fn inside(&self, label: &str) -> Vec<Entry> {
        let entries = self.entries().await;
        entries.into_iter().find(|entry| entry.label == label).map_or_else(Vec::new, |entry| entry.inside)
    }

    /// Whether there is an entry with this label.
    pub(crate) async fn has(&self, label: &str) -> bool {
        self.entries().await.iter().any(|entry| entry.label == label)
    }

    /// The content of the icon file.
    pub(crate) async fn icon(&self) -> Vec<u8> {
        let (name, path) = self.item().await;
        let item = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&self.bus)
            .destination(name)
            .unwrap()
            .path(path)
            .unwrap()
            .interface("org.kde.StatusNotifierItem")
            .unwrap()
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap();
        let name: String = item.get_property("IconName").await.unwrap();
        let folder: String = item.get_property("IconThemePath").await.unwrap();
        let file = std::path::Path::new(&folder).join(&name);
        // Some hosts get a path, others a name without extension.
        let file = if file.exists() { file } else { file.with_extension("png") };
        std::fs::read(&file).unwrap_or_default()
    }

    /// Clicks the entry with this label, in a submenu or not, once it can be clicked.
    pub(crate) async fn click(&self, label: &str) {
        let id = Mutex::new(None);
        eventually(label, || async {
            let entries = self.entries().await;
            let all = entries.iter().chain(entries.iter().flat_map(|entry| &entry.inside));
            let found = all.filter(|entry| entry.enabled).find(|entry| entry.label == label);
            *id.lock().unwrap() = found.map(|entry| entry.id);
            found.is_some()
        })
        .await;
        let id: i32 = id.into_inner().unwrap().unwrap();
        let nothing = Value::from(0_i32);
        let clicked: Result<(), _> = self.menu().await.call("Event", &(id, "clicked", nothing, 0_u32)).await;
        clicked.unwrap();
    }

    /// Whether the entry with this label has its check mark.
    pub(crate) async fn is_checked(&self, label: &str) -> bool {
        self.entries().await.iter().any(|entry| entry.label == label && entry.checked == Some(true))
    }
}

fn entry(value: OwnedValue) -> Option<Entry> {
    let (id, properties, inside): (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>) =
        value.try_into().ok()?;
    let label =
        properties.get("label").and_then(|label| label.downcast_ref::<&str>().ok()).unwrap_or_default();
    let checked = properties
        .get("toggle-state")
        .and_then(|state| state.downcast_ref::<i32>().ok())
        .map(|state| state == 1);
    let enabled = properties.get("enabled").and_then(|on| on.downcast_ref::<bool>().ok()).unwrap_or(true);
    let inside = inside.into_iter().filter_map(entry).collect();
    Some(Entry { id, label: label.replace('_', ""), checked, enabled, inside })
}
