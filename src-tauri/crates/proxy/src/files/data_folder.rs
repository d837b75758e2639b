//! The usual data folder of the app and the daemon.
//!
//! On Windows it is local: a roaming one is copied to a server when the user logs off, with the logs and databases in it. Earlier
//! versions used the roaming one, whose data is moved.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use codex_client::rename_file;
use directories::ProjectDirs;

use super::lock_file;

/// Files that a running program has locked.
const LOCKS: [&str; 2] = ["running.lock", "approvals.lock"];

/// The usual data folder.
#[derive(Clone, Debug)]
pub struct UsualDataFolder {
    folder: PathBuf,
    /// That of earlier versions.
    earlier: PathBuf,
}

impl UsualDataFolder {
    /// That of the current user; `None` if the system names none.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        let dirs = ProjectDirs::from("", "", "codex-proxy")?;
        Some(Self { folder: dirs.data_local_dir().to_owned(), earlier: dirs.data_dir().to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Moves the data of an earlier version there, once. Returns the folder to use, which is the earlier one while a program uses
    /// that, and a sentence for the log. Nothing may use the folder before. Blocks the thread.
    #[must_use]
    pub fn with_earlier_data(&self) -> (PathBuf, Option<String>) {
        let Self { folder, earlier } = self;
        let (new, old) = (folder.display(), earlier.display());
        let moved_aside = earlier.with_added_extension("moved");
        if folder == earlier || !(earlier.is_dir() || moved_aside.is_dir()) {
            return (folder.clone(), None);
        }
        // The app and the daemon may start at the same time.
        let lock = lock_file(folder);
        if has_entries(folder) {
            // Interrupted when all was copied.
            remove_if_there(&moved_aside);
            let notice = has_entries(earlier).then(|| {
                format!("{old} has data of an earlier version. It is not used, since {new} has data too")
            });
            return (folder.clone(), notice);
        }
        match lock.and_then(|_lock| move_folder(earlier, folder)) {
            Ok(()) => (folder.clone(), Some(format!("the data in {old} was moved to {new}"))),
            Err(error) => {
                let notice = format!(
                    "the data in {old} is used there, because it could not be moved to {new} ({error})"
                );
                (earlier.clone(), Some(notice))
            }
        }
    }
}

fn has_entries(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Moves a folder that no program uses to a place without data.
fn move_folder(from: &Path, to: &Path) -> io::Result<()> {
    drop(hold(from)?);
    let _ = fs::remove_dir(to);
    match rename_file(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy_folder(from, to),
        moved => moved,
    }
}

/// Moves a folder to another drive. Until all is copied, the earlier one is complete; from then on, the new one is.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    let held = hold(from)?;
    let partial = to.with_added_extension("moving");
    remove_if_there(&partial);
    copy_entries(from, &partial).and_then(|()| fs::rename(&partial, to)).inspect_err(|_| {
        remove_if_there(&partial);
    })?;
    // Renamed before it is deleted, so that it is never half there. On Windows not while its locks are open.
    drop(held);
    let aside = from.with_added_extension("moved");
    match fs::rename(from, &aside) {
        Ok(()) => remove_if_there(&aside),
        Err(error) => tracing::warn!(%error, "the earlier data folder cannot be removed"),
    }
    Ok(())
}

fn remove_if_there(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %folder.display(), "cannot remove a folder that was moved");
        }
        _ => {}
    }
}

/// The locks of a folder, so that no program starts to use it.
fn hold(folder: &Path) -> io::Result<Vec<File>> {
    let mut held = Vec::new();
    for name in LOCKS {
        let path = folder.join(name);
        let file = match OpenOptions::new().write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)) {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "Codex Proxy of an earlier version is running",
            ));
        }
        held.push(file);
    }
    Ok(held)
}

/// Copies what is in a folder, but no links: they are to the user's codex home, and made at each start.
fn copy_entries(from: &Path, to: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, from, to) = (entry.file_type()?, entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy_entries(&from, &to)?;
        } else if kind.is_file() && !LOCKS.iter().any(|lock| entry.file_name() == **lock) {
            let _read = open_unused(&from)?;
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// Opens a file that no program writes. On Windows, every program of ours has its log open.
fn open_unused(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(windows)]
    {
        const FILE_SHARE_READ: u32 = 1;
        std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, FILE_SHARE_READ);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FileLock;

    /// Both folders, and the temporary one that they are in.
    fn folders() -> (tempfile::TempDir, UsualDataFolder) {
        let temp = tempfile::tempdir().unwrap();
        let (folder, earlier) = (temp.path().join("local/data"), temp.path().join("roaming/data"));
        (temp, UsualDataFolder { folder, earlier })
    }

    fn write(folder: &Path, text: &str) {
        for name in ["keys.json", "logs/codex-proxy.log", "snapshots/a/objects/x", "running.lock"] {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        }
        let read_only = folder.join("snapshots/a/objects/x");
        let mut permissions = fs::metadata(&read_only).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(read_only, permissions).unwrap();
    }

    fn text(folder: &Path) -> Option<String> {
        fs::read_to_string(folder.join("snapshots/a/objects/x")).ok()?;
        fs::read_to_string(folder.join("keys.json")).ok()
    }

    #[test]
    fn data_of_an_earlier_version_is_moved_once() {
        let (_temp, usual) = folders();
        assert_eq!(usual.with_earlier_data(), (usual.folder.clone(), None), "a new user");
        write(&usual.earlier, "old");
        // As an installer or a start that failed may leave it.
        fs::create_dir_all(&usual.folder).unwrap();
        let (used, notice) = usual.with_earlier_data();
        assert_eq!((used, text(&usual.folder).as_deref()), (usual.folder.clone(), Some("old")));
        assert!(notice.unwrap().contains("was moved") && !usual.earlier.exists());
        assert_eq!(usual.with_earlier_data(), (usual.folder.clone(), None));
    }

    #[test]
    fn data_in_both_folders_stays_and_is_reported() {
        let (_temp, usual) = folders();
        write(&usual.earlier, "old");
        write(&usual.folder, "new");
        let (used, notice) = usual.with_earlier_data();
        assert_eq!((used.as_path(), text(&used).as_deref()), (usual.path(), Some("new")));
        assert!(notice.unwrap().contains("not used") && text(&usual.earlier).as_deref() == Some("old"));
    }

    #[test]
    fn folder_of_a_running_program_is_used_until_it_has_ended() {
        let (_temp, usual) = folders();
        write(&usual.earlier, "old");
        let running = File::create(usual.earlier.join("running.lock")).unwrap();
        running.lock().unwrap();
        let running = FileLock::of(running);
        let (used, notice) = usual.with_earlier_data();
        assert!(used == usual.earlier && notice.unwrap().contains("is running"));
        assert!(!usual.folder.exists() && copy_folder(&usual.earlier, &usual.folder).is_err());
        drop(running);
        assert_eq!(usual.with_earlier_data().0, usual.folder);
    }

    /// Windows only: elsewhere open files are no sign of a running program.
    #[cfg(windows)]
    #[test]
    fn folder_with_an_open_log_is_not_moved() {
        let (_temp, usual) = folders();
        write(&usual.earlier, "old");
        let log = OpenOptions::new().append(true).open(usual.earlier.join("logs/codex-proxy.log")).unwrap();
        assert!(copy_folder(&usual.earlier, &usual.folder).is_err());
        assert_eq!((usual.folder.exists(), text(&usual.earlier).as_deref()), (false, Some("old")));
        drop(log);
        assert_eq!(usual.with_earlier_data().0, usual.folder);
    }

    #[test]
    fn move_to_another_drive_is_complete_or_starts_again() {
        let (temp, usual) = folders();
        write(&usual.earlier, "old");
        // Interrupted while it copied.
        write(&temp.path().join("local/data.moving"), "half");
        copy_folder(&usual.earlier, &usual.folder).unwrap();
        assert_eq!(text(&usual.folder).as_deref(), Some("old"));
        // Interrupted while it deleted.
        write(&temp.path().join("roaming/data.moved"), "old");
        assert_eq!(usual.with_earlier_data(), (usual.folder.clone(), None));
        for left in ["local/data.moving", "roaming/data", "roaming/data.moved"] {
            assert!(!temp.path().join(left).exists(), "{left}");
        }
        assert_eq!(text(&usual.folder).as_deref(), Some("old"));
    }

    /// Linux only: elsewhere no test knows another drive.
    #[cfg(target_os = "linux")]
    #[test]
    fn another_drive_is_noticed() {
        use std::os::linux::fs::MetadataExt as _;
        let (_temp, mut usual) = folders();
        let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
        let device = |path: &Path| fs::metadata(path).unwrap().st_dev();
        if device(other.path()) == device(&std::env::temp_dir()) {
            return;
        }
        usual.earlier = other.path().join("data");
        write(&usual.earlier, "old");
        assert_eq!(usual.with_earlier_data().0, usual.folder);
        assert!(text(&usual.folder).as_deref() == Some("old") && !usual.earlier.exists());
    }

    /// Windows only: elsewhere there is no roaming folder.
    #[cfg(windows)]
    #[test]
    fn data_folder_is_local() {
        let local = PathBuf::from(std::env::var_os("LOCALAPPDATA").unwrap());
        assert!(UsualDataFolder::of_user().unwrap().path().starts_with(local));
    }
}
