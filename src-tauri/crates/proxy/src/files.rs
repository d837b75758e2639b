//! Replacing a file whole, so that whoever reads it finds the old text or the new one and nothing between; and setting one aside
//! that makes no sense.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `text` beside `path`, waits until the disk has it, and renames it to `path`.
///
/// A process that is killed on the way leaves a temporary file behind and the old file as it was. On Unix the file can be
/// read by its owner only.
pub fn replace_file(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".saving-").tempfile_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The rename itself is on the disk only when the folder is. Some systems cannot open a folder; there the file is whole
    // all the same, so this is not worth an error.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Moves a damaged file out of the way, to a name that says so, and gives that. `now` is in Unix seconds.
pub fn set_aside(path: &Path, now: u64) -> io::Result<PathBuf> {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, kind) = (part(path.file_stem()), part(path.extension()));
    let name = |more: &str| path.with_file_name(format!("{stem}.damaged-{now}{more}.{kind}"));
    // An earlier damaged file of the same second is somebody's as well.
    let others = (2..).map(|n| format!("-{n}")).map(|more| name(&more));
    let aside =
        std::iter::once(name("")).chain(others).find(|aside| !aside.exists()).unwrap_or_else(|| name(""));
    fs::rename(path, &aside)?;
    Ok(aside)
}
