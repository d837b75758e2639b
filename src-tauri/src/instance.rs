//! What tells two apps with different data folders apart.

use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Nothing for the usual data folder, so that the names in the system stay short; else a short hash of the folder.
pub(crate) fn suffix(data_dir: &Path, usual: Option<&Path>) -> Option<String> {
    if usual == Some(data_dir) {
        return None;
    }
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    // Begins with a letter, as a part of a bus name must.
    Some(format!("d{}", hex::encode(&digest[..4])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_data_folders_are_two_apps() {
        let suffix = |folder: &str| suffix(Path::new(folder), Some(Path::new("/usual")));
        assert_eq!(suffix("/usual"), None);
        assert!(suffix("/a").unwrap().starts_with('d'));
        assert_eq!(suffix("/a"), suffix("/a"));
        assert_ne!(suffix("/a"), suffix("/b"));
    }
}
