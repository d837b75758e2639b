//! The user's repositories and configuration are left alone, and do not count; what is not covered is said.

use super::*;

fn user_configuration(bed: &Testbed) {
    let hook = bed.home.path().join("hooks/post-index-change");
    fs::create_dir(hook.parent().unwrap()).unwrap();
    let ran = bed.home.path().join("ran");
    let script = format!("#!/bin/sh\ncat > /dev/null; touch '{}'\n", ran.display());
    fs::write(&hook, &script).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (home, hook) = (bed.home.path().display(), hook.display());
    let config = format!(
        "[core]\n\thooksPath = {home}/hooks\n\tautocrlf = true\n\tfsmonitor = {hook}\n\tattributesFile = {home}/attributes\n\
         [filter \"foo\"]\n\tclean = {hook}\n\tsmudge = {hook}\n\trequired = true\n\
         [commit]\n\tgpgSign = true\n[gpg]\n\tprogram = {hook}\n[diff]\n\texternal = {hook}\n"
    );
    fs::write(bed.home.path().join(".gitconfig"), config).unwrap();
    fs::write(bed.home.path().join("attributes"), "* filter=foo\n").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn users_git_configuration_and_attributes_do_not_count() {
    needs_git!();
    let bed = Testbed::new();
    user_configuration(&bed);
    bed.write(
        ".gitattributes",
        "* eol=crlf text filter=foo ident diff=foo\n*.u working-tree-encoding=UTF-16\n",
    );
    let texts = ["crlf\r\nand lf\n$Id$\n", "lf\n", "$Id: 12 $\r\n"];
    for (name, text) in ["a", "b.u", "c"].iter().zip(texts) {
        bed.write(name, text);
    }
    let changes = bed.answer("1", || ["a", "b.u", "c"].iter().for_each(|name| bed.write(name, "x\n"))).await;
    assert_eq!(changes.count, 3);
    assert!(changes.diff.contains("-crlf\r\n-and lf\n-$Id$\n+x\n"), "{}", changes.diff);
    bed.store.undo("1").await.unwrap();
    assert_eq!(["a", "b.u", "c"].map(|name| bed.read(name)), texts);
    assert!(!bed.home.path().join("ran").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn users_own_repository_is_left_as_it_is() {
    needs_git!();
    let bed = Testbed::new();
    bed.git("", &["init", "--quiet"]);
    bed.write("a", "committed\n");
    bed.git("", &["add", "a"]);
    bed.git("", &["commit", "--quiet", "-m", "One"]);
    bed.write("a", "not committed\n");
    bed.write("staged", "staged\n");
    bed.git("", &["add", "staged"]);
    let before = tree(&bed.path(".git"));
    bed.answer("1", || bed.write("a", "by codex\n")).await;
    bed.store.undo("1").await.unwrap();
    bed.store.redo("1").await.unwrap();
    bed.store.undo("1").await.unwrap();
    assert_eq!(tree(&bed.path(".git")), before);
    assert_eq!(bed.read("a"), "not committed\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_repositories_and_ignored_files_are_not_touched_and_named_beforehand() {
    needs_git!();
    let bed = Testbed::new();
    for nested in ["nested", "deep/without commits"] {
        bed.write(&format!("{nested}/file"), "before");
        bed.git(nested, &["init", "--quiet"]);
    }
    bed.git("nested", &["add", "."]);
    bed.git("nested", &["commit", "--quiet", "-m", "One"]);
    bed.write(".gitignore", "*.log\nbuild/\n");
    bed.write("a.log", "before");
    bed.write("build/x", "before");
    bed.write("covered", "before");
    let coverage = bed.store.before_turn(&bed.work()).await;
    assert!(coverage.covered && coverage.why.is_none());
    assert_eq!(
        coverage.left_out,
        [
            "Files that .gitignore lists can't be restored.",
            "The repository in deep/without commits can't be restored.",
            "The repository in nested can't be restored.",
        ]
    );
    let all = ["nested/file", "deep/without commits/file", "a.log", "build/x", "covered"];
    let changes = bed.answer("1", || all.iter().for_each(|name| bed.write(name, "after"))).await;
    assert_eq!(paths(&changes.files), [("covered", FileAction::Changed)]);
    bed.store.undo("1").await.unwrap();
    assert_eq!(all.map(|name| bed.read(name)), ["after", "after", "after", "after", "before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ignore_rules_of_the_repository_around_the_folder_count() {
    needs_git!();
    let bed = Testbed::new();
    let above = bed.home.path();
    let init = || {
        let mut git = user_git();
        git.args(["init", "--quiet"]).current_dir(above).env("HOME", above).output().unwrap();
    };
    init();
    fs::write(above.join(".gitignore"), "*.log\nwork/out/\n").unwrap();
    // Made by git's templates, which may be missing.
    fs::create_dir_all(above.join(".git/info")).unwrap();
    fs::write(above.join(".git/info/exclude"), "private\n").unwrap();
    for name in ["a", "deep/b"] {
        bed.write(name, "before");
    }
    let all = ["a", "deep/b", "c.log", "out/d", "private"];
    let changes = bed.answer("1", || all.iter().for_each(|name| bed.write(name, "after"))).await;
    assert_eq!(paths(&changes.files), [("a", FileAction::Changed), ("deep/b", FileAction::Changed)]);
    assert!(changes.diff.contains("diff --git a/deep/b b/deep/b\n"), "{}", changes.diff);
    bed.store.undo("1").await.unwrap();
    assert_eq!(["a", "deep/b", "out/d"].map(|name| bed.read(name)), ["before", "before", "after"]);
    // A repository that ignores the whole folder, as one of settings does, has no say in it.
    fs::write(above.join(".gitignore"), "*\n").unwrap();
    let changes = bed.answer("2", || bed.write("c.log", "again")).await;
    assert!(paths(&changes.files).contains(&("c.log", FileAction::Changed)), "{changes:?}");
    bed.store.undo("2").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_that_is_too_large_is_not_covered_and_says_so() {
    needs_git!();
    let few = Testbed::with(SnapshotLimits { files: 3, ..LIMITS });
    (0..4).for_each(|index| few.write(&index.to_string(), "x"));
    let why = "The working folder is too large to undo changes: it has more than 3 files.";
    assert_eq!(few.store.begin("1", &few.work()).await.why_not(), Some(why));
    assert_eq!(few.store.before_turn(&few.work()).await.why.as_deref(), Some(why));

    let small = Testbed::with(SnapshotLimits { bytes: 2_000_000, ..LIMITS });
    small.write("large", vec![b'x'; 2_000_001]);
    let why = "The working folder is too large to undo changes: it has more than 2 MB.";
    assert_eq!(small.store.begin("1", &small.work()).await.why_not(), Some(why));

    let quick = Testbed::with(SnapshotLimits { time: Duration::ZERO, ..LIMITS });
    let why = "The working folder is too large to undo changes: a snapshot takes over 0 seconds.";
    assert_eq!(quick.store.begin("1", &quick.work()).await.why_not(), Some(why));
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_makes_the_folder_too_large_shows_what_codex_says_that_it_changed() {
    needs_git!();
    let bed = Testbed::with(SnapshotLimits { files: 3, ..LIMITS });
    let window = bed.store.begin("1", &bed.work()).await;
    assert_eq!(window.why_not(), None);
    (0..4).for_each(|index| bed.write(&index.to_string(), "x"));
    let patch = "diff --git a/0 b/0\nnew file mode 100644\n--- /dev/null\n+++ b/0\n@@ -0,0 +1 @@\n+x\n";
    let changes = window.end(Some(patch.to_owned())).await.unwrap();
    let why = "The working folder is too large to undo changes: it has more than 3 files.".to_owned();
    assert_eq!((changes.count, changes.undo), (1, UndoState::Not { why }));
    assert_eq!(paths(&changes.files), [("0", FileAction::Added)]);
    assert_eq!(bed.store.undo("1").await, Err(UndoError::Gone));
}

// Unix only: file modes, and a file system that tells `a` from `A`.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn only_their_owner_can_read_snapshots_and_case_counts_as_in_the_folder() {
    needs_git!();
    let bed = Testbed::new();
    let changes = bed.answer("1", || ["a", "A"].iter().for_each(|name| bed.write(name, name))).await;
    assert_eq!(paths(&changes.files), [("A", FileAction::Added), ("a", FileAction::Added)]);
    let snapshots = bed.home.path().join("data/snapshots");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&snapshots).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    let folder = super::super::folder::Folder::new(&bed.work()).unwrap();
    assert_eq!(folder.ignores_case(), Some(false));
    assert_eq!(super::super::folder::Folder::alone("/1".into()).ignores_case(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_git_nothing_is_covered() {
    needs_git!();
    let bed = Testbed::new();
    let data = bed.home.path().join("data");
    let store = ChangeStore::with(&data, &Environment::default(), LIMITS, "no-git-of-this-name");
    let coverage = store.before_turn(&bed.work()).await;
    let why = "git isn't installed, and changes can't be undone without it.";
    assert_eq!((coverage.covered, coverage.why.as_deref()), (false, Some(why)));
    assert_eq!(store.begin("1", &bed.work()).await.why_not(), Some(why));
    bed.answer("2", || bed.write("a", "a")).await;
    assert_eq!(store.undo("2").await, Err(UndoError::NoGit));
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_that_holds_our_data_is_not_covered() {
    needs_git!();
    let bed = Testbed::new();
    let window = bed.store.begin("1", bed.home.path()).await;
    assert_eq!(
        window.why_not(),
        Some("Changes can't be undone in a folder that holds the data folder of Codex Proxy.")
    );
}
