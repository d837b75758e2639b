//! What is put back, and what is refused.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_is_shown_undone_and_redone() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("patched.txt", "one\ntwo\n");
    bed.write("deleted.txt", "gone\n");
    bed.write("folder/renamed.txt", "a\nb\nc\nd\n");
    bed.write("image.png", [0, 159, 146, 150, 0, 1]);
    bed.write("script.sh", "#!/bin/sh\n");
    bed.write("same.txt", "same\n");
    let before = tree(&bed.work());
    let changes = bed
        .answer("1", || {
            bed.write("patched.txt", "one\n2\n");
            fs::remove_file(bed.path("deleted.txt")).unwrap();
            fs::create_dir_all(bed.path("new/folder")).unwrap();
            fs::rename(bed.path("folder/renamed.txt"), bed.path("new/folder/name.txt")).unwrap();
            fs::remove_dir(bed.path("folder")).unwrap();
            bed.write("image.png", [0, 1, 2, 3]);
            #[cfg(unix)]
            fs::set_permissions(bed.path("script.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
            bed.write("added.txt", "new\n");
        })
        .await;
    use FileAction::{Added, Changed, Deleted, Renamed};
    let mut expected = vec![
        ("added.txt", Added),
        ("deleted.txt", Deleted),
        ("image.png", Changed),
        ("new/folder/name.txt", Renamed),
        ("patched.txt", Changed),
    ];
    if cfg!(unix) {
        expected.push(("script.sh", Changed));
    }
    assert_eq!(paths(&changes.files), expected);
    assert_eq!(changes.count as usize, expected.len());
    assert_eq!((changes.files[4].added, changes.files[4].removed), (1, 1));
    assert!(changes.files[2].binary && !changes.files[4].binary);
    assert_eq!(changes.files[3].from.as_deref(), Some("folder/renamed.txt"));
    assert!(changes.diff.contains("-two\n+2\n") && changes.diff.contains("rename from folder/renamed.txt"));
    assert!(changes.diff.contains("Binary files a/image.png and b/image.png differ"));
    assert_eq!(changes.undo, UndoState::Possible);

    let after = tree(&bed.work());
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!(report.restored, expected.iter().map(|(path, _)| *path).collect::<Vec<_>>());
    assert_eq!(report.refused, []);
    assert_eq!(tree(&bed.work()), before);
    assert_eq!(bed.store.undo("1").await, Err(UndoError::AlreadyDone));
    let undone = bed.store.changes("1").await.unwrap();
    assert_eq!(undone, Changes { undo: UndoState::Undone, ..changes.clone() });

    bed.store.redo("1").await.unwrap();
    assert_eq!(tree(&bed.work()), after);
    assert_eq!(bed.store.redo("1").await, Err(UndoError::AlreadyDone));
    bed.store.undo("1").await.unwrap();
    assert_eq!(tree(&bed.work()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_can_be_undone_after_a_restart() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("a.txt", "before");
    let changes = bed.answer("1", || bed.write("a.txt", "after")).await;
    let environment = Environment::default().with("PATH", std::env::var_os("PATH").unwrap());
    let restarted = ChangeStore::new(&bed.home.path().join("data"), &environment);
    assert_eq!(restarted.changes("1").await, Some(changes));
    restarted.undo("1").await.unwrap();
    assert_eq!(bed.read("a.txt"), "before");
    assert_eq!(restarted.undo("../1").await, Err(UndoError::Gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_somebody_has_edited_since_is_refused_and_the_others_are_restored() {
    needs_git!();
    let bed = Testbed::new();
    for name in ["a", "b", "c", "d", "old"] {
        bed.write(name, format!("{name}\n1\n2\n3\n4\n"));
    }
    bed.answer("1", || {
        for name in ["a", "b", "c"] {
            bed.write(name, "changed");
        }
        fs::remove_file(bed.path("d")).unwrap();
        fs::rename(bed.path("old"), bed.path("new")).unwrap();
        bed.write("e", "added");
    })
    .await;
    bed.write("a", "CHANGED");
    fs::remove_file(bed.path("b")).unwrap();
    bed.write("d", "here again");
    bed.write("new", "mine");
    bed.write("e", "mine too");
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!(report.restored, ["c"]);
    assert_eq!(refused(&report), ["a", "b", "d", "e", "new"]);
    assert!(report.refused.iter().all(|file| file.why == "It has been edited since."));
    let texts = ["a", "c", "d", "e", "new"].map(|name| bed.read(name));
    assert_eq!(texts, ["CHANGED", "c\n1\n2\n3\n4\n", "here again", "mine too", "mine"]);
    assert!(!bed.path("b").exists() && !bed.path("old").exists());
    // Only what was restored is redone.
    assert_eq!(bed.store.redo("1").await.unwrap().restored, ["c"]);
    assert_eq!(bed.read("c"), "changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_all_kinds_are_restored() {
    needs_git!();
    let bed = Testbed::new();
    let names = [
        "with space",
        "-dash",
        "ünï cödé/日本",
        "new\nline",
        "tab\tand\"quote\"",
        "back\\slash",
        ":(glob)*",
        "*.x",
    ];
    let names = if cfg!(windows) { &names[..3] } else { &names[..] };
    for name in names {
        bed.write(name, "before\r\nCRLF\n");
    }
    let before = tree(&bed.work());
    let changes = bed
        .answer("1", || {
            for (index, name) in names.iter().enumerate() {
                if index % 2 == 0 {
                    bed.write(name, "after");
                } else {
                    fs::remove_file(bed.path(name)).unwrap();
                }
            }
        })
        .await;
    assert_eq!(changes.count as usize, names.len());
    assert!(names.iter().all(|name| changes.files.iter().any(|file| file.path == *name)), "{changes:?}");
    assert_eq!(bed.store.undo("1").await.unwrap().restored.len(), names.len());
    assert_eq!(tree(&bed.work()), before);
}

/// More than the 260 characters that Windows' programs take as a path without further ado.
fn long_path(folder: &Path) -> PathBuf {
    (0..3).fold(folder.to_owned(), |path, _| path.join("a long name ".repeat(9).trim_end()))
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_all_kinds_are_covered() {
    needs_git!();
    let home = tempfile::tempdir().unwrap();
    for name in ["with blank", "100% & more", "größe", "中文", "it's (a) [b] {c};d^e!", "UPPER and lower"]
    {
        let [work, data] = ["work", "data"].map(|kind| home.path().join(name).join(kind));
        fs::create_dir_all(work.join("deep")).unwrap();
        fs::write(work.join("deep/a"), "before").unwrap();
        let store = ChangeStore::with(&data, &path_only(), LIMITS, "git");
        let window = store.begin("1", &work).await;
        assert_eq!(window.why_not(), None, "{name}");
        fs::write(work.join("deep/a"), "after").unwrap();
        fs::write(work.join("new"), "new").unwrap();
        let changes = window.end(None).await.unwrap();
        use FileAction::{Added, Changed};
        assert_eq!(paths(&changes.files), [("deep/a", Changed), ("new", Added)], "{name}");
        store.undo("1").await.unwrap();
        assert_eq!(fs::read_to_string(work.join("deep/a")).unwrap(), "before");
        assert!(!work.join("new").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_folder_with_a_long_path_is_used_or_the_reason_is_said() {
    needs_git!();
    let home = tempfile::tempdir().unwrap();
    let (work, data) = (home.path().join("work"), long_path(home.path()));
    fs::create_dir(&work).unwrap();
    let store = ChangeStore::with(&data, &path_only(), LIMITS, "git");
    let window = store.begin("1", &work).await;
    if cfg!(windows) {
        // git does not take it, even with core.longpaths, which is in its configuration there.
        assert!(window.why_not().is_some_and(|why| why.contains("too long")), "{window:?}");
        return;
    }
    assert_eq!(window.why_not(), None);
    fs::write(work.join("a"), "after").unwrap();
    assert_eq!(window.end(None).await.unwrap().count, 1);
    store.undo("1").await.unwrap();
    assert!(!work.join("a").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_folder_stays_and_those_that_codex_created_go() {
    needs_git!();
    let bed = Testbed::new();
    fs::create_dir_all(bed.path("empty/inner")).unwrap();
    let before = tree(&bed.work());
    bed.answer("1", || {
        bed.write("empty/inner/a", "a");
        bed.write("empty/new/b", "b");
        bed.write("other/deep/c", "c");
    })
    .await;
    bed.store.undo("1").await.unwrap();
    assert_eq!(tree(&bed.work()), before);
    // A file of somebody else keeps the folder.
    bed.answer("2", || bed.write("other/a", "a")).await;
    bed.write("other/mine", "mine");
    bed.store.undo("2").await.unwrap();
    assert_eq!(bed.read("other/mine"), "mine");
    assert!(!bed.path("other/a").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_changes_nothing_is_not_kept() {
    needs_git!();
    let bed = Testbed::new();
    assert_eq!(bed.answer("1", || {}).await.count, 0);
    bed.write("a", "a");
    let changes = bed.answer("2", || bed.write("a", "a")).await;
    assert_eq!((changes.count, changes.diff.as_str()), (0, ""));
    assert_eq!(bed.store.changes("2").await, None);
    assert_eq!(bed.store.undo("2").await, Err(UndoError::Gone));
}

// Unix only: windows.rs has the same for Windows, whose links are of two kinds.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_are_restored_as_such() {
    needs_git!();
    use std::os::unix::fs::symlink;
    let bed = Testbed::new();
    bed.write("target", "target");
    symlink("target", bed.path("changed")).unwrap();
    symlink("nowhere", bed.path("deleted")).unwrap();
    bed.write("was a file", "text");
    bed.write("was a folder/file", "inside");
    let before = tree(&bed.work());
    let changes = bed
        .answer("1", || {
            for (name, target) in
                [("changed", "/etc/passwd"), ("was a file", "target"), ("was a folder", "/etc")]
            {
                let _file = fs::remove_file(bed.path(name));
                let _folder = fs::remove_dir_all(bed.path(name));
                symlink(target, bed.path(name)).unwrap();
            }
            fs::remove_file(bed.path("deleted")).unwrap();
            symlink("target", bed.path("added")).unwrap();
        })
        .await;
    assert_eq!(changes.files.iter().filter(|file| file.link).count(), 5, "{changes:?}");
    let after = tree(&bed.work());
    assert_eq!(refused(&bed.store.undo("1").await.unwrap()), [] as [&str; 0]);
    assert_eq!(tree(&bed.work()), before);
    assert_eq!(refused(&bed.store.redo("1").await.unwrap()), [] as [&str; 0]);
    assert_eq!(tree(&bed.work()), after);
}

// Unix only: windows.rs has the same for Windows.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_through_a_folder_that_has_become_a_link() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("folder/changed", "before");
    bed.write("folder/deleted", "before");
    bed.write("folder/deep/added", "before");
    bed.answer("1", || {
        bed.write("folder/changed", "after");
        fs::remove_file(bed.path("folder/deleted")).unwrap();
        bed.write("folder/deep/added", "after");
        bed.write("folder/new", "new");
    })
    .await;
    // Outside, all is as after the answer.
    let outside = bed.home.path().join("outside");
    fs::rename(bed.path("folder"), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, bed.path("folder")).unwrap();
    let before = tree(&outside);
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!(report.restored, [] as [&str; 0]);
    assert_eq!(refused(&report), ["folder/changed", "folder/deep/added", "folder/deleted", "folder/new"]);
    assert_eq!(tree(&outside), before);
}

// Unix only: file modes.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn permissions_of_a_restored_file_are_those_from_before() {
    needs_git!();
    use std::os::unix::fs::PermissionsExt as _;
    let bed = Testbed::new();
    for (name, mode) in [("private", 0o600), ("gone", 0o640), ("program", 0o750)] {
        bed.write(name, "before");
        fs::set_permissions(bed.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let before = tree(&bed.work());
    bed.answer("1", || {
        bed.write("private", "after");
        fs::remove_file(bed.path("gone")).unwrap();
        fs::remove_file(bed.path("program")).unwrap();
    })
    .await;
    bed.store.undo("1").await.unwrap();
    assert_eq!(tree(&bed.work()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_and_folder_may_take_each_others_place() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("file", "a file\nwith lines\n");
    bed.write("folder/inside/x", "x");
    let before = tree(&bed.work());
    bed.answer("1", || {
        fs::rename(bed.path("file"), bed.path("moved")).unwrap();
        fs::create_dir(bed.path("file")).unwrap();
        fs::rename(bed.path("moved"), bed.path("file/moved")).unwrap();
        bed.write("file/more/new", "new");
        fs::remove_dir_all(bed.path("folder")).unwrap();
        bed.write("folder", "now a file");
    })
    .await;
    let after = tree(&bed.work());
    assert_eq!(refused(&bed.store.undo("1").await.unwrap()), [] as [&str; 0]);
    assert_eq!(tree(&bed.work()), before);
    assert_eq!(refused(&bed.store.redo("1").await.unwrap()), [] as [&str; 0]);
    assert_eq!(tree(&bed.work()), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_comes_back_in_place_of_empty_folders_but_not_of_others_files() {
    needs_git!();
    let bed = Testbed::new();
    for name in ["empty", "full"] {
        bed.write(name, "before");
    }
    bed.answer("1", || {
        for name in ["empty", "full"] {
            fs::remove_file(bed.path(name)).unwrap();
            fs::create_dir_all(bed.path(name).join("deep/deeper")).unwrap();
        }
    })
    .await;
    bed.write("full/deep/mine", "later");
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!((report.restored, bed.read("empty")), (vec!["empty".to_owned()], "before".to_owned()));
    assert_eq!(report.refused.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["full"]);
    assert_eq!(bed.read("full/deep/mine"), "later");
}
