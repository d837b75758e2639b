//! The package managers that xtask drives: which one this machine has, and how it is told to install something.
//!
//! macOS and Windows are absent on purpose: there the person chooses between several, so `system` only gives advice.

use std::fs;
use std::io::{self, IsTerminal};
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;

/// A package manager, named by its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackageSystem {
    /// Debian, Ubuntu and what is made from them.
    Apt,
    /// Fedora and what is made from it.
    Dnf,
    /// Arch and what is made from it.
    Pacman,
}

impl PackageSystem {
    /// The one of this machine, if we know it.
    pub(crate) fn here() -> Option<Self> {
        // The second place is for systems whose /etc is made by their owner.
        let text =
            fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release"));
        Self::of(&text.ok()?)
    }

    /// Reads an os-release file: the system's own name counts first, then those it says it is like, in its order.
    fn of(os_release: &str) -> Option<Self> {
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
        let through = Sudo::here()?;
        for step in self.steps() {
            let step: Vec<&str> = step.split(' ').collect();
            let mut command = through.command(&step);
            if !step.contains(&"update") {
                command.args(packages);
            }
            child::run_aside(&mut command, child::INSTALL_LIMIT).with_context(|| match self {
                // Refreshing its lists alone would leave a half-upgraded system, so that is the owner's decision.
                Self::Pacman => {
                    "if pacman's lists are old, bring the system up to date with pacman -Syu first"
                }
                Self::Apt | Self::Dnf => "the package manager gave up",
            })?;
        }
        Ok(())
    }

    fn steps(self) -> &'static [&'static str] {
        match self {
            // `env` and not our environment: sudo passes none on.
            Self::Apt => &[
                "env DEBIAN_FRONTEND=noninteractive apt-get update",
                "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends",
            ],
            Self::Dnf => &["dnf install -y"],
            Self::Pacman => &["pacman -S --needed --noconfirm"],
        }
    }
}

/// How a command gets root's rights.
enum Sudo {
    NotNeeded,
    MayAsk,
    MustNotAsk,
}

impl Sudo {
    fn here() -> Result<Self> {
        if child::answer(Command::new("id").arg("-u"), child::PROBE_LIMIT)? == "0" {
            return Ok(Self::NotNeeded);
        }
        // Where nobody can type a password, a prompt for one would wait for ever.
        let attended = !child::unattended() && io::stdin().is_terminal();
        Ok(if attended { Self::MayAsk } else { Self::MustNotAsk })
    }

    fn command(&self, words: &[&str]) -> Command {
        let prefix: &[&str] = match self {
            Self::NotNeeded => &[],
            Self::MayAsk => &["sudo"],
            Self::MustNotAsk => &["sudo", "-n"],
        };
        let mut words = prefix.iter().chain(words);
        let mut command = Command::new(words.next().copied().unwrap_or("true"));
        command.args(words);
        command
    }
}

/// The value of a `NAME=value` line, without the quotes that may stand around it.
fn value<'a>(os_release: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = os_release.lines().filter_map(|line| line.trim().split_once('='));
    let (_, value) = lines.find(|(key, _)| *key == name)?;
    Some(value.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_known_by_their_name_or_by_what_they_are_like() {
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
            let found = PackageSystem::of(text).map(|system| format!("{system:?}"));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn sudo_stands_before_the_command_and_asks_only_where_it_may() {
        let words = |sudo: Sudo| {
            let command = sudo.command(&["dnf", "install"]);
            let rest = command.get_args().map(|word| word.to_string_lossy().into_owned());
            [vec![command.get_program().to_string_lossy().into_owned()], rest.collect()].concat().join(" ")
        };
        assert_eq!(words(Sudo::NotNeeded), "dnf install");
        assert_eq!(words(Sudo::MayAsk), "sudo dnf install");
        assert_eq!(words(Sudo::MustNotAsk), "sudo -n dnf install");
    }
}
