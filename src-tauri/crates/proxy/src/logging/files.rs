//! The program's log in files of the data folder, bounded in size and in number.
//!
//! `logs/NAME.log` is written. When it is full it becomes `NAME.1.log`, that one `NAME.2.log` and so on, and the oldest goes. The
//! crates for this were looked at first: tracing-appender begins a new file by the clock alone, so that a day at the level
//! `trace` has no bound, and lets everybody read it; file-rotate panics when somebody has removed its file.
//!
//! Deliberately not here: what is logged, and the thread that writes. That is tracing's and its appender's business.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};

/// The folder below the app's data.
const FOLDER: &str = "logs";

/// Bytes after which the next file is begun. One that is full has at most one line more.
const MOST_BYTES: u64 = 5 * 1024 * 1024;

/// Files, the one that is written included. When there are as many, the oldest one goes.
const FILES: usize = 5;

/// The folder of the log files.
#[must_use]
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

/// A writer of the files `name` in the data folder; a thread of its own does the work. Lines that it is behind with are bounded by
/// the crate (128,000); when there are more, new ones are lost. What is left is written when the guard is dropped.
///
/// # Errors
/// When the file cannot be written.
pub fn start(data_dir: &Path, name: &str) -> io::Result<(NonBlocking, WorkerGuard)> {
    LogFile::open(&folder(data_dir), name, MOST_BYTES).map(tracing_appender::non_blocking)
}

/// The file that is written, and those before it.
#[derive(Debug)]
struct LogFile {
    folder: PathBuf,
    name: String,
    most_bytes: u64,
    file: File,
    bytes: u64,
}

impl LogFile {
    fn open(folder: &Path, name: &str, most_bytes: u64) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)?;
        let (folder, name) = (folder.to_owned(), name.to_owned());
        let file = open(&nth(&folder, &name, 0))?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder, name, most_bytes, file, bytes })
    }

    /// Makes room for a new file. One that cannot be put aside is emptied, so that the bound holds in any case.
    fn next(&mut self) -> io::Result<()> {
        let path = |n| nth(&self.folder, &self.name, n);
        for n in (0..FILES - 1).rev() {
            match fs::rename(path(n), path(n + 1)) {
                Err(error) if n == 0 && error.kind() != io::ErrorKind::NotFound => self.file.set_len(0)?,
                // One of the older ones may not be there yet, or not any more.
                _ => {}
            }
        }
        self.file = open(&path(0))?;
        self.bytes = self.file.metadata()?.len();
        Ok(())
    }
}

impl Write for LogFile {
    /// Writes one line, whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes >= self.most_bytes {
            self.next()?;
        }
        self.file.write_all(line)?;
        self.bytes += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The file that was written before so many others.
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

    /// The files and what is in them.
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
    fn a_full_file_makes_room_no_line_is_cut_and_only_so_many_are_kept() {
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
    fn the_next_start_goes_on_in_the_same_file_and_within_the_same_bound() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..4 {
            write(&mut LogFile::open(folder.path(), "app", 20).unwrap(), n..n + 1);
        }
        let wanted = [("app.1.log", "line 000\nline 001\nline 002\n"), ("app.log", "line 003\n")];
        assert_eq!(files(folder.path()), wanted.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn whatever_somebody_does_to_the_files_writing_goes_on_within_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::open(folder.path(), "app", 20).unwrap();
        write(&mut log, 0..10);
        for (name, _) in files(folder.path()) {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        write(&mut log, 10..20);
        assert!(files(folder.path()).iter().any(|(_, text)| text.contains("line 019")));
        // A folder in the way, with something in it, cannot be replaced by a file.
        for n in 1..FILES {
            let in_the_way = folder.path().join(format!("app.{n}.log"));
            let _ = fs::remove_file(&in_the_way);
            fs::create_dir_all(in_the_way.join("x")).unwrap();
        }
        write(&mut log, 20..100);
        let written = folder.path().join("app.log");
        assert!(fs::metadata(&written).unwrap().len() <= 27);
        assert!(fs::read_to_string(written).unwrap().contains("line 099"));
    }

    #[test]
    fn a_folder_that_cannot_be_had_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FOLDER), "").unwrap();
        assert!(start(folder.path(), "app").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_it() {
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
