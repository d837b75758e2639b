//! Windows' Credential Manager itself, with entries of the tests that they delete.

use super::*;

/// Deletes an entry, however its test ends.
struct Entry(&'static str);

impl Drop for Entry {
    fn drop(&mut self) {
        let _ = OsKeychain.delete(self.0);
    }
}

#[test]
fn secret_is_stored_replaced_and_deleted() {
    let entry = Entry("test-of-codex-proxy");
    let _ = OsKeychain.delete(entry.0);
    assert_eq!(OsKeychain.probe(), Ok(()));
    assert_eq!(OsKeychain.get(entry.0).map(drop), Err(SecretError::NotFound));
    // 2,560 bytes of UTF-16 are the most that Windows stores.
    let longest = "x".repeat(1280);
    for secret in ["sk-cp-1", "sk-cp-2", "Grüße, 你好 🦀", &longest] {
        OsKeychain.put(entry.0, &Key::new(secret)).unwrap();
        assert_eq!(OsKeychain.get(entry.0).unwrap().reveal(), secret);
    }
    let too_long = OsKeychain.put(entry.0, &Key::new(format!("{longest}x"))).unwrap_err();
    assert!(matches!(&too_long, SecretError::Failed(message) if !message.contains("xx")), "{too_long:?}");
    assert_eq!(OsKeychain.get(entry.0).unwrap().reveal(), longest, "it is not cut");
    assert_eq!(OsKeychain.delete(entry.0), Ok(()));
    assert_eq!(OsKeychain.delete(entry.0), Err(SecretError::NotFound));
}

#[tokio::test]
async fn key_is_copied_again_after_a_restart_and_gone_when_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let ring = || KeyRing::new(folder.path(), Arc::new(OsKeychain));
    assert_eq!(ring().state().await, KeychainState::Available);
    let new = ring().create("Grüße 你好", proxy::KeyLimits::default(), 1).await.unwrap();
    let again = ring();
    assert!(again.rows().await.unwrap()[0].can_copy);
    assert_eq!(again.secret(&new.row.id).await.unwrap().reveal(), new.secret);
    assert_eq!(again.revoke(&new.row.id).await.unwrap(), None);
    assert_eq!(OsKeychain.get(&new.row.id).map(drop), Err(SecretError::NotFound));
}
