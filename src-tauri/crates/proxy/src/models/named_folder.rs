//! Which names of folders Windows may look at for a client.
//!
//! To resolve a path is to open it, and on Windows that alone can do harm: `\\server\share` introduces the user to another
//! computer, with a hash of the password; `COM1` or `\\.\…` opens a device, in any folder.

use std::path::{Component, Path, Prefix};

use crate::files::is_device_or_stream;

/// Whether a folder that a client names may be resolved. `roots` are the folders that it may be inside.
///
/// A share counts only if one of the folders is on it. Streams (`folder:stream`), devices, and paths relative to a drive's current
/// folder (`C:folder`) never do. Everywhere but on Windows, all may be resolved.
pub(super) fn may_be_resolved<'a>(named: &Path, mut roots: impl Iterator<Item = &'a Path>) -> bool {
    if !cfg!(windows) {
        return true;
    }
    let mut parts = named.components().peekable();
    if let Some(Component::Prefix(prefix)) = parts.peek() {
        let is_allowed = match prefix.kind() {
            Prefix::Disk(_) | Prefix::VerbatimDisk(_) => named.has_root(),
            Prefix::UNC(..) | Prefix::VerbatimUNC(..) => {
                let own = share(named);
                roots.any(|root| share(root) == own)
            }
            Prefix::DeviceNS(_) | Prefix::Verbatim(_) => false,
        };
        if !is_allowed {
            return false;
        }
        parts.next();
    }
    parts.all(|part| match part {
        Component::Normal(name) => !name.to_str().is_none_or(is_device_or_stream),
        _ => true,
    })
}

/// The server and the share of a path on one.
fn share(path: &Path) -> Option<(String, String)> {
    let Some(Component::Prefix(prefix)) = path.components().next() else { return None };
    let (Prefix::UNC(server, share) | Prefix::VerbatimUNC(server, share)) = prefix.kind() else {
        return None;
    };
    let name = |name: &std::ffi::OsStr| name.to_string_lossy().to_lowercase();
    Some((name(server), name(share)))
}

// Windows only: elsewhere these are ordinary names.
#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn shares_devices_and_streams_are_not_resolved() {
        let local = [Path::new(r"\\?\C:\work")];
        for named in [
            r"\\evil\share\x",
            r"//evil/share/x",
            r"\\?\UNC\evil\share",
            r"\\.\COM1",
            r"\\.\pipe\x",
            r"\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\",
            r"\\?\GLOBALROOT\Device\x",
            "C:work",
            r"C:\work\nul",
            r"web\COM1",
            r"web:stream",
            r"C:\work::$INDEX_ALLOCATION",
        ] {
            assert!(!may_be_resolved(Path::new(named), local.into_iter()), "{named}");
        }
        for named in
            ["", "web", r"web\src", "web/src", "..", r"\work", r"C:\work", r"c:/work", r"\\?\C:\work"]
        {
            assert!(may_be_resolved(Path::new(named), local.into_iter()), "{named}");
        }
        let share = [Path::new(r"\\?\UNC\Server\Team")];
        assert!(may_be_resolved(Path::new(r"\\server\team\x"), share.into_iter()));
        assert!(!may_be_resolved(Path::new(r"\\server\other"), share.into_iter()));
        assert!(!may_be_resolved(Path::new(r"\\server.evil\team"), share.into_iter()));
    }
}
