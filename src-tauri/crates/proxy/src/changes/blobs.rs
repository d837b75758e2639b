//! Fetches contents from a repository into files.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::git::{GitError, Repository};

/// Writes each blob to a file in `folder` that has its name.
pub(super) async fn fetch(
    repository: &Repository,
    ids: BTreeSet<String>,
    folder: &Path,
    until: Instant,
) -> Result<HashMap<String, PathBuf>, GitError> {
    let mut input = String::new();
    for id in &ids {
        input.push_str(id);
        input.push('\n');
    }
    let mut reader = BatchReader { folder, state: State::Header(Vec::new()), files: HashMap::new() };
    let mut failed = None;
    let ended = repository.stream(&["cat-file", "--batch"], input.as_bytes(), until, |piece| {
        match reader.push(piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    let ended = ended.await;
    if let Some(error) = failed {
        return Err(GitError::Failed(error.to_string()));
    }
    ended?;
    if reader.files.len() < ids.len() {
        return Err(GitError::Failed("a snapshot is incomplete".to_owned()));
    }
    Ok(reader.files)
}

/// Reads `ID blob SIZE\nCONTENT\n` for each blob.
struct BatchReader<'a> {
    folder: &'a Path,
    state: State,
    files: HashMap<String, PathBuf>,
}

enum State {
    Header(Vec<u8>),
    /// The file, and the bytes that it lacks.
    Content(File, u64),
    Newline,
}

impl BatchReader<'_> {
    fn push(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while let Some(first) = piece.first() {
            match &mut self.state {
                State::Header(line) if *first == b'\n' => {
                    let line = std::mem::take(line);
                    self.state = self.begin(&line)?;
                    piece = &piece[1..];
                }
                State::Header(line) => {
                    line.push(*first);
                    piece = &piece[1..];
                }
                State::Content(file, lacking) => {
                    let count = piece.len().min(usize::try_from(*lacking).unwrap_or(usize::MAX));
                    file.write_all(&piece[..count])?;
                    *lacking -= count as u64;
                    piece = &piece[count..];
                    if *lacking == 0 {
                        self.state = State::Newline;
                    }
                }
                State::Newline => {
                    self.state = State::Header(Vec::new());
                    piece = &piece[1..];
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, header: &[u8]) -> io::Result<State> {
        let header = String::from_utf8_lossy(header);
        let mut parts = header.split(' ');
        let (Some(id), Some("blob"), Some(Ok(size))) =
            (parts.next(), parts.next(), parts.next().map(str::parse::<u64>))
        else {
            return Err(io::Error::other("a snapshot is incomplete"));
        };
        let path = self.folder.join(id);
        let file = File::create(&path)?;
        self.files.insert(id.to_owned(), path);
        Ok(if size == 0 { State::Newline } else { State::Content(file, size) })
    }
}
