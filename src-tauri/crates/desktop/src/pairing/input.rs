//! The values that the recipes are made of, and what all recipes share.

use super::docker::Docker;
use super::quote;
use super::types::{Recipe, RecipePiece};
use crate::view::Listen;

/// Who cannot be helped with an address of this machine.
pub const CANNOT_REACH_LOCALHOST: &str = "Cursor cannot use this address, nor can other clients whose own servers make \
    the calls: those servers cannot reach this machine.";

/// What stands where the key belongs when there is none to fill in.
pub(super) const PLACEHOLDER: &str = "YOUR_KEY";

/// What a client is given that insists on a key where none is needed.
pub(super) const ANY_KEY: &str = "no-key-needed";

/// What the recipes are made of.
#[derive(Clone, Debug)]
pub struct RecipeInput {
    /// The port that the proxy listens on.
    pub port: u16,
    /// Who can reach it now: what it really listens on, which may be less than the setting says.
    pub listen: Listen,
    /// What there is of Docker.
    pub docker: Docker,
    /// The key that the recipes use.
    pub key: ShownKey,
    /// The system that the recipes are for.
    pub platform: Platform,
    /// The model of the examples.
    pub model: String,
    /// All models, to be listed; empty while they are not known.
    pub models: Vec<String>,
}

/// The key, as the window may show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownKey {
    /// By its last characters.
    Masked(String),
    /// There is none yet, and one is needed.
    Missing,
    /// Keys are switched off.
    NotNeeded,
}

impl ShownKey {
    /// A key of which only the last characters are shown.
    #[must_use]
    pub fn masked(last_four: &str) -> Self {
        Self::Masked(format!("sk-…{last_four}"))
    }
}

/// The system that a recipe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl Platform {
    /// The system that this program was built for.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }

    /// The shells that people paste into, the usual one first.
    pub(super) fn shells(self) -> &'static [Shell] {
        match self {
            Self::Linux | Self::MacOs => &[Shell::Posix],
            Self::Windows => &[Shell::Windows, Shell::GitBash],
        }
    }
}

/// A shell that people paste into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shell {
    Posix,
    /// PowerShell, of any version.
    Windows,
    GitBash,
}

impl Shell {
    /// What is added to a label, where there is more than one shell.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Posix => "",
            Self::Windows => ", in PowerShell",
            Self::GitBash => ", in Git Bash",
        }
    }

    /// A command with each of its options on a line of its own, every word quoted.
    pub(super) fn lines(self, words: &[&str], options: &[Vec<String>]) -> String {
        let (quote, line_end): (fn(&str) -> String, _) = match self {
            Self::Windows => (quote::powershell, " `\n  "),
            Self::Posix | Self::GitBash => (quote::posix, " \\\n  "),
        };
        let joined = |words: Vec<String>| words.join(" ");
        let first = joined(words.iter().map(|word| quote(word)).collect());
        let rest = options.iter().map(|option| joined(option.iter().map(|word| quote(word)).collect()));
        std::iter::once(first).chain(rest).collect::<Vec<_>>().join(line_end)
    }
}

/// The input, and what stands where the key belongs. It has no `Debug`: the key may be a real one.
pub(super) struct Filled<'a> {
    pub(super) input: &'a RecipeInput,
    pub(super) key: String,
}

impl Filled<'_> {
    /// The base URL for this machine, and `path` below it.
    ///
    /// By its number, since `localhost` is `::1` first on some systems, where nothing listens.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/v1{path}", self.input.port)
    }

    pub(super) fn key_is_needed(&self) -> bool {
        self.input.key != ShownKey::NotNeeded
    }

    /// A recipe that works as soon as there is a key.
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
        }
    }

    pub(super) fn no_key_warning(&self) -> Option<String> {
        let missing = self.input.key == ShownKey::Missing;
        missing.then(|| {
            format!("There is no key yet. Make one under Keys and put it in the place of {PLACEHOLDER}.")
        })
    }
}

/// A value of one line.
pub(super) fn line(label: &str, text: String) -> RecipePiece {
    RecipePiece { label: label.to_owned(), text, code: false }
}

/// A text that keeps its line breaks.
pub(super) fn code(label: &str, text: String) -> RecipePiece {
    RecipePiece { label: label.to_owned(), text, code: true }
}
