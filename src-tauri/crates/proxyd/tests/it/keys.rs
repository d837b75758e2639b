//! The file of keys as codex-proxyd finds it.

use crate::daemon::{a_home, ask, codex_proxyd, ended, run, start};
use crate::support::folder;

#[tokio::test]
async fn a_damaged_file_of_keys_is_set_aside_and_said_at_the_start_and_there_is_a_new_key() {
    let (folder, _model) = a_home().await;
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("keys.json"), "{\"version\":1,\"keys\":[{\"id\":\"no").unwrap();
    let args = ["--port", "0", "--data-dir", "data"];
    let daemon = start(codex_proxyd(folder.path()).args(args)).await;
    let key = daemon.before[0].split_whitespace().last().unwrap().to_owned();
    assert_eq!(ask(&daemon.url, &key, "[[words=1]]").await.status(), 200);
    let log = ended(daemon).await;
    let aside = std::fs::read_dir(&data).unwrap().map(|file| file.unwrap().path());
    let aside: Vec<_> = aside.filter(|path| path.display().to_string().contains("keys.damaged-")).collect();
    assert_eq!(std::fs::read_to_string(&aside[0]).unwrap(), "{\"version\":1,\"keys\":[{\"id\":\"no");
    assert!(log.contains("The file of keys was damaged") && log.contains("keys.damaged-"), "{log}");
}

#[tokio::test]
async fn a_newer_file_of_keys_is_left_as_it_is_and_the_start_says_so() {
    let folder = folder();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let newer = "{\"version\":9,\"keys\":{\"in\":\"another form\"}}";
    std::fs::write(data.join("keys.json"), newer).unwrap();
    for args in [vec![], vec!["key", "new", "laptop"], vec!["key", "revoke", "abc"]] {
        let mut command = codex_proxyd(folder.path());
        let (ok, _, error) = run(command.args(args).args(["--port", "0", "--data-dir", "data"])).await;
        assert!(!ok && error.contains("written by a newer version"), "{error}");
        assert_eq!(std::fs::read_to_string(data.join("keys.json")).unwrap(), newer);
    }
}
