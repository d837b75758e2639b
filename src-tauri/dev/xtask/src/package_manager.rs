//! Detects this machine's package manager and installs packages with it.
//!
//! macOS and Windows are absent on purpose: users choose between several there, so `system` only prints advice.

use std::fs;
use std::io::{self, IsTerminal};
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackageManager {
    /// Debian, Ubuntu and derivatives.
    Apt,
    /// Fedora and derivatives.
    Dnf,
    /// Arch and derivatives.
    Pacman,
}

impl PackageManager {
    pub(crate) fn detect() -> Option<Self> {
        // The fallback is for systems without a distribution's /etc.
        let text =
            fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release"));
        Self::from_os_release(&text.ok()?)
    }

    /// Reads an os-release file: `ID` first, then the names in `ID_LIKE`, in their order.
    fn from_os_release(os_release: &str) -> Option<Self> {
        let likes = value(os_release, "ID_LIKE").unwrap_or_default();
        let own = value(os_release, "ID").unwrap_or_default();
        std::iter::once(own).chain(likes.split_whitespace()).find_map(|id| match id {
            "debian" | "ubuntu" => Some(Self::Apt),
            "fedora" => Some(Self::Dnf),
            "arch" => Some(Self::Pacman),
            _ => None,
        })
    }

    /// Installs these packages, as root or through sudo.
    pub(crate) fn install(self, packages: &[&str]) -> Result<()> {
        let sudo = Sudo::detect()?;
        for words in self.commands() {
            let words: Vec<&str> = words.split(' ').collect();
            let mut command = sudo.command(&words);
            if !words.contains(&"update") {
                command.args(packages);
            }
            child::run_with_stdout_on_stderr(&mut command, child::INSTALL_TIMEOUT).with_context(
                || match self {
                    // Refreshing the lists alone would leave a half-upgraded system, so that is left to the user.
                    Self::Pacman => "if pacman's lists are outdated, run pacman -Syu first",
                    Self::Apt | Self::Dnf => "the package manager failed",
                },
            )?;
        }
        Ok(())
    }

    fn commands(self) -> &'static [&'static str] {
        match self {
            // Through `env`, since sudo does not pass on our environment.
            Self::Apt => &[
                "env DEBIAN_FRONTEND=noninteractive apt-get update",
                "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends",
            ],
            Self::Dnf => &["dnf install -y"],
            Self::Pacman => &["pacman -S --needed --noconfirm"],
        }
    }
}

/// How a command gets root privileges.
enum Sudo {
    NotNeeded,
    Interactive,
    NonInteractive,
}

impl Sudo {
    fn detect() -> Result<Self> {
        if child::output(Command::new("id").arg("-u"), child::PROBE_TIMEOUT)? == "0" {
            return Ok(Self::NotNeeded);
        }
        // Without a terminal, a password prompt would wait forever.
        let can_ask = !child::is_ci() && io::stdin().is_terminal();
        Ok(if can_ask { Self::Interactive } else { Self::NonInteractive })
    }

    fn command(&self, words: &[&str]) -> Command {
        let prefix: &[&str] = match self {
            Self::NotNeeded => &[],
            Self::Interactive => &["sudo"],
            Self::NonInteractive => &["sudo", "-n"],
        };
        let mut words = prefix.iter().chain(words);
        let mut command = Command::new(words.next().copied().unwrap_or("true"));
        command.args(words);
        command
    }
}

/// The value of a `NAME=value` line, unquoted.
fn value<'a>(os_release: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = os_release.lines().filter_map(|line| line.trim().split_once('='));
    let (_, value) = lines.find(|(key, _)| *key == name)?;
    Some(value.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_detected_by_id_or_id_like() {
        let cases = [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nID=debian\n",
                Some("Apt"),
            ),
            ("NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n", Some("Apt")),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Some("Apt")),
            ("NAME='Fedora Linux'\nID=fedora\nVERSION_ID=43\n", Some("Dnf")),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Some("Dnf")),
            ("ID=arch\n", Some("Pacman")),
            ("ID=endeavouros\nID_LIKE='arch'\n", Some("Pacman")),
            ("ID=alpine\nVERSION_ID=3.20\n", None),
            ("# nothing but a comment\n\nVERSION_ID=debian\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = PackageManager::from_os_release(text).map(|system| format!("{system:?}"));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn sudo_prompts_only_where_someone_can_answer() {
        let words = |sudo: Sudo| {
            let command = sudo.command(&["dnf", "install"]);
            let rest = command.get_args().map(|word| word.to_string_lossy().into_owned());
            [vec![command.get_program().to_string_lossy().into_owned()], rest.collect()].concat().join(" ")
        };
        assert_eq!(words(Sudo::NotNeeded), "dnf install");
        assert_eq!(words(Sudo::Interactive), "sudo dnf install");
        assert_eq!(words(Sudo::NonInteractive), "sudo -n dnf install");
    }
}
