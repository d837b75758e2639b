//! The folders that installers use, and when two are the same.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// The folders where npm, Node version managers and package managers install programs, best first.
pub(super) fn install_folders(environment: &Environment) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let from = |variable: &str, below: &str| environment.path(variable).map(|folder| folder.join(below));
    // On Windows, Node has its programs in its folder itself.
    let bin = if cfg!(windows) { "" } else { "bin" };
    folders.extend(from("CODEX_INSTALL_DIR", ""));
    folders.extend(from("NPM_CONFIG_PREFIX", bin));
    folders.extend(from("PNPM_HOME", ""));
    folders.extend(from("VOLTA_HOME", "bin"));
    folders.extend(from("BUN_INSTALL", "bin"));
    folders.extend(from("FNM_MULTISHELL_PATH", bin));
    folders.extend(from("NVM_BIN", ""));
    if cfg!(windows) {
        // codex's own installer, npm, other package managers for Node, and those of the system.
        let installers = [
            ("LOCALAPPDATA", "Programs/OpenAI/Codex/bin"),
            ("APPDATA", "npm"),
            ("NVM_SYMLINK", ""),
            ("LOCALAPPDATA", "pnpm"),
            ("LOCALAPPDATA", "Volta/bin"),
            ("ProgramFiles", "nodejs"),
            ("LOCALAPPDATA", "Microsoft/WinGet/Links"),
            ("ProgramFiles", "WinGet/Links"),
            ("SCOOP", "shims"),
            ("USERPROFILE", "scoop/shims"),
            ("ProgramData", "chocolatey/bin"),
            ("LOCALAPPDATA", "Microsoft/WindowsApps"),
        ];
        folders.extend(installers.into_iter().filter_map(|(variable, below)| from(variable, below)));
    }
    if let Some(home) = environment.home() {
        let below = [
            ".local/bin",
            ".npm-global/bin",
            ".npm/bin",
            "n/bin",
            ".volta/bin",
            ".asdf/shims",
            ".local/share/mise/shims",
            ".nodenv/shims",
            ".bun/bin",
            ".local/share/pnpm",
            "Library/pnpm",
            ".cargo/bin",
            ".nix-profile/bin",
            "bin",
        ];
        folders.extend(below.map(|below| home.join(below)));
        folders.extend(newest_first(&home.join(".nvm/versions/node"), "bin"));
        for fnm in [".local/share/fnm", "Library/Application Support/fnm", ".fnm", "AppData/Roaming/fnm"] {
            let below = if cfg!(windows) { "installation" } else { "installation/bin" };
            folders.extend(newest_first(&home.join(fnm).join("node-versions"), below));
        }
    }
    if cfg!(unix) {
        let system = [
            "/opt/homebrew/bin",
            "/usr/local/bin",
            "/opt/local/bin",
            "/run/current-system/sw/bin",
            "/home/linuxbrew/.linuxbrew/bin",
            "/usr/bin",
            "/snap/bin",
        ];
        folders.extend(system.map(PathBuf::from));
    }
    folders
}

/// The subfolders of `folder`, which are named after versions, newest first, each joined with `below`.
fn newest_first(folder: &Path, below: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(Vec<u64>, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let numbers = name.trim_start_matches('v').split('.').map(|n| n.parse().unwrap_or(0)).collect();
            (numbers, entry.path().join(below))
        })
        .collect();
    versions.sort_by(|a, b| b.0.cmp(&a.0));
    versions.into_iter().map(|(_, path)| path).collect()
}

/// Whether two paths name the same place without a look at the disk. Windows has many spellings of one.
pub(super) fn is_same_path(one: &Path, other: &Path) -> bool {
    one == other || (cfg!(windows) && spelled_alike(one) == spelled_alike(other))
}

/// The spelling that Windows' many have in common: lower case, and without `\\?\`.
fn spelled_alike(path: &Path) -> PathBuf {
    dunce::simplified(path).to_string_lossy().to_lowercase().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_the_same_on_windows() {
        let one = Path::new(r"C:\Users\Jörg\npm");
        assert!(is_same_path(one, one));
        for other in [r"c:\users\jÖRG\npm\", "C:/Users/Jörg/npm", r"\\?\C:\Users\Jörg\npm"] {
            assert_eq!(is_same_path(one, Path::new(other)), cfg!(windows), "{other}");
        }
        assert!(!is_same_path(one, Path::new(r"C:\Users\Jörg")));
    }

    #[test]
    fn folders_of_windows_installers_are_searched() {
        let environment = Environment::default()
            .with("USERPROFILE", "C:/Users/me")
            .with("AppData", "C:/Users/me/AppData/Roaming")
            .with("LocalAppData", "C:/Users/me/AppData/Local")
            .with("ProgramFiles", "C:/Program Files")
            .with("ProgramData", "C:/ProgramData");
        let folders = install_folders(&environment);
        for below in [
            "C:/Users/me/AppData/Local/Programs/OpenAI/Codex/bin",
            "C:/Users/me/AppData/Roaming/npm",
            "C:/Users/me/AppData/Local/Microsoft/WinGet/Links",
            "C:/Users/me/scoop/shims",
            "C:/ProgramData/chocolatey/bin",
        ] {
            assert_eq!(folders.contains(&below.into()), cfg!(windows), "{below}");
        }
    }
}
