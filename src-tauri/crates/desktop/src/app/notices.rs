//! The system notifications, in words. The shell shows them.

use proxy::{local_time, unix_now};

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
    /// Codex asks something.
    Asks {
        /// The app whose request it is.
        app: String,
        /// The name of its key.
        key: String,
        /// Whether it asks to know something, rather than to do something.
        is_question: bool,
    },
    /// Codex has no account any more.
    SignedOut,
    /// Codex is gone, or cannot start any more.
    CodexFailed {
        /// What is wrong, as a sentence.
        message: String,
    },
    /// An answer has changed files in the working folder.
    FilesChanged {
        /// The request's id in the log.
        request: String,
        /// The app that asked, if it is not this one.
        app: Option<String>,
        /// The number of files.
        files: u32,
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
            Self::Asks { is_question: false, .. } => "Codex asks for approval".to_owned(),
            Self::Asks { is_question: true, .. } => "Codex has a question".to_owned(),
            Self::SignedOut => "Codex is signed out".to_owned(),
            Self::CodexFailed { .. } => "Codex can't be used any more".to_owned(),
            Self::FilesChanged { app, files, .. } => {
                let whose =
                    app.as_ref().map_or_else(|| "An answer".to_owned(), |app| format!("{app}'s answer"));
                format!("{whose} changed {files} {}", if *files == 1 { "file" } else { "files" })
            }
            Self::StaysInTray => "Codex Proxy keeps running in the tray".to_owned(),
        }
    }

    /// The sentence below it.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::Limit { resets_at: Some(at), .. } => format!("Resets {}.", local_time(*at, unix_now())),
            Self::Limit { resets_at: None, .. } => "Apps get errors once it is used up.".to_owned(),
            // Not what it asks: others may see the screen.
            Self::Asks { app, key, .. } => format!("Requested by {app}, key {key}."),
            Self::SignedOut => "Apps get errors until you sign in again.".to_owned(),
            Self::CodexFailed { message } => format!("{message} Apps get errors until it works again."),
            Self::FilesChanged { .. } => "Show what changed, and undo it if you like.".to_owned(),
            Self::StaysInTray => {
                "Apps stay connected while its window is closed. To quit, use the menu of the tray icon."
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_about_changed_files_names_the_app_and_their_number() {
        let notice = |app: Option<&str>, files| {
            Notice::FilesChanged { request: String::new(), app: app.map(str::to_owned), files }.title()
        };
        assert_eq!(notice(Some("Open WebUI"), 3), "Open WebUI's answer changed 3 files");
        assert_eq!(notice(None, 1), "An answer changed 1 file");
    }

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
    fn a_notification_of_a_question_names_the_app_and_its_key() {
        let asks = |is_question| Notice::Asks {
            app: "Open WebUI".to_owned(),
            key: "Default".to_owned(),
            is_question,
        };
        assert_eq!(asks(false).title(), "Codex asks for approval");
        assert_eq!(asks(true).title(), "Codex has a question");
        assert_eq!(asks(false).body(), "Requested by Open WebUI, key Default.");
    }
}
