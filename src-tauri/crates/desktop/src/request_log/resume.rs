//! A command that continues a kept chat in a terminal.

use std::path::Path;

use super::types::KeptChat;
use crate::shell::{self, Platform};

impl KeptChat {
    /// The command for the system's shell. `codex` is its path, if it is not on the `PATH`.
    #[must_use]
    pub fn resume_command(&self, codex: Option<&Path>, platform: Platform) -> String {
        let Self { thread, folder } = self;
        let codex = codex.map(|path| path.to_string_lossy());
        match platform {
            Platform::Linux | Platform::MacOs => {
                let codex = codex.as_deref().map_or("codex".to_owned(), shell::posix);
                format!("cd {} && {codex} resume {}", shell::posix(folder), shell::posix(thread))
            }
            // PowerShell 5 has no `&&`, and takes brackets in a path for a pattern.
            Platform::Windows => {
                let codex = codex
                    .as_deref()
                    .map_or("codex".to_owned(), |path| format!("& {}", shell::powershell_string(path)));
                let folder = shell::powershell_string(folder);
                format!("Set-Location -LiteralPath {folder}; {codex} resume {}", shell::powershell(thread))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_is_quoted_for_the_shell_of_the_system() {
        let chat = |folder: &str| KeptChat { thread: "01a2-18d9".to_owned(), folder: folder.to_owned() };
        for (platform, folder, codex, command) in [
            (Platform::Linux, "/home/me/web", None, "cd /home/me/web && codex resume 01a2-18d9"),
            (
                Platform::MacOs,
                "/Users/me/it's mine",
                Some("/opt/my codex"),
                r"cd '/Users/me/it'\''s mine' && '/opt/my codex' resume 01a2-18d9",
            ),
            (
                Platform::Windows,
                r"C:\it's [mine]",
                None,
                r"Set-Location -LiteralPath 'C:\it''s [mine]'; codex resume 01a2-18d9",
            ),
            (
                Platform::Windows,
                r"C:\web",
                Some(r"C:\my codex.exe"),
                r"Set-Location -LiteralPath 'C:\web'; & 'C:\my codex.exe' resume 01a2-18d9",
            ),
        ] {
            assert_eq!(chat(folder).resume_command(codex.map(Path::new), platform), command);
        }
    }
}
