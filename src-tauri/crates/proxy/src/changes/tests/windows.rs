//! What only Windows has: names that differ in case alone, files that are in use or read-only, reserved names, and two kinds of
//! links.

use std::os::windows::fs::{OpenOptionsExt as _, symlink_dir, symlink_file};

use sample_model::{not_under_wine, under_test};

use super::*;

/// Opens a file as programs do that share it with nobody.
fn open_alone(path: &Path) -> fs::File {
    fs::OpenOptions::new().read(true).share_mode(0).open(path).unwrap()
}

fn set_read_only(path: &Path, read_only: bool) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(read_only);
    fs::set_permissions(path, permissions).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_in_case_are_the_same_file() {
    needs_git!();
    let bed = Testbed::new();
    bed.write("Folder/Name.txt", "before");
    bed.write("other", "before");
    let folder = super::super::folder::Folder::new(&bed.work()).unwrap();
    assert_eq!(folder.ignores_case(), Some(true));
    let changes = bed
        .answer("1", || {
            bed.write("folder/NAME.TXT", "after");
            fs::rename(bed.path("other"), bed.path("Other")).unwrap();
        })
        .await;
    assert_eq!(paths(&changes.files), [("Folder/Name.txt", FileAction::Changed)]);
    assert_eq!(bed.store.undo("1").await.unwrap().restored, ["Folder/Name.txt"]);
    assert_eq!(bed.read("Folder/Name.txt"), "before");
    let upper = PathBuf::from(bed.work().to_string_lossy().to_uppercase());
    let window = bed.store.begin("2", &upper).await;
    assert_eq!(bed.store.redo("1").await, Err(UndoError::Busy));
    bed.write("other", "after");
    assert_eq!(window.end(None).await.unwrap().count, 1);
    bed.store.undo("2").await.unwrap();
    assert_eq!(bed.read("other"), "before");
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_that_has_the_data_below_another_spelling_is_not_covered() {
    needs_git!();
    let bed = Testbed::new();
    let upper = PathBuf::from(bed.home.path().to_string_lossy().to_uppercase());
    let verbatim = bed.home.path().canonicalize().unwrap();
    assert!(verbatim.to_string_lossy().starts_with(r"\\?\"));
    for folder in [upper, verbatim] {
        let why = bed.store.begin("1", &folder).await.why_not().unwrap_or_default().to_owned();
        assert!(why.contains("holds the data folder"), "{}: {why}", folder.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_files_are_restored_as_such() {
    needs_git!();
    let bed = Testbed::new();
    for name in ["changed", "deleted", "became read-only"] {
        bed.write(name, "before");
    }
    set_read_only(&bed.path("changed"), true);
    set_read_only(&bed.path("deleted"), true);
    bed.answer("1", || {
        for name in ["changed", "deleted"] {
            set_read_only(&bed.path(name), false);
            fs::remove_file(bed.path(name)).unwrap();
        }
        bed.write("changed", "after");
        bed.write("became read-only", "after");
        bed.write("new", "new");
        set_read_only(&bed.path("became read-only"), true);
        set_read_only(&bed.path("new"), true);
    })
    .await;
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!(report.refused, []);
    let is_read_only = |name| fs::metadata(bed.path(name)).unwrap().permissions().readonly();
    assert_eq!(["changed", "deleted", "became read-only"].map(|name| bed.read(name)), ["before"; 3]);
    assert_eq!(["changed", "deleted", "became read-only"].map(is_read_only), [true, true, false]);
    assert!(!bed.path("new").exists());
    assert_eq!(bed.store.redo("1").await.unwrap().refused, []);
    assert_eq!(["changed", "new", "became read-only"].map(is_read_only), [false, true, true]);
    // The temporary folder is to be deleted.
    ["new", "became read-only"].map(|name| set_read_only(&bed.path(name), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_a_program_has_open_alone_is_refused_and_the_others_are_restored() {
    needs_git!();
    let bed = Testbed::new();
    for name in ["open", "other"] {
        bed.write(name, "before");
    }
    bed.answer("1", || {
        for name in ["open", "other"] {
            bed.write(name, "after");
        }
    })
    .await;
    let held = open_alone(&bed.path("open"));
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!(
        (report.restored.as_slice(), refused(&report)),
        (["other".to_owned()].as_slice(), vec!["open"])
    );
    assert!(report.refused[0].why.starts_with("It can't be read: "), "{report:?}");
    // Snapshots leave it out.
    let changes = bed.answer("2", || bed.write("other", "again")).await;
    assert_eq!(paths(&changes.files), [("other", FileAction::Changed)]);
    drop(held);
    assert_eq!(bed.read("open"), "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_is_being_read_is_restored() {
    not_under_wine!("Wine lacks FILE_RENAME_POSIX_SEMANTICS, and replaces no file that is open");
    needs_git!();
    let bed = Testbed::new();
    bed.write("a", "before");
    bed.answer("1", || {
        bed.write("a", "after");
        bed.write("new", "new");
    })
    .await;
    let _readers = ["a", "new"].map(|name| fs::File::open(bed.path(name)).unwrap());
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!((report.restored.len(), report.refused), (2, vec![]));
    assert_eq!(bed.read("a"), "before");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_windows_reserves_are_left_out_and_the_others_are_covered() {
    needs_git!();
    let bed = Testbed::new();
    let work = bed.work().canonicalize().unwrap();
    for name in ["nul.txt", "trailing dot.", "trailing blank "] {
        fs::write(work.join(name), "before").unwrap();
    }
    bed.write("covered", "before");
    let coverage = bed.store.before_turn(&bed.work()).await;
    assert!(coverage.covered && coverage.left_out[0].contains("such as nul"), "{coverage:?}");
    let changes = bed
        .answer("1", || {
            fs::write(work.join("nul.txt"), "after").unwrap();
            bed.write("covered", "after");
            fs::write(bed.path("covered:stream"), "a stream").unwrap();
        })
        .await;
    assert_eq!(paths(&changes.files), [("covered", FileAction::Changed)]);
    assert_eq!(bed.store.undo("1").await.unwrap().restored, ["covered"]);
    assert_eq!(bed.read("covered"), "before");
    assert_eq!(fs::read_to_string(work.join("trailing dot.")).unwrap(), "before");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_both_kinds_are_restored_as_such() {
    not_under_wine!("Wine makes no links: CreateSymbolicLink does nothing");
    needs_git!();
    let bed = Testbed::new();
    bed.write("target", "target");
    bed.write("folder/inside", "inside");
    if symlink_file("target", bed.path("to a file")).is_err() {
        return under_test::report_excluded_where("without developer mode", "links can't be made");
    }
    symlink_dir("folder", bed.path("to a folder")).unwrap();
    symlink_file(r"folder\inside", bed.path("changed")).unwrap();
    bed.write("was a file", "text");
    let before = tree(&bed.work());
    let changes = bed
        .answer("1", || {
            fs::remove_file(bed.path("to a file")).unwrap();
            fs::remove_dir(bed.path("to a folder")).unwrap();
            fs::remove_file(bed.path("changed")).unwrap();
            symlink_file("target", bed.path("changed")).unwrap();
            fs::remove_file(bed.path("was a file")).unwrap();
            symlink_dir("folder", bed.path("was a file")).unwrap();
            symlink_dir("folder", bed.path("new")).unwrap();
        })
        .await;
    assert_eq!(changes.files.iter().filter(|file| file.link).count(), 5, "{changes:?}");
    let after = tree(&bed.work());
    assert_eq!(bed.store.undo("1").await.unwrap().refused, []);
    assert_eq!(tree(&bed.work()), before);
    assert_eq!(bed.store.redo("1").await.unwrap().refused, []);
    assert_eq!(tree(&bed.work()), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_through_a_folder_that_has_become_a_link() {
    not_under_wine!("Wine makes no links: CreateSymbolicLink does nothing");
    needs_git!();
    let bed = Testbed::new();
    bed.write("folder/changed", "before");
    bed.answer("1", || {
        bed.write("folder/changed", "after");
        bed.write("folder/new", "new");
    })
    .await;
    let outside = bed.home.path().join("outside");
    fs::rename(bed.path("folder"), &outside).unwrap();
    if symlink_dir(&outside, bed.path("folder")).is_err() {
        return under_test::report_excluded_where("without developer mode", "links can't be made");
    }
    let before = tree(&outside);
    let report = bed.store.undo("1").await.unwrap();
    assert_eq!(
        (report.restored.as_slice(), refused(&report)),
        ([].as_slice(), vec!["folder/changed", "folder/new"])
    );
    assert_eq!(tree(&outside), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_that_no_program_can_be_started_in_is_not_covered_and_says_so() {
    needs_git!();
    let bed = Testbed::new();
    let long = bed.path(&["a long name"; 30].join("/"));
    fs::create_dir_all(&long).unwrap();
    let why = bed.store.begin("1", &long).await.why_not().unwrap_or_default().to_owned();
    // Wine does not resolve it.
    assert!(why.starts_with("The working folder can't be read: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_paths_in_the_folder_are_covered_or_left_alone() {
    needs_git!();
    let bed = Testbed::new();
    let long = format!("{0}/{0}/{0}/file", "a long name ".repeat(9).trim_end());
    bed.write(&long, "before");
    bed.write("short", "before");
    let changes = bed
        .answer("1", || {
            bed.write(&long, "after");
            bed.write("short", "after");
        })
        .await;
    let covered = changes.files.iter().any(|file| file.path == long);
    assert!(changes.files.iter().any(|file| file.path == "short"), "{changes:?}");
    assert_eq!(bed.store.undo("1").await.unwrap().refused, []);
    assert_eq!(bed.read("short"), "before");
    // git for Windows covers it; a git without its patches leaves it out.
    assert_eq!(bed.read(&long), if covered { "before" } else { "after" });
}
