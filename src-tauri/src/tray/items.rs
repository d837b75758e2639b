//! Makes the menu of the tray what it should be, with as few changes as possible.

use desktop::app::{TrayAction, TrayItem, TrayItemKind};
use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::{AppHandle, Result, Wry};

/// An item in the menu.
pub(super) struct Entry {
    /// What it shows.
    item: TrayItem,
    /// `None` if the system may have changed it.
    check_mark: Option<bool>,
    handle: ItemHandle,
}

enum ItemHandle {
    Plain(MenuItem<Wry>),
    Check(CheckMenuItem<Wry>),
    Separator(PredefinedMenuItem<Wry>),
    Submenu(Submenu<Wry>, Vec<Entry>),
}

/// A menu whose items can be changed.
pub(super) trait Parent {
    fn insert_at(&self, item: &dyn IsMenuItem<Wry>, index: usize) -> Result<()>;
    fn remove_item(&self, item: &dyn IsMenuItem<Wry>) -> Result<()>;
}

impl Parent for Menu<Wry> {
    fn insert_at(&self, item: &dyn IsMenuItem<Wry>, index: usize) -> Result<()> {
        self.insert(item, index)
    }

    fn remove_item(&self, item: &dyn IsMenuItem<Wry>) -> Result<()> {
        self.remove(item)
    }
}

impl Parent for Submenu<Wry> {
    fn insert_at(&self, item: &dyn IsMenuItem<Wry>, index: usize) -> Result<()> {
        self.insert(item, index)
    }

    fn remove_item(&self, item: &dyn IsMenuItem<Wry>) -> Result<()> {
        self.remove(item)
    }
}

/// What a click on the item with this id does.
pub(super) fn action(items: &[TrayItem], id: &str) -> Option<TrayAction> {
    items.iter().find_map(|item| match &item.kind {
        TrayItemKind::Submenu(items) => action(items, id),
        _ => Some(item.action.clone()).filter(|action| id_of(action) == id),
    })
}

/// Items keep their places; only what is new is inserted, and what is gone removed.
pub(super) fn update(
    handle: &AppHandle,
    parent: &impl Parent,
    entries: &mut Vec<Entry>,
    wanted: &[TrayItem],
) -> Result<()> {
    for (index, item) in wanted.iter().enumerate() {
        match entries.iter().skip(index).position(|entry| entry.is_for(item)) {
            Some(gone) => {
                for entry in entries.drain(index..index + gone) {
                    parent.remove_item(entry.handle.as_item())?;
                }
                if let Some(entry) = entries.get_mut(index) {
                    entry.show(handle, item)?;
                }
            }
            None => {
                let entry = Entry::new(handle, item)?;
                parent.insert_at(entry.handle.as_item(), index)?;
                entries.insert(index, entry);
            }
        }
    }
    for entry in entries.drain(wanted.len()..) {
        parent.remove_item(entry.handle.as_item())?;
    }
    Ok(())
}

impl Entry {
    fn new(handle: &AppHandle, item: &TrayItem) -> Result<Self> {
        let (id, label, enabled) = (id_of(&item.action), escape(&item.label), item.enabled);
        let made = match &item.kind {
            TrayItemKind::Plain => {
                ItemHandle::Plain(MenuItem::with_id(handle, id, label, enabled, None::<&str>)?)
            }
            TrayItemKind::Check(on) => {
                ItemHandle::Check(CheckMenuItem::with_id(handle, id, label, enabled, *on, None::<&str>)?)
            }
            TrayItemKind::Separator => ItemHandle::Separator(PredefinedMenuItem::separator(handle)?),
            TrayItemKind::Submenu(items) => {
                let (submenu, mut entries) = (Submenu::with_id(handle, id, label, enabled)?, Vec::new());
                update(handle, &submenu, &mut entries, items)?;
                ItemHandle::Submenu(submenu, entries)
            }
        };
        Ok(Self { item: item.clone(), check_mark: check_mark(item), handle: made })
    }

    /// Whether it can show the item without being replaced.
    fn is_for(&self, item: &TrayItem) -> bool {
        self.item.action == item.action
            && std::mem::discriminant(&self.item.kind) == std::mem::discriminant(&item.kind)
    }

    fn show(&mut self, handle: &AppHandle, item: &TrayItem) -> Result<()> {
        let label = Some(escape(&item.label)).filter(|_| item.label != self.item.label);
        let enabled = Some(item.enabled).filter(|enabled| *enabled != self.item.enabled);
        match &mut self.handle {
            ItemHandle::Plain(plain) => {
                label.map(|label| plain.set_text(label)).transpose()?;
                enabled.map(|enabled| plain.set_enabled(enabled)).transpose()?;
            }
            ItemHandle::Check(check) => {
                label.map(|label| check.set_text(label)).transpose()?;
                enabled.map(|enabled| check.set_enabled(enabled)).transpose()?;
                let mark = check_mark(item).filter(|on| self.check_mark != Some(*on));
                mark.map(|on| check.set_checked(on)).transpose()?;
                self.check_mark = check_mark(item);
            }
            ItemHandle::Separator(_) => {}
            ItemHandle::Submenu(submenu, entries) => {
                label.map(|label| submenu.set_text(label)).transpose()?;
                enabled.map(|enabled| submenu.set_enabled(enabled)).transpose()?;
                if let TrayItemKind::Submenu(items) = &item.kind {
                    update(handle, submenu, entries, items)?;
                }
            }
        }
        self.item = item.clone();
        Ok(())
    }

    /// A click has changed the check mark.
    pub(super) fn forget_check_mark(&mut self) {
        self.check_mark = None;
    }
}

impl ItemHandle {
    fn as_item(&self) -> &dyn IsMenuItem<Wry> {
        match self {
            Self::Plain(item) => item,
            Self::Check(item) => item,
            Self::Separator(item) => item,
            Self::Submenu(item, _) => item,
        }
    }
}

fn check_mark(item: &TrayItem) -> Option<bool> {
    match item.kind {
        TrayItemKind::Check(on) => Some(on),
        _ => None,
    }
}

/// Actions differ, so their names do.
fn id_of(action: &TrayAction) -> String {
    format!("{action:?}")
}

/// In a label, `&` marks the letter that opens the item.
fn escape(label: &str) -> String {
    label.replace('&', "&&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(action: TrayAction, kind: TrayItemKind) -> TrayItem {
        TrayItem { action, label: String::new(), enabled: true, kind }
    }

    #[test]
    fn a_click_is_found_in_submenus_too() {
        let keys = ["one", "two"].map(|id| item(TrayAction::CopyKey(id.to_owned()), TrayItemKind::Plain));
        let items = [
            item(TrayAction::Nothing("keys"), TrayItemKind::Submenu(keys.into())),
            item(TrayAction::Quit, TrayItemKind::Plain),
        ];
        let two = TrayAction::CopyKey("two".to_owned());
        assert_eq!(action(&items, &id_of(&two)), Some(two));
        assert_eq!(action(&items, &id_of(&TrayAction::Quit)), Some(TrayAction::Quit));
        assert_eq!(action(&items, &id_of(&TrayAction::Open)), None);
    }

    #[test]
    fn a_name_with_an_ampersand_keeps_it() {
        assert_eq!(escape("R&D"), "R&&D");
    }
}
