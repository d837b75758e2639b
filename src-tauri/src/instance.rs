//! What tells two apps with different data folders apart.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Nothing for the usual data folder, so that the names in the system stay short; else a short hash of the folder.
pub(crate) fn suffix(data_dir: &Path, usual: Option<&Path>) -> Option<String> {
    let data_dir = spelling(data_dir);
    if usual.map(spelling).as_ref() == Some(&data_dir) {
        return None;
    }
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    // Begins with a letter, as a part of a bus name must.
    Some(format!("d{}", hex::encode(&digest[..4])))
}

/// On Windows, where names differ in case alone, the one spelling of an existing folder.
fn spelling(folder: &Path) -> PathBuf {
    let one = if cfg!(windows) { std::fs::canonicalize(folder).ok() } else { None };
    one.unwrap_or_else(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(windows)]
    #[test]
    fn two_spellings_of_a_data_folder_are_one_app() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        for spelled in
            [path.to_uppercase(), path.to_lowercase(), format!("{path}\\"), path.replace('\\', "/")]
        {
            assert_eq!(suffix(Path::new(&spelled), None), suffix(folder.path(), None), "{spelled}");
            assert_eq!(suffix(Path::new(&spelled), Some(folder.path())), None, "{spelled}");
        }
    }

    #[test]
    fn two_data_folders_are_two_apps() {
        let suffix = |folder: &str| suffix(Path::new(folder), Some(Path::new("/usual")));
        assert_eq!(suffix("/usual"), None);
        assert!(suffix("/a").unwrap().starts_with('d'));
        assert_eq!(suffix("/a"), suffix("/a"));
        assert_ne!(suffix("/a"), suffix("/b"));
    }
}
