use SandboxMode::{DangerFullAccess, ReadOnly, WorkspaceWrite};

use super::*;

fn mode(sandbox: Option<SandboxMode>) -> KeyLimits {
    KeyLimits { sandbox, ..KeyLimits::default() }
}

fn at(workspace: &Path) -> KeyLimits {
    KeyLimits { workspace: Some(workspace.to_owned()), ..KeyLimits::default() }
}

#[test]
fn a_pattern_matches_whole_names() {
    for (pattern, name, expected) in [
        ("gpt-5.5", "gpt-5.5", true),
        ("gpt-5.5", "gpt-5.5-mini", false),
        ("gpt-5", "gpt-5.5", false),
        ("gpt-*", "gpt-5.5", true),
        ("gpt-*", "gpt-", true),
        ("gpt-*", "my-gpt-5", false),
        ("*-mini", "gpt-5.5-mini", true),
        ("*-mini", "gpt-5.5-mini-2", false),
        ("gpt-*-mini", "gpt-5.5-mini", true),
        ("gpt-*-mini", "gpt-mini", false),
        ("*a*b*", "xaybz", true),
        ("*a*b*", "xbya", false),
        ("no*on", "non", false),
        ("*", "codex-local", true),
        ("**", "", true),
        ("", "gpt-5.5", false),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn a_key_without_patterns_allows_all_models_and_one_name_is_enough() {
    assert!(KeyLimits::default().allows_model(&["gpt-5.5"]));
    let models = vec!["gpt-4o".to_owned()];
    let limits = KeyLimits { models, ..KeyLimits::default() };
    assert!(limits.allows_model(&["gpt-4o", "gpt-5.5"]) && !limits.allows_model(&["gpt-5.5", "gpt-5.5"]));
}

#[test]
fn values_out_of_range_are_named_and_patterns_are_cleaned() {
    let base = KeyLimits::default;
    for (limits, field) in [
        (KeyLimits { tokens_per_day: Some(0), ..base() }, "tokens_per_day"),
        (KeyLimits { requests_per_minute: Some(0), ..base() }, "requests_per_minute"),
        (KeyLimits { requests_per_minute: Some(10_001), ..base() }, "requests_per_minute"),
        (KeyLimits { reserve_percent: Some(0), ..base() }, "reserve_percent"),
        (KeyLimits { reserve_percent: Some(100), ..base() }, "reserve_percent"),
        (KeyLimits { models: vec!["gpt 5".to_owned()], ..base() }, "models"),
        (KeyLimits { models: vec!["x".repeat(101)], ..base() }, "models"),
        (KeyLimits { models: (0..51).map(|n| format!("m{n}")).collect(), ..base() }, "models"),
    ] {
        assert_eq!(limits.check_values().unwrap_err().field, field);
    }
    let models = ["", " gpt-* ", "gpt-*", "o9"].map(str::to_owned).to_vec();
    let checked = KeyLimits { models, reserve_percent: Some(99), ..base() }.check_values().unwrap();
    assert_eq!(checked.models, ["gpt-*", "o9"]);
}

#[test]
fn web_search_is_off_for_plain_models_unless_it_is_chosen() {
    for (plain_models_only, web_search, allowed) in
        [(false, None, true), (true, None, false), (true, Some(true), true), (false, Some(false), false)]
    {
        let limits = KeyLimits { plain_models_only, web_search, ..KeyLimits::default() };
        assert_eq!(limits.allows_web_search(), allowed, "{limits:?}");
    }
}

#[test]
fn the_stricter_of_the_two_modes_applies() {
    let folder = Path::new("/does/not/matter");
    for (setting, key, expected) in [
        (ReadOnly, None, ReadOnly),
        (DangerFullAccess, None, DangerFullAccess),
        (DangerFullAccess, Some(ReadOnly), ReadOnly),
        (DangerFullAccess, Some(WorkspaceWrite), WorkspaceWrite),
        (WorkspaceWrite, Some(WorkspaceWrite), WorkspaceWrite),
        (ReadOnly, Some(DangerFullAccess), ReadOnly),
    ] {
        let effective = mode(key).effective(setting, folder).unwrap();
        assert_eq!(effective, (expected, folder.to_owned()), "{setting:?} {key:?}");
    }
}

#[test]
fn a_mode_less_strict_than_the_setting_is_rejected() {
    let folder = Path::new("/does/not/matter");
    let error = mode(Some(WorkspaceWrite)).check(ReadOnly, folder).unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    assert!(mode(Some(ReadOnly)).check(ReadOnly, folder).is_ok());
}

#[test]
fn a_folder_without_a_mode_never_gets_full_access() {
    let all = tempfile::tempdir().unwrap();
    assert_eq!(at(all.path()).effective(DangerFullAccess, all.path()).unwrap().0, WorkspaceWrite);
    let explicit = KeyLimits { sandbox: Some(DangerFullAccess), ..at(all.path()) };
    assert_eq!(explicit.effective(DangerFullAccess, all.path()).unwrap().0, DangerFullAccess);
}

#[test]
fn only_folders_inside_that_of_the_settings_are_allowed() {
    let all = tempfile::tempdir().unwrap();
    let [work, inside, like] = ["work", "work/notes", "workshop"].map(|name| all.path().join(name));
    for folder in [&inside, &like] {
        fs::create_dir_all(folder).unwrap();
    }
    assert!(at(&inside).effective(ReadOnly, &work).is_ok() && at(&work).effective(ReadOnly, &work).is_ok());
    for outside in [like, all.path().to_owned(), work.join("..").join("workshop"), work.join("..")] {
        let refused = at(&outside).effective(ReadOnly, &work);
        assert!(matches!(refused, Err(LimitsError::Outside { .. })), "{outside:?}");
    }
}

#[test]
fn a_missing_folder_or_a_file_is_an_error() {
    let all = tempfile::tempdir().unwrap();
    let file = all.path().join("file");
    fs::write(&file, "").unwrap();
    for bad in [all.path().join("gone"), file] {
        let refused = at(&bad).effective(WorkspaceWrite, all.path());
        assert!(matches!(refused, Err(LimitsError::Unusable { .. })), "{bad:?}");
    }
}

// Windows only: elsewhere these are other folders, or none.
#[cfg(windows)]
#[test]
fn a_folder_is_inside_however_windows_spells_it() {
    let all = tempfile::tempdir().unwrap();
    let inside = all.path().join(r"Work\Notes");
    fs::create_dir_all(&inside).unwrap();
    fs::create_dir_all(all.path().join("Workshop")).unwrap();
    let upper = |path: &Path| PathBuf::from(path.to_string_lossy().to_uppercase());
    let real = plain_path(inside.canonicalize().unwrap());
    for spelled in [upper(&inside), inside.canonicalize().unwrap(), all.path().join("work./notes ")] {
        let limits = at(&spelled).check(ReadOnly, &upper(&all.path().join("work"))).unwrap();
        assert_eq!(limits.workspace, Some(real.clone()), "{spelled:?}");
    }
    let refused = at(&upper(&all.path().join("workshop"))).effective(ReadOnly, &all.path().join("work"));
    assert!(matches!(refused, Err(LimitsError::Outside { .. })), "{refused:?}");
    assert!(!refused.unwrap_err().to_string().contains(r"\\?\"), "the user never writes paths like this");
}

// Unix only: Windows makes links only in its developer mode.
#[cfg(unix)]
#[test]
fn symlinks_are_resolved() {
    let all = tempfile::tempdir().unwrap();
    let [work, real, elsewhere] = ["work", "work/real", "elsewhere"].map(|name| all.path().join(name));
    for folder in [&real, &elsewhere] {
        fs::create_dir_all(folder).unwrap();
    }
    let [out, into, to_work] = [work.join("out"), work.join("into"), all.path().join("to-work")];
    std::os::unix::fs::symlink(&elsewhere, &out).unwrap();
    std::os::unix::fs::symlink(&real, &into).unwrap();
    std::os::unix::fs::symlink(&work, &to_work).unwrap();
    assert!(matches!(at(&out).effective(ReadOnly, &work), Err(LimitsError::Outside { .. })));
    let real = fs::canonicalize(&real).unwrap();
    assert_eq!(at(&into).effective(ReadOnly, &work).unwrap().1, real);
    assert_eq!(at(&real).check(ReadOnly, &to_work).unwrap().workspace, Some(real));
}
