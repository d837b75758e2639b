//! What is peculiar about paths on Windows: the form of canonical ones, and names that it has reserved.

use std::fs;
use std::path::{Component, Path, PathBuf, Prefix};

/// A canonical path without Windows' `\\?\`, which git and many commands do not understand.
///
/// The prefix stays where the path would lead elsewhere without it: Windows takes `C:\work.` for `C:\work` and `C:\nul` for a
/// device. Blocks on the file system.
pub(crate) fn plain_path(real: PathBuf) -> PathBuf {
    let plain = without_prefix(&real);
    if plain == real || fs::canonicalize(&plain).is_ok_and(|same| same == real) { plain } else { real }
}

/// A path without Windows' `\\?\`, to be compared with another.
pub(crate) fn without_prefix(path: &Path) -> PathBuf {
    stripped(path).unwrap_or_else(|| path.to_owned())
}

fn stripped(path: &Path) -> Option<PathBuf> {
    let mut parts = path.components();
    let Some(Component::Prefix(prefix)) = parts.next() else { return None };
    let root = match prefix.kind() {
        Prefix::VerbatimDisk(letter) => format!(r"{}:\", char::from(letter)).into(),
        Prefix::VerbatimUNC(server, share) => {
            let mut root = std::ffi::OsString::from(r"\\");
            root.push(server);
            root.push(r"\");
            root.push(share);
            root.push(r"\");
            root
        }
        _ => return None,
    };
    let below = parts.as_path();
    Some(PathBuf::from(root).join(below.strip_prefix(r"\").unwrap_or(below)))
}

/// Whether Windows takes a name for a stream of a file, or for a device: those it finds in every folder, with any extension.
pub(crate) fn is_device_or_stream(name: &str) -> bool {
    let stem = name.split(['.', ':']).next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|number| {
            let mut digits = number.chars();
            digits.next().is_some_and(|digit| digit.is_ascii_digit() || "¹²³".contains(digit))
                && digits.next().is_none()
        })
    };
    name.contains(':')
        || ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str())
        || numbered("COM")
        || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_streams_are_not_taken_for_names() {
        for name in
            ["con", "NUL", "nul.txt", "Aux ", "com1", "COM¹.log", "lpt9", "conin$", "a:b", "a::$DATA", "C:"]
        {
            assert!(is_device_or_stream(name), "{name}");
        }
        for name in ["console", "com", "com10", "comx", "null", "a.con", "größe 中文", "100% & more", ".aux"]
        {
            assert!(!is_device_or_stream(name), "{name}");
        }
    }

    #[test]
    fn existing_folder_loses_only_the_prefix_of_windows() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["Mixed Case", "100% & more", "größe 中文"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            let plain = plain_path(path.canonicalize().unwrap());
            assert!(!plain.to_string_lossy().starts_with(r"\\?\"), "{}", plain.display());
            assert_eq!(plain.canonicalize().unwrap(), path.canonicalize().unwrap());
            assert_eq!(plain.file_name(), path.file_name());
        }
    }

    // Windows only: elsewhere no path has a prefix.
    #[cfg(windows)]
    #[test]
    fn drives_and_shares_lose_the_prefix_and_devices_keep_it() {
        for (real, plain) in [
            (r"\\?\C:\", Some(r"C:\")),
            (r"\\?\C:\a b\c", Some(r"C:\a b\c")),
            (r"\\?\UNC\server\share\a", Some(r"\\server\share\a")),
            (r"\\?\UNC\server\share", Some(r"\\server\share\")),
            (r"\\?\Volume{1}\a", None),
            (r"C:\a", None),
        ] {
            assert_eq!(stripped(Path::new(real)), plain.map(PathBuf::from), "{real}");
        }
    }

    // Windows only: elsewhere every name is a name.
    #[cfg(windows)]
    #[test]
    fn folder_that_another_one_would_be_taken_for_keeps_the_prefix() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        for name in ["work", "work.", "work "] {
            fs::create_dir(real.join(name)).unwrap();
        }
        assert_eq!(plain_path(real.join("work")).file_name().unwrap(), "work");
        for name in ["work.", "work "] {
            assert_eq!(plain_path(real.join(name)), real.join(name));
        }
    }
}
