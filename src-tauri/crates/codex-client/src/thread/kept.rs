//! Finds the threads that codex stores by their conversations, also after a restart.
//!
//! The file has digests and ids only. Two programs that share it may lose each other's changes: a conversation whose thread is
//! not found goes on in a new one.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, Fingerprints};
use crate::event::Usage;
use crate::files::{read_file, replace_file};
use crate::item::Item;

/// The format version. A file of another one is replaced.
const VERSION: u32 = 1;

/// Threads that are found again, at about 250 bytes each. When full, the oldest is forgotten; codex still has it.
const MAX_THREADS: usize = 1000;

/// The threads that codex stores for us. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct KeptThreads(Option<Arc<KeptFile>>);

#[derive(Debug)]
struct KeptFile {
    path: PathBuf,
    changing: Mutex<()>,
}

/// A stored thread that ends with an answer of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptThread {
    pub(crate) id: String,
    /// Its last turn. If there is a later one, somebody has continued it elsewhere.
    pub(crate) last_turn: String,
    pub(crate) usage: Usage,
}

#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    version: u32,
    /// The most recent one is last.
    threads: VecDeque<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// The digest of the key, of what cannot change within the thread, and of the conversation.
    conversation: String,
    #[serde(flatten)]
    thread: KeptThread,
}

impl KeptThreads {
    /// Remembers them in the file `path`; there need not be one yet. The default remembers none.
    #[must_use]
    pub fn in_file(path: PathBuf) -> Self {
        Self(Some(Arc::new(KeptFile { path, changing: Mutex::default() })))
    }

    /// Takes out the thread with the longest prefix of the conversation, and the number of its items. Blocks on the disk.
    pub(crate) fn take(&self, fingerprints: &Fingerprints, items: &[Item]) -> Option<(KeptThread, usize)> {
        let file = self.0.as_ref()?;
        let _one = file.changing.lock();
        let mut threads = file.read();
        // Upstream rejects outputs without their calls.
        let fits = |count: usize| !matches!(items.get(count), Some(Item::ToolOutput { .. }));
        let found = (1..items.len()).rev().filter(|count| fits(*count)).find_map(|count| {
            let conversation = hex(&fingerprints.after(count)?);
            Some((threads.iter().rposition(|entry| entry.conversation == conversation)?, count))
        });
        let (at, count) = found?;
        let entry = threads.remove(at)?;
        // One that stays there could be continued twice, so it is not continued at all.
        file.write(threads).then_some((entry.thread, count))
    }

    /// Remembers a thread by its conversation. Blocks on the disk.
    pub(crate) fn put(&self, conversation: &Fingerprint, thread: KeptThread) {
        let Some(file) = &self.0 else { return };
        let _one = file.changing.lock();
        let mut threads = file.read();
        threads.push_back(Entry { conversation: hex(conversation), thread });
        while threads.len() > MAX_THREADS {
            threads.pop_front();
        }
        file.write(threads);
    }
}

impl KeptFile {
    fn read(&self) -> VecDeque<Entry> {
        let contents = match read_file(&self.path) {
            Ok(text) => serde_json::from_slice::<Contents>(&text).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return VecDeque::new(),
            Err(error) => Err(error),
        };
        match contents {
            Ok(Contents { version: VERSION, threads }) => threads,
            Ok(_) => VecDeque::new(),
            Err(error) => {
                tracing::warn!(%error, path = %self.path.display(), "cannot read the list of kept chats; starting an empty one");
                VecDeque::new()
            }
        }
    }

    fn write(&self, threads: VecDeque<Entry>) -> bool {
        let text = serde_json::to_vec(&Contents { version: VERSION, threads }).map_err(io::Error::from);
        let written = text.and_then(|text| replace_file(&self.path, &text));
        if let Err(error) = &written {
            tracing::warn!(%error, path = %self.path.display(), "cannot write the list of kept chats");
        }
        written.is_ok()
    }
}

fn hex(digest: &Fingerprint) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::item::{Content, Role};
    use crate::request::{ThreadProfile, TurnRequest};

    fn request(owner: &str, texts: &[&str]) -> TurnRequest {
        let roles = [Role::User, Role::Assistant].into_iter().cycle();
        let items = texts.iter().zip(roles);
        let items =
            items.map(|(text, role)| Item::Message { role, content: vec![Content::Text((*text).into())] });
        let request = TurnRequest::review(ThreadProfile::plain("/w".into()));
        TurnRequest { owner: owner.to_owned(), items: items.collect(), ..request }
    }

    fn thread(id: &str) -> KeptThread {
        KeptThread { id: id.to_owned(), last_turn: "turn".to_owned(), usage: Usage::default() }
    }

    fn put(kept: &KeptThreads, texts: &[&str], id: &str) {
        kept.put(&Fingerprints::new(&request("me", texts)).last(), thread(id));
    }

    fn take(kept: &KeptThreads, owner: &str, texts: &[&str]) -> Option<(String, usize)> {
        let request = request(owner, texts);
        let found = kept.take(&Fingerprints::new(&request), &request.items)?;
        Some((found.0.id, found.1))
    }

    #[test]
    fn conversation_finds_its_thread_once_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("kept-chats.json");
        let kept = KeptThreads::in_file(path.clone());
        put(&kept, &["a", "b"], "short");
        put(&kept, &["a", "b", "c", "d"], "long");
        let kept = KeptThreads::in_file(path.clone());
        assert_eq!(take(&kept, "somebody else", &["a", "b", "c", "d", "e"]), None);
        assert_eq!(take(&kept, "me", &["a", "another answer", "c"]), None);
        assert_eq!(take(&kept, "me", &["a", "b", "c", "d", "e"]), Some(("long".to_owned(), 4)));
        assert_eq!(take(&kept, "me", &["a", "b", "c", "d", "e"]), Some(("short".to_owned(), 2)));
        assert_eq!(take(&kept, "me", &["a", "b", "c", "d", "e"]), None);
        assert!(!fs::read_to_string(&path).unwrap().contains("somebody"));
    }

    #[test]
    fn oldest_threads_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptThreads::in_file(folder.path().join("kept-chats.json"));
        let entry = |n: usize| Entry { conversation: n.to_string(), thread: thread("other") };
        put(&kept, &["first", "answer"], "first");
        kept.0.as_ref().unwrap().write((1..MAX_THREADS).map(entry).collect());
        put(&kept, &["second", "answer"], "second");
        put(&kept, &["third", "answer"], "third");
        let threads = kept.0.as_ref().unwrap().read();
        assert_eq!((threads.len(), threads[0].conversation.as_str()), (MAX_THREADS, "2"));
        assert_eq!(take(&kept, "me", &["third", "answer", "more"]), Some(("third".to_owned(), 2)));
    }

    #[test]
    fn damaged_and_newer_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept-chats.json");
        let kept = KeptThreads::in_file(path.clone());
        for text in ["{", "[]", r#"{"version":2,"threads":[]}"#] {
            fs::write(&path, text).unwrap();
            assert_eq!(take(&kept, "me", &["a", "b", "c"]), None);
            put(&kept, &["a", "b"], "thread");
            assert_eq!(take(&kept, "me", &["a", "b", "c"]), Some(("thread".to_owned(), 2)), "{text}");
        }
        let none = KeptThreads::default();
        put(&none, &["a", "b"], "thread");
        assert_eq!(take(&none, "me", &["a", "b", "c"]), None);
    }
}
