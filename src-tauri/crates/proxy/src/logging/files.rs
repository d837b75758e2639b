//! Log files in the data folder, bounded in size and number.
//!
//! When `logs/NAME.log` is full, it is rotated to `NAME.1.log`, that to `NAME.2.log`, and so on; the oldest is
//! deleted. The existing crates do not fit: tracing-appender rotates only by time, so a day at level `trace` is
//! unbounded, and makes files world-readable; file-rotate panics when its file is deleted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};

/// Subfolder of the data folder.
const FOLDER: &str = "logs";

/// Size at which a file is rotated, in bytes; it can exceed this by one line.
const MAX_FILE_BYTES: u64 = 5 * 1024 * 1024;

/// Number of files, including the current one. The oldest is deleted.
const MAX_FILES: usize = 5;

/// The folder of the log files.
#[must_use]
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

/// Starts a background thread that writes log files called `name`. Its queue is bounded by the crate (128,000 lines);
/// when it is full, new lines are dropped. Dropping the guard flushes it.
///
/// # Errors
/// When the file cannot be opened.
pub fn start(data_dir: &Path, name: &str) -> io::Result<(NonBlocking, WorkerGuard)> {
    LogFile::open(&folder(data_dir), name, MAX_FILE_BYTES).map(tracing_appender::non_blocking)
}

/// The current file and its predecessors.
#[derive(Debug)]
struct LogFile {
    folder: PathBuf,
    name: String,
    max_bytes: u64,
    file: File,
    bytes: u64,
    /// The size at which to rotate.
    full_at: u64,
}

impl LogFile {
    fn open(folder: &Path, name: &str, max_bytes: u64) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)?;
        let (folder, name) = (folder.to_owned(), name.to_owned());
        let file = open(&nth(&folder, &name, 0))?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder, name, max_bytes, file, bytes, full_at: max_bytes })
    }

    /// Rotates the files. While another program keeps them from it, the current one grows to twice its size; then it is truncated,
    /// so that there is a bound.
    fn rotate(&mut self) -> io::Result<()> {
        let path = |n| nth(&self.folder, &self.name, n);
        // Up to the first gap, which an attempt that failed half-way leaves.
        let last = (1..MAX_FILES).find(|n| !path(*n).exists()).unwrap_or(MAX_FILES - 1);
        for n in (0..last).rev() {
            match shift(&path(n), &path(n + 1)) {
                Err(error) if n == 0 && error.kind() != io::ErrorKind::NotFound => {
                    if self.bytes < self.max_bytes.saturating_mul(2) {
                        self.full_at = self.bytes + self.max_bytes / 8;
                        return Ok(());
                    }
                    truncate(&path(0))?;
                }
                // Older files may not exist.
                _ => {}
            }
        }
        self.file = open(&path(0))?;
        self.bytes = self.file.metadata()?.len();
        self.full_at = self.max_bytes;
        Ok(())
    }
}

/// Moves a file. On Windows, one that another program has open can often not be renamed; its content can be moved.
fn shift(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if cfg!(windows) && error.kind() != io::ErrorKind::NotFound => {
            // Not `fs::copy`, which shares neither of the two.
            fs::write(to, fs::read(from)?)?;
            truncate(from)
        }
        renamed => renamed,
    }
}

/// Empties a file. The open one cannot: Windows lets it append only.
fn truncate(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).truncate(true).open(path).map(drop)
}

impl Write for LogFile {
    /// Writes one complete line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes >= self.full_at {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.bytes += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The `n`th previous file.
fn nth(folder: &Path, name: &str, n: usize) -> PathBuf {
    folder.join(if n == 0 { format!("{name}.log") } else { format!("{name}.{n}.log") })
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files and their contents.
    fn files(folder: &Path) -> Vec<(String, String)> {
        let file = |entry: io::Result<fs::DirEntry>| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        };
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(file).collect();
        files.sort();
        files
    }

    fn write(log: &mut LogFile, lines: std::ops::Range<usize>) {
        for n in lines {
            assert_eq!(log.write(format!("line {n:03}\n").as_bytes()).unwrap(), 9);
        }
    }

    #[test]
    fn full_files_are_rotated_between_lines_and_the_oldest_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("data/logs");
        let mut log = LogFile::open(&logs, "app", 20).unwrap();
        write(&mut log, 0..100);
        let files = files(&logs);
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["app.1.log", "app.2.log", "app.3.log", "app.4.log", "app.log"]);
        assert_eq!(files[4].1, "line 099\n");
        assert_eq!(files[0].1, "line 096\nline 097\nline 098\n");
        assert_eq!(files[3].1, "line 087\nline 088\nline 089\n");
    }

    #[test]
    fn a_restart_appends_to_the_same_file_within_the_same_bound() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..4 {
            write(&mut LogFile::open(folder.path(), "app", 20).unwrap(), n..n + 1);
        }
        let expected = [("app.1.log", "line 000\nline 001\nline 002\n"), ("app.log", "line 003\n")];
        assert_eq!(files(folder.path()), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn the_log_stays_bounded_whatever_happens_to_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::open(folder.path(), "app", 20).unwrap();
        write(&mut log, 0..10);
        for (name, _) in files(folder.path()) {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        write(&mut log, 10..20);
        assert!(files(folder.path()).iter().any(|(_, text)| text.contains("line 019")));
        // A non-empty folder in the way cannot be replaced by a file.
        for n in 1..MAX_FILES {
            let in_the_way = folder.path().join(format!("app.{n}.log"));
            let _ = fs::remove_file(&in_the_way);
            fs::create_dir_all(in_the_way.join("x")).unwrap();
        }
        write(&mut log, 20..100);
        let written = folder.path().join("app.log");
        assert!(fs::metadata(&written).unwrap().len() <= 45);
        assert!(fs::read_to_string(written).unwrap().contains("line 099"));
    }

    /// Windows only: elsewhere an open file can be renamed.
    #[cfg(windows)]
    #[test]
    fn another_program_with_the_files_open_costs_no_line() {
        use std::os::windows::fs::OpenOptionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str, share| {
            OpenOptions::new().read(true).share_mode(share).open(folder.path().join(name)).unwrap()
        };
        let all = || files(folder.path()).into_iter().map(|(_, text)| text).collect::<String>();
        let mut log = LogFile::open(folder.path(), "app", 20).unwrap();
        write(&mut log, 0..5);
        // Like an editor: it lets others read and write, but not rename or delete.
        let editor = [open("app.log", 3), open("app.1.log", 3)];
        write(&mut log, 5..10);
        for n in 0..10 {
            assert!(all().contains(&format!("line {n:03}")), "{n}: {:?}", files(folder.path()));
        }
        drop(editor);
        // Like a virus scanner: for a moment it shares the earlier file with nobody.
        write(&mut log, 10..11);
        let scanner = open("app.1.log", 0);
        write(&mut log, 11..13);
        drop(scanner);
        write(&mut log, 13..15);
        for n in 6..15 {
            assert!(all().contains(&format!("line {n:03}")), "{n}: {:?}", files(folder.path()));
        }
        assert!(files(folder.path()).iter().all(|(_, text)| text.len() <= 45), "{:?}", files(folder.path()));
    }

    #[test]
    fn a_folder_that_cannot_be_created_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FOLDER), "").unwrap();
        assert!(start(folder.path(), "app").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn log_files_are_readable_only_by_their_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        write(&mut LogFile::open(&logs, "app", 20).unwrap(), 0..9);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&logs), 0o700);
        for (name, _) in files(&logs) {
            assert_eq!(mode(&logs.join(&name)), 0o600, "{name}");
        }
    }
}
