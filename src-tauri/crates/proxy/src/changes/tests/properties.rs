//! Whatever an answer does to the files, undoing it gives the folder from before, and redoing the one from after.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Edit {
    Write(String, Vec<u8>),
    Remove(String),
    Rename(String, String),
    Link(String, String),
    Executable(String),
}

fn edit() -> impl Strategy<Value = Edit> {
    // Few names, so that they meet, also as folder and file.
    let name = || {
        prop::sample::select(vec!["a", "b", "a/x", "a/y", "a/x/deep", "c d", "b/ü", "é"])
            .prop_map(str::to_owned)
    };
    let content = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..20),
        (0..40_usize).prop_map(|lines| "one line\r\n".repeat(lines).into_bytes()),
    ];
    prop_oneof![
        4 => (name(), content).prop_map(|(name, content)| Edit::Write(name, content)),
        2 => name().prop_map(Edit::Remove),
        2 => (name(), name()).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => (name(), name()).prop_map(|(name, to)| Edit::Link(name, to)),
        1 => name().prop_map(Edit::Executable),
    ]
}

/// Does what is possible.
fn apply(bed: &Testbed, edits: &[Edit]) {
    let inside = |name: &str| {
        let path = bed.path(name);
        // Never through a link.
        let parents = path.ancestors().skip(1).take_while(|parent| *parent != bed.work());
        (!parents.clone().any(Path::is_symlink)).then_some(path.clone())
    };
    for edit in edits {
        let _possible = match edit {
            Edit::Write(name, content) => inside(name).filter(|path| !path.is_symlink()).map(|path| {
                let _exists = fs::create_dir_all(path.parent().unwrap());
                fs::write(path, content)
            }),
            Edit::Remove(name) => inside(name).map(|path| {
                if path.is_dir() && !path.is_symlink() {
                    fs::remove_dir_all(path)
                } else {
                    fs::remove_file(path)
                }
            }),
            Edit::Rename(from, to) => inside(from).zip(inside(to)).map(|(from, to)| fs::rename(from, to)),
            #[cfg(unix)]
            Edit::Link(name, to) => inside(name).map(|path| std::os::unix::fs::symlink(to, path)),
            #[cfg(unix)]
            Edit::Executable(name) => inside(name)
                .filter(|path| path.is_file() && !path.is_symlink())
                .map(|path| fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))),
            #[cfg(not(unix))]
            Edit::Link(..) | Edit::Executable(_) => None,
        };
    }
}

/// Without folders: git does not know empty ones that the answer removed.
fn files(folder: &Path) -> Vec<(String, String)> {
    tree(folder).into_iter().filter(|(_, content)| content != "folder").collect()
}

#[test]
fn undo_and_redo_give_the_trees_from_before_and_after() {
    needs_git!();
    let edits = || prop::collection::vec(edit(), 0..12);
    let config = ProptestConfig { cases: 24, ..ProptestConfig::default() };
    proptest!(config, |(first in edits(), second in edits())| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let bed = Testbed::new();
            apply(&bed, &first);
            let before = files(&bed.work());
            let changes = bed.answer("1", || apply(&bed, &second)).await;
            let after = files(&bed.work());
            prop_assert_eq!(changes.count == 0, before == after);
            if changes.count > 0 {
                let report = bed.store.undo("1").await.unwrap();
                prop_assert_eq!((report.refused, files(&bed.work())), (vec![], before));
                let report = bed.store.redo("1").await.unwrap();
                prop_assert_eq!((report.refused, files(&bed.work())), (vec![], after));
            }
            Ok(())
        })?;
    });
}
