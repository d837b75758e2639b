//! Copies to the clipboard. A secret is hidden from clipboard managers, and removed after a while unless something else was
//! copied since.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use desktop::view::ViewError;
use tauri::{AppHandle, Manager as _};
use tauri_plugin_clipboard_manager::{ClipboardExt as _, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How long a secret stays in the clipboard.
const SECRET_TIMEOUT: Duration = Duration::from_secs(90);

/// The secret that may still be in the clipboard.
#[derive(Debug)]
pub(crate) struct CopiedSecret {
    runtime: Handle,
    last: Mutex<Option<(String, JoinHandle<()>)>>,
}

/// Copies text.
pub(crate) fn copy(handle: &AppHandle, text: &str) -> std::result::Result<(), ViewError> {
    handle.clipboard().write_text(text).map_err(|error| describe(&error))
}

/// Copies text that contains a key.
pub(crate) fn copy_secret(handle: &AppHandle, text: &str) -> std::result::Result<(), ViewError> {
    handle.state::<CopiedSecret>().copy(handle.clone(), text).map_err(|error| describe(&error))
}

/// Removes a secret of ours from the clipboard. Blocks on the clipboard's owner, which may be another program.
pub(crate) fn remove_secret(handle: &AppHandle) {
    handle.state::<CopiedSecret>().remove(handle);
}

fn describe(error: &tauri_plugin_clipboard_manager::Error) -> ViewError {
    ViewError::new(format!("Couldn't copy to the clipboard: {error}."))
}

/// The system's clipboard.
trait Clipboard: Send + 'static {
    fn write_secret(&self, text: &str) -> Result<()>;
    /// Whether it still has the secret.
    fn has(&self, secret: &str) -> bool;
    fn clear(&self) -> Result<()>;
}

impl Clipboard for AppHandle {
    fn write_secret(&self, text: &str) -> Result<()> {
        self.clipboard().write_secret(text)?;
        #[cfg(target_os = "macos")]
        crate::macos::secret_was_copied();
        Ok(())
    }

    #[cfg(target_os = "macos")]
    fn has(&self, _secret: &str) -> bool {
        crate::macos::has_our_secret()
    }

    #[cfg(not(target_os = "macos"))]
    fn has(&self, secret: &str) -> bool {
        self.clipboard().read_text().is_ok_and(|text| text == secret)
    }

    fn clear(&self) -> Result<()> {
        self.clipboard().clear()
    }
}

impl CopiedSecret {
    /// Removes secrets on `runtime`.
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, last: Mutex::default() }
    }

    fn copy(&self, clipboard: impl Clipboard, text: &str) -> Result<()> {
        clipboard.write_secret(text)?;
        let secret = text.to_owned();
        let timer = self.runtime.spawn(async move {
            tokio::time::sleep(SECRET_TIMEOUT).await;
            // Reading may wait for another program.
            let _ = tokio::task::spawn_blocking(move || remove(&clipboard, &secret)).await;
        });
        let previous = self.lock().replace((text.to_owned(), timer));
        if let Some((_, timer)) = previous {
            timer.abort();
        }
        Ok(())
    }

    fn remove(&self, clipboard: &impl Clipboard) {
        if let Some((secret, timer)) = self.lock().take() {
            timer.abort();
            remove(clipboard, &secret);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(String, JoinHandle<()>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clears the clipboard if it holds the secret.
fn remove(clipboard: &impl Clipboard, secret: &str) {
    if clipboard.has(secret)
        && let Err(error) = clipboard.clear()
    {
        tracing::warn!(%error, "failed to remove a key from the clipboard");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct FakeClipboard(Arc<Mutex<Option<String>>>);

    impl FakeClipboard {
        fn text(&self) -> Option<String> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Clipboard for FakeClipboard {
        fn write_secret(&self, text: &str) -> Result<()> {
            *self.0.lock().unwrap() = Some(text.to_owned());
            Ok(())
        }

        fn has(&self, secret: &str) -> bool {
            self.text().as_deref() == Some(secret)
        }

        fn clear(&self) -> Result<()> {
            *self.0.lock().unwrap() = None;
            Ok(())
        }
    }

    /// Lets the paused clock run, and waits for the timer if it has rung.
    async fn after(seconds: u64, copied: &CopiedSecret) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let rung = copied.lock().take_if(|(_, timer)| seconds >= 90 || timer.is_finished());
        if let Some((_, timer)) = rung {
            timer.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_copied_key_is_removed_after_90_seconds_and_at_quit_if_it_is_still_there() {
        let (clipboard, copied) = (FakeClipboard::default(), CopiedSecret::new(Handle::current()));
        copied.copy(clipboard.clone(), "sk-1").unwrap();
        after(80, &copied).await;
        assert_eq!(clipboard.text().as_deref(), Some("sk-1"));
        // Copied again, it stays for another 90 seconds.
        copied.copy(clipboard.clone(), "sk-1").unwrap();
        after(80, &copied).await;
        assert_eq!(clipboard.text().as_deref(), Some("sk-1"));
        after(90, &copied).await;
        assert_eq!(clipboard.text(), None);

        copied.copy(clipboard.clone(), "sk-2").unwrap();
        *clipboard.0.lock().unwrap() = Some("the user's".to_owned());
        after(90, &copied).await;
        assert_eq!(clipboard.text().as_deref(), Some("the user's"));
        copied.remove(&clipboard);

        copied.copy(clipboard.clone(), "sk-3").unwrap();
        copied.remove(&clipboard);
        assert_eq!(clipboard.text(), None);
        copied.copy(clipboard.clone(), "sk-4").unwrap();
        *clipboard.0.lock().unwrap() = Some("the user's".to_owned());
        copied.remove(&clipboard);
        assert_eq!(clipboard.text().as_deref(), Some("the user's"));
    }
}
