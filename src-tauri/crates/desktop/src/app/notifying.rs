//! When to notify: codex was lost, or the window was closed for the first time.

use std::sync::atomic::Ordering;

use super::notices::Notice;
use super::{App, Change, CodexState, CodexView};

/// What was last known for certain about codex. A start, or a check, tells nothing yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LastCodex {
    #[default]
    Unknown,
    Usable,
    Lost,
}

impl LastCodex {
    /// Takes the new state; the notice is due if codex was usable before.
    fn update(&mut self, codex: &CodexView) -> Option<Notice> {
        let notice = match codex.state {
            CodexState::Ready => None,
            // What the last check found may be lost meanwhile.
            CodexState::NotStarted if codex.path.is_some() && *self != Self::Lost => None,
            CodexState::NotStarted | CodexState::Starting => return None,
            CodexState::NotSignedIn => Some(Notice::SignedOut),
            CodexState::NotFound | CodexState::Unsupported | CodexState::Failed => {
                Some(Notice::CodexFailed { message: codex.message.clone().unwrap_or_default() })
            }
        };
        let state = if notice.is_some() { Self::Lost } else { Self::Usable };
        let before = std::mem::replace(self, state);
        notice.filter(|_| before == Self::Usable)
    }
}

impl App {
    /// Notifies if codex has just become unusable.
    pub(super) fn notice_codex(&self, codex: &CodexView) {
        let Some(notice) = self.0.last_codex.lock().update(codex) else { return };
        let settings = self.0.settings.current();
        let wanted = match notice {
            Notice::SignedOut => settings.notify_sign_in,
            _ => settings.notify_codex,
        };
        if wanted {
            self.notify(Change::Notice(notice));
        }
    }

    /// Forgets what was known about codex, after a change that the user made here.
    pub(super) fn forget_codex(&self) {
        *self.0.last_codex.lock() = LastCodex::default();
    }

    /// Notifies, once for all time, that the app stays in the tray when its window is closed.
    pub async fn window_closed(&self) {
        let settings = self.0.settings.current();
        if !self.0.has_tray.load(Ordering::Relaxed) || !settings.notify_closed || settings.told_about_tray {
            return;
        }
        self.notify(Change::Notice(Notice::StaysInTray));
        if let Err(error) = self.change_settings(|settings| settings.told_about_tray = true).await {
            tracing::warn!(message = error.message, "failed to save that the user knows about the tray");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_codex_is_notified_once_and_only_if_it_was_usable_before() {
        let view = |state, path: Option<&str>, message: &str| CodexView {
            state,
            path: path.map(str::to_owned),
            message: Some(message.to_owned()),
            ..CodexView::default()
        };
        let failed = || view(CodexState::Failed, None, "It crashed.");
        let mut last = LastCodex::default();
        assert_eq!(last.update(&view(CodexState::NotFound, None, "")), None, "it was never there");
        assert_eq!(last.update(&view(CodexState::Ready, None, "")), None);
        assert_eq!(last.update(&view(CodexState::NotSignedIn, None, "")), Some(Notice::SignedOut));
        assert_eq!(last.update(&view(CodexState::NotSignedIn, None, "")), None);
        assert_eq!(last.update(&view(CodexState::NotStarted, Some("/bin/codex"), "")), None);
        assert_eq!(last.update(&failed()), None, "that check was old");
        assert_eq!(last.update(&view(CodexState::Ready, None, "")), None);
        let lost = Notice::CodexFailed { message: "It crashed.".to_owned() };
        assert_eq!(last.update(&failed()), Some(lost));
        // Each request tries to start it again.
        assert_eq!(last.update(&view(CodexState::Starting, Some("/bin/codex"), "")), None);
        assert_eq!(last.update(&failed()), None);
    }
}
