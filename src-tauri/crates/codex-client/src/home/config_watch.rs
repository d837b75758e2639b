//! Watches the user's `config.toml` and `.env` for a change that matters to codex, which reads them only when it starts.
//!
//! codex itself writes to the file: which folders are trusted, which notices were shown. Those do not count, and for a plain
//! model only what its private home inherits does.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use toml::Table;

use super::{CONFIG, DOTENV, Home, inherited};
use crate::files::FileStamp;

/// An empty or invalid file may be in the middle of being written. After this time it is what the user wants.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Settings that codex reads again for each thread, or that change nothing in a turn.
const NOT_WATCHED: &[&str] = &["projects", "notice", "tui", "hooks", "notify", "history"];

/// The user's settings when last read.
#[derive(Debug)]
pub(super) struct ConfigWatch {
    user_home: Option<PathBuf>,
    inherited_only: bool,
    stamps: [Option<FileStamp>; 2],
    digest: Digest,
    /// Since when the file is empty or invalid, unless that is its content for good.
    unsettled: Option<Instant>,
}

type Digest = [u8; 32];

impl ConfigWatch {
    /// Watches the settings in `user_home`, for a codex that runs with `home`.
    pub(super) fn new(user_home: Option<PathBuf>, home: &Home) -> Self {
        let inherited_only = matches!(home, Home::Private(_));
        let stamps = [None, None];
        let mut watch =
            Self { user_home, inherited_only, stamps, digest: Digest::default(), unsettled: None };
        let (Ok(digest) | Err(digest)) = watch.read();
        (watch.stamps, watch.digest) = (watch.read_stamps(), digest);
        watch
    }

    /// Whether the settings have changed since the last call.
    pub(super) fn changed(&mut self) -> bool {
        let stamps = self.read_stamps();
        if stamps == self.stamps && self.unsettled.is_none() {
            return false;
        }
        let digest = match self.read() {
            Ok(digest) => digest,
            Err(digest) => {
                let since = *self.unsettled.get_or_insert_with(Instant::now);
                if stamps != self.stamps {
                    (self.stamps, self.unsettled) = (stamps, Some(Instant::now()));
                    return false;
                }
                if since.elapsed() < SETTLE_TIME {
                    return false;
                }
                digest
            }
        };
        (self.stamps, self.unsettled) = (stamps, None);
        std::mem::replace(&mut self.digest, digest) != digest
    }

    fn read_stamps(&self) -> [Option<FileStamp>; 2] {
        [CONFIG, DOTENV].map(|name| FileStamp::read(&self.user_home.as_ref()?.join(name)))
    }

    /// A digest of what matters; as an error, one of the whole text, if the file is empty or invalid.
    fn read(&self) -> Result<Digest, Digest> {
        let text = |name: &str| {
            let path = self.user_home.as_ref().map(|home| home.join(name));
            path.and_then(|path| fs::read_to_string(path).ok())
        };
        let variables = text(DOTENV).unwrap_or_default();
        let digest = |settings: &str| Sha256::digest(format!("{settings}\0{variables}")).into();
        let settings = text(CONFIG);
        match settings.as_deref().map(|text| (text, toml::from_str::<Table>(text))) {
            None => Ok(digest("")),
            Some((text, Err(_))) => Err(digest(text)),
            Some((text, Ok(_))) if text.trim().is_empty() => Err(digest(text)),
            Some((_, Ok(settings))) if self.inherited_only => {
                let inherited = inherited::inherited(&settings, self.user_home.as_deref());
                Ok(digest(&format!("{inherited}{:?}", inherited::override_args(&settings))))
            }
            Some((_, Ok(mut settings))) => {
                settings.retain(|name, _| !NOT_WATCHED.contains(&name));
                Ok(digest(&settings.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(home: &Home, text: &str) -> (tempfile::TempDir, ConfigWatch) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CONFIG), text).unwrap();
        let watch = ConfigWatch::new(Some(folder.path().to_owned()), home);
        (folder, watch)
    }

    #[test]
    fn only_settings_that_reach_a_turn_count_as_a_change() {
        for (private, text, counts) in [
            (false, "model = \"b\"", true),
            (false, "model = \"a\"\n[mcp_servers.x]\ncommand = \"x\"", true),
            (false, "# a comment\nmodel = \"a\"", false),
            (false, "model = \"a\"\nnotify = [\"x\"]", false),
            (false, "model = \"a\"\n[projects.\"/x\"]\ntrust_level = \"trusted\"", false),
            (true, "model = \"b\"", true),
            (true, "model = \"a\"\n[model_providers.x]\nbase_url = \"http://x\"", true),
            (true, "model = \"a\"\nsandbox_mode = \"read-only\"", false),
        ] {
            let home = if private { Home::Private("/p".into()) } else { Home::Users };
            let (folder, mut watch) = watch(&home, "model = \"a\"");
            assert!(!watch.changed());
            fs::write(folder.path().join(CONFIG), text).unwrap();
            assert_eq!(watch.changed(), counts, "{text}");
            assert!(!watch.changed(), "{text}");
        }
    }

    #[test]
    fn a_providers_key_in_the_env_file_is_a_change() {
        let (folder, mut watch) = watch(&Home::Private("/p".into()), "model = \"a\"");
        fs::write(folder.path().join(DOTENV), "CORP_KEY=x").unwrap();
        assert!(watch.changed() && !watch.changed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_in_the_middle_of_being_written_is_a_change_only_if_it_stays_so() {
        let (folder, mut watch) = watch(&Home::Users, "model = \"a\"");
        let write = |text: &str| fs::write(folder.path().join(CONFIG), text).unwrap();
        write("");
        assert!(!watch.changed());
        write("model = \"a\"");
        assert!(!watch.changed());
        write("model = ");
        assert!(!watch.changed());
        tokio::time::advance(SETTLE_TIME).await;
        assert!(watch.changed() && !watch.changed());
        write("model = \"a\"");
        assert!(watch.changed() && !watch.changed());
    }
}
