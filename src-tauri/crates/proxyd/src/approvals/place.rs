//! Where the socket or named pipe is, and that only its owner can open it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use codex_client::Environment;
use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use interprocess::local_socket::{GenericFilePath, ListenerOptions};
use proxy::files::FileLock;
use sha2::{Digest as _, Sha256};

/// A longer path is no address of a socket: macOS has the least room, 104 bytes with the final zero.
#[cfg(unix)]
const MAX_SOCKET_PATH: usize = 103;

/// The place for one data folder.
#[derive(Debug)]
pub(super) struct Place {
    /// Locked while a daemon listens.
    lock: PathBuf,
    path: PathBuf,
}

/// A listener, and the lock that makes it the only one.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: Listener,
    _lock: FileLock,
}

impl Place {
    /// The place for this data folder.
    pub(super) fn of(data_dir: &Path, environment: &Environment) -> Self {
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        // Both programs see the same folder, even through a link.
        let data_dir = data_dir.canonicalize().unwrap_or(data_dir);
        let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { lock: data_dir.join("approvals.lock"), path: path(&data_dir, &name, environment) }
    }

    /// Listens there; `None` when another daemon does.
    ///
    /// # Errors
    /// When it is not possible, or would not be safe.
    pub(super) fn listen(&self) -> io::Result<Option<Bound>> {
        let lock = File::create(&self.lock)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        #[cfg(unix)]
        self.make_room()?;
        let options = ListenerOptions::new().name(self.path.as_path().to_fs_name::<GenericFilePath>()?);
        let listener = owner_only(options)?.create_tokio()?;
        Ok(Some(Bound { listener, _lock: FileLock::of(lock) }))
    }

    /// Connects to the daemon.
    ///
    /// # Errors
    /// When none listens.
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        // A program that can replace the socket could show false questions.
        #[cfg(unix)]
        if let Some(folder) = self.path.parent() {
            check_folder(folder, self.owner()?)?;
        }
        // Everybody can create a pipe of this name, but not beside a daemon, and only that has the lock.
        #[cfg(windows)]
        if File::options().write(true).open(&self.lock)?.try_lock().is_ok() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Stream::connect(self.path.as_path().to_fs_name::<GenericFilePath>()?).await
    }

    /// Creates the folder of the socket, and removes what a killed daemon left there.
    #[cfg(unix)]
    fn make_room(&self) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        let Some(folder) = self.path.parent() else { return Ok(()) };
        match std::fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => check_folder(folder, self.owner()?)?,
        }
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whose data folder it is.
    #[cfg(unix)]
    fn owner(&self) -> io::Result<u32> {
        use std::os::unix::fs::MetadataExt as _;
        let data_dir = self.lock.parent().unwrap_or(&self.lock);
        Ok(std::fs::metadata(data_dir)?.uid())
    }
}

#[cfg(unix)]
fn path(data_dir: &Path, name: &str, environment: &Environment) -> PathBuf {
    let in_data_dir = data_dir.join("approvals").join("socket");
    if in_data_dir.as_os_str().len() <= MAX_SOCKET_PATH {
        return in_data_dir;
    }
    let runtime = environment.path("XDG_RUNTIME_DIR").unwrap_or_else(std::env::temp_dir);
    runtime.join(format!("codex-proxy-{name}")).join("socket")
}

#[cfg(windows)]
fn path(_: &Path, name: &str, _: &Environment) -> PathBuf {
    format!(r"\\.\pipe\codex-proxy-{name}").into()
}

/// Fails unless the folder is a real one, `owner`'s, and closed to everybody else.
#[cfg(unix)]
fn check_folder(folder: &Path, owner: u32) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let folder_is = std::fs::symlink_metadata(folder)?;
    if folder_is.is_dir() && folder_is.uid() == owner && folder_is.mode() & 0o077 == 0 {
        return Ok(());
    }
    let what = format!("{} must be a folder that only its owner can open", folder.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

/// Only the owner can connect. Elsewhere than on Linux the folder alone sees to that.
#[cfg(target_os = "linux")]
fn owner_only(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
    Ok(options.mode(0o600))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn owner_only(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    Ok(options)
}

/// Only the owner can connect, and not over the network.
#[cfg(windows)]
fn owner_only(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
    use interprocess::os::windows::local_socket::ListenerOptionsExt as _;
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    // Protected: nothing for the network (NU), everything for the owner (OW).
    let descriptor = SecurityDescriptor::deserialize(widestring::u16cstr!("D:P(D;;GA;;;NU)(A;;GA;;;OW)"))?;
    Ok(options.security_descriptor(descriptor))
}

// Unix only: file modes and the length of socket paths.
#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn long_data_folder_gets_a_short_socket() {
        let environment = Environment::default().with("XDG_RUNTIME_DIR", "/run/user/1000");
        let long = Path::new("/").join("x".repeat(100));
        let place = Place::of(&long, &environment);
        assert!(place.path.starts_with("/run/user/1000") && place.path.as_os_str().len() <= MAX_SOCKET_PATH);
        assert_eq!(place.path, Place::of(&long, &environment).path);
        assert_ne!(place.path, Place::of(&long.join("y"), &environment).path);
        assert!(Place::of(Path::new("/short"), &environment).path.starts_with("/short"));
    }

    #[tokio::test]
    async fn second_listener_and_open_folder_are_refused_and_what_was_left_is_replaced() {
        let data = tempfile::tempdir().unwrap();
        let place = Place::of(data.path(), &Environment::default());
        let bound = place.listen().unwrap().unwrap();
        assert!(place.listen().unwrap().is_none());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(place.path.parent().unwrap()), 0o700);
        #[cfg(target_os = "linux")]
        assert_eq!(mode(&place.path), 0o600);
        drop(bound);
        // As after `kill -9`.
        drop(std::os::unix::net::UnixListener::bind(&place.path).unwrap());
        let bound = place.listen().unwrap().unwrap();
        assert!(place.connect().await.is_ok());
        drop(bound);
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(place.path.parent().unwrap(), open).unwrap();
        assert_eq!(place.listen().unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(place.connect().await.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
}
