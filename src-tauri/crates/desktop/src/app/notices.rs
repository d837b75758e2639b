//! The system notifications, in words. The shell shows them.

use std::sync::atomic::Ordering;

use proxy::{local_time, unix_now};

use super::{App, Change, CodexState, CodexView};

/// Something that the user should know even if no window is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The account has used much of a limit.
    Limit {
        /// The limit, such as `5-hour limit`.
        name: String,
        /// How much of it is used.
        used_percent: u8,
        /// When it resets, in Unix seconds.
        resets_at: Option<u64>,
    },
    /// Codex has no account any more.
    SignedOut,
    /// Codex is gone, or cannot start any more.
    CodexFailed {
        /// What is wrong, as a sentence.
        message: String,
    },
    /// The window was closed for the first time, and the app stays in the tray.
    StaysInTray,
}

impl Notice {
    /// The first line.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Limit { name, used_percent: 100.., .. } => format!("{name} used up"),
            Self::Limit { name, used_percent, .. } => format!("{name} {used_percent}% used"),
            Self::SignedOut => "Codex is signed out".to_owned(),
            Self::CodexFailed { .. } => "Codex can't be used any more".to_owned(),
            Self::StaysInTray => "Codex Proxy keeps running in the tray".to_owned(),
        }
    }

    /// The sentence below it.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::Limit { resets_at: Some(at), .. } => format!("Resets {}.", local_time(*at, unix_now())),
            Self::Limit { resets_at: None, .. } => "Apps get errors once it is used up.".to_owned(),
            Self::SignedOut => "Apps get errors until you sign in again.".to_owned(),
            Self::CodexFailed { message } => format!("{message} Apps get errors until it works again."),
            Self::StaysInTray => {
                "Apps stay connected while its window is closed. To quit, use the menu of the tray icon."
                    .to_owned()
            }
        }
    }
}

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
    fn a_notification_about_a_limit_names_it_and_says_how_much_is_used() {
        let limit =
            |used_percent| Notice::Limit { name: "Weekly limit".to_owned(), used_percent, resets_at: None };
        assert_eq!(limit(80).title(), "Weekly limit 80% used");
        assert_eq!(limit(100).title(), "Weekly limit used up");
        let at = unix_now() + 30 * 24 * 60 * 60;
        let resets = Notice::Limit { name: String::new(), used_percent: 80, resets_at: Some(at) };
        assert_eq!(resets.body(), format!("Resets {}.", local_time(at, unix_now())));
    }

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
