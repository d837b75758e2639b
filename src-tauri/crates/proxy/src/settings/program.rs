//! Where each of the two programs has a setting, for messages that tell people to change it.

use std::sync::OnceLock;

use clap::Arg;

use super::layers::{arguments, flag};

/// The program that a message is for. The daemon has flags, the desktop app has a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `codex-proxyd`.
    Daemon,
    /// The desktop app.
    App,
}

/// The program of this process. Errors are made far from anything that could pass it in.
static CURRENT: OnceLock<Program> = OnceLock::new();

impl Program {
    /// Makes this the program of the process. Without it, messages are for the daemon.
    pub fn set_current(self) {
        // A second app in one process, as in tests, is the same program.
        let _ = CURRENT.set(self);
    }

    /// The program of this process.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.get().copied().unwrap_or(Self::Daemon)
    }

    /// `text` with each `{field}` of [`Settings`](super::Settings) replaced by the place of that setting, and `{new_key}`,
    /// `{sign_in}` and `{install}` by how to create a key, sign in to codex and install it.
    #[must_use]
    pub fn locate(self, text: &str) -> String {
        let [new_key, sign_in, install] = match self {
            Self::Daemon => [
                "`codex-proxyd key new NAME`",
                "Run `codex login` in a terminal",
                "Install it with `npm install -g @openai/codex`",
            ],
            Self::App => [
                "the Keys view of Codex Proxy",
                "Sign in on the Status page of Codex Proxy",
                "Install it on the Status page of Codex Proxy",
            ],
        };
        let located =
            text.replace("{new_key}", new_key).replace("{sign_in}", sign_in).replace("{install}", install);
        if !located.contains('{') {
            return located;
        }
        arguments()
            .get_arguments()
            .fold(located, |text, arg| text.replace(&format!("{{{}}}", arg.get_id()), &self.place(arg)))
    }

    fn place(self, arg: &Arg) -> String {
        match (self, arg.get_help_heading()) {
            (Self::App, Some(section)) => format!("Settings › {section}"),
            (Self::App | Self::Daemon, _) => flag(arg),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_names_the_place_where_it_has_a_setting() {
        let text = "Allow it with {allowed_hosts}, or use {new_key}.";
        let daemon = "Allow it with --allow-host, or use `codex-proxyd key new NAME`.";
        assert_eq!(Program::Daemon.locate(text), daemon);
        let app = "Allow it with Settings › Network, or use the Keys view of Codex Proxy.";
        assert_eq!(Program::App.locate(text), app);
        assert_eq!(Program::App.locate("{\"port\": 1}"), "{\"port\": 1}");
    }
}
