//! The input of the recipes, and what they share.

use std::net::Ipv4Addr;

use super::docker::Docker;
use super::types::{Recipe, RecipePiece};
use crate::shell::{self, Platform};
use crate::view::Listen;

/// Shown with every recipe that may be used for these apps.
pub const CANNOT_REACH_LOCALHOST: &str = "Cursor and other apps whose servers make the calls can't connect: their \
    servers can't reach this computer.";

/// Stands in for a key that cannot be filled in.
pub(super) const PLACEHOLDER: &str = "YOUR_KEY";

/// For apps that require a key while keys are off.
pub(super) const ANY_KEY: &str = "no-key-needed";

/// The input of the recipes.
#[derive(Clone, Debug)]
pub struct RecipeInput {
    /// The host that apps connect to: this computer's address in its network, or 127.0.0.1.
    pub host: Ipv4Addr,
    /// The proxy's port.
    pub port: u16,
    /// Who can connect now, which may be fewer than the setting says.
    pub listen: Listen,
    /// Docker on this computer.
    pub docker: Docker,
    /// The key to fill in.
    pub key: ShownKey,
    /// The system to write recipes for.
    pub platform: Platform,
    /// The model in the examples.
    pub model: String,
    /// All models; empty until they are known.
    pub models: Vec<String>,
}

/// The key, as the window may show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownKey {
    /// Masked except for its last characters.
    Masked(String),
    /// A key is required, but none exists.
    Missing,
    /// Keys are off.
    NotNeeded,
}

impl ShownKey {
    /// Masks a key except for its last characters.
    #[must_use]
    pub fn masked(last_four: &str) -> Self {
        Self::Masked(format!("sk-…{last_four}"))
    }
}

impl Platform {
    /// The shells to write commands for, most common first.
    pub(super) fn shells(self) -> &'static [Shell] {
        match self {
            Self::Linux | Self::MacOs => &[Shell::Posix],
            Self::Windows => &[Shell::PowerShell, Shell::Cmd, Shell::GitBash],
        }
    }
}

/// A shell to write commands for.
#[expect(clippy::enum_variant_names, reason = "the product is called PowerShell")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shell {
    Posix,
    /// Of any version.
    PowerShell,
    /// The command prompt, cmd.exe.
    Cmd,
    GitBash,
}

impl Shell {
    /// Tells shells apart in a label, if there are several.
    pub(super) fn label_suffix(self) -> &'static str {
        match self {
            Self::Posix => "",
            Self::PowerShell => " (PowerShell)",
            Self::Cmd => " (Command Prompt)",
            Self::GitBash => " (Git Bash)",
        }
    }

    /// A command with one option per line, every word quoted.
    pub(super) fn lines(self, words: &[&str], options: &[Vec<String>]) -> String {
        let (quote, line_end): (fn(&str) -> String, _) = match self {
            Self::PowerShell => (shell::powershell, " `\n  "),
            Self::Cmd => (shell::cmd, " ^\n  "),
            Self::Posix | Self::GitBash => (shell::posix, " \\\n  "),
        };
        let joined = |words: Vec<String>| words.join(" ");
        let first = joined(words.iter().map(|word| quote(word)).collect());
        let rest = options.iter().map(|option| joined(option.iter().map(|word| quote(word)).collect()));
        std::iter::once(first).chain(rest).collect::<Vec<_>>().join(line_end)
    }
}

/// The input, and the text to use as the key. No `Debug`, because it may be a real key.
pub(super) struct Filled<'a> {
    pub(super) input: &'a RecipeInput,
    pub(super) key: String,
}

impl Filled<'_> {
    /// The base URL, plus `path`. Uses 127.0.0.1 because `localhost` resolves to `::1` first on some systems.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}:{}/v1{path}", self.input.host, self.input.port)
    }

    pub(super) fn key_is_needed(&self) -> bool {
        self.input.key != ShownKey::NotNeeded
    }

    /// A recipe with a warning only if the key is missing.
    pub(super) fn recipe(
        &self,
        id: &str,
        title: &str,
        intro: impl Into<String>,
        pieces: Vec<RecipePiece>,
    ) -> Recipe {
        Recipe {
            id: id.to_owned(),
            title: title.to_owned(),
            intro: intro.into(),
            pieces,
            warning: self.no_key_warning(),
            can_open_docker: false,
            suggested: false,
        }
    }

    pub(super) fn no_key_warning(&self) -> Option<String> {
        let missing = self.input.key == ShownKey::Missing;
        missing.then(|| format!("No keys yet. Create one under Keys and use it instead of {PLACEHOLDER}."))
    }
}

/// A single-line value.
pub(super) fn line(label: &str, text: String) -> RecipePiece {
    RecipePiece { label: label.to_owned(), text, code: false }
}

/// A text with line breaks.
pub(super) fn code(label: &str, text: String) -> RecipePiece {
    RecipePiece { label: label.to_owned(), text, code: true }
}
