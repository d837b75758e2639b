use std::fs;

use SandboxMode::{DangerFullAccess, ReadOnly, WorkspaceWrite};

use super::*;

/// Settings with the folder `projects` and the models `projects/web` and `other`, in a temporary folder.
struct Setting {
    folder: tempfile::TempDir,
    settings: Settings,
}

impl Setting {
    fn new(mode: SandboxMode, web: Option<SandboxMode>, other: Option<SandboxMode>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for below in ["projects/web/src", "other/deep", "outside"] {
            fs::create_dir_all(folder.path().join(below)).unwrap();
        }
        let model = |name: &str, below: &str, sandbox| FolderModel {
            name: name.to_owned(),
            folder: folder.path().join(below),
            sandbox,
            ..FolderModel::default()
        };
        let settings = Settings {
            workspace: Some(folder.path().join("projects")),
            sandbox: mode,
            folders: vec![model("web", "projects/web", web), model("other", "other", other)],
            ..Settings::default()
        };
        Self { folder, settings }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(below)
    }

    fn agent(&self, name: &str) -> Agent<'_> {
        let folder = self.settings.folders.iter().find(|folder| folder.name == name);
        folder.map_or(Agent::Local, Agent::Folder)
    }

    /// The mode and the folder below the test's; or the error, in short.
    fn place(
        &self,
        model: &str,
        limits: &KeyLimits,
        named: Option<&str>,
    ) -> Result<(SandboxMode, String), String> {
        let named = named.map(|named| match named.strip_prefix('/') {
            Some(below) => self.path(below),
            None => PathBuf::from(named),
        });
        let request = Request { agent: self.agent(model), limits, named: named.as_deref() };
        let (mode, path) =
            place(request, &self.settings, |folder| folder.name != "hidden").map_err(|error| {
                let error = format!("{error:?}");
                error.split(['(', ' ']).next().unwrap_or_default().to_owned()
            })?;
        let path = path.canonicalize().unwrap();
        Ok((mode, path.strip_prefix(self.path("")).unwrap().display().to_string().replace('\\', "/")))
    }
}

fn key(folder: Option<PathBuf>, sandbox: Option<SandboxMode>) -> KeyLimits {
    KeyLimits { workspace: folder, sandbox, ..KeyLimits::default() }
}

fn ok(mode: SandboxMode, path: &str) -> Result<(SandboxMode, String), String> {
    Ok((mode, path.to_owned()))
}

#[test]
fn a_folder_has_its_mode_or_that_of_the_settings() {
    let setting = Setting::new(ReadOnly, Some(WorkspaceWrite), None);
    let free = key(None, None);
    assert_eq!(setting.place("web", &free, None), ok(WorkspaceWrite, "projects/web"));
    assert_eq!(setting.place("other", &free, None), ok(ReadOnly, "other"));
    assert_eq!(setting.place("", &free, None), ok(ReadOnly, "projects"));
}

#[test]
fn a_key_makes_the_mode_stricter_and_keeps_to_its_folder() {
    let setting = Setting::new(WorkspaceWrite, Some(DangerFullAccess), None);
    assert_eq!(setting.place("web", &key(None, Some(ReadOnly)), None), ok(ReadOnly, "projects/web"));
    // With a folder and no mode, the maximum is to write in the folder.
    let own = key(Some(setting.path("projects")), None);
    assert_eq!(setting.place("web", &own, None), ok(WorkspaceWrite, "projects/web"));
    assert_eq!(setting.place("other", &own, None), Err("OutsideKey".to_owned()));
    let missing = key(Some(setting.path("gone")), None);
    assert_eq!(setting.place("web", &missing, None), Err("Limits".to_owned()));
    fs::remove_dir_all(setting.path("other")).unwrap();
    assert_eq!(setting.place("other", &key(None, None), None), Err("NoFolder".to_owned()));
}

#[test]
fn a_request_names_a_folder_inside_an_allowed_one() {
    let setting = Setting::new(WorkspaceWrite, None, Some(ReadOnly));
    let free = key(None, None);
    for (named, expected) in [
        ("/projects", ok(WorkspaceWrite, "projects")),
        ("/projects/web/src", ok(WorkspaceWrite, "projects/web/src")),
        ("web/src", ok(WorkspaceWrite, "projects/web/src")),
        // The folder's own mode is stricter than that of codex-local.
        ("/other/deep", ok(ReadOnly, "other/deep")),
        ("/outside", Err("NotAllowed".to_owned())),
        ("/projects/../outside", Err("NotAllowed".to_owned())),
        ("..", Err("NotAllowed".to_owned())),
        ("/gone", Err("NotAllowed".to_owned())),
    ] {
        assert_eq!(setting.place("", &free, Some(named)), expected, "{named}");
    }
    // Below the folder of the model.
    assert_eq!(setting.place("other", &free, Some("deep")), ok(ReadOnly, "other/deep"));
}

#[test]
fn a_folder_with_more_rights_lends_them_to_no_other_folder() {
    let setting = Setting::new(ReadOnly, Some(DangerFullAccess), None);
    let free = key(None, None);
    assert_eq!(setting.place("web", &free, Some("/projects")), ok(ReadOnly, "projects"));
    assert_eq!(setting.place("web", &free, Some("src")), ok(DangerFullAccess, "projects/web/src"));
    assert_eq!(setting.place("", &free, Some("/projects/web")), ok(ReadOnly, "projects/web"));
}

#[test]
fn a_folder_that_the_key_does_not_see_allows_nothing() {
    let mut setting = Setting::new(ReadOnly, None, None);
    setting.settings.folders[1].name = "hidden".to_owned();
    assert_eq!(setting.place("", &key(None, None), Some("/other")), Err("NotAllowed".to_owned()));
}

#[test]
fn a_key_with_a_folder_names_folders_inside_it_only() {
    let setting = Setting::new(WorkspaceWrite, None, None);
    let own = key(Some(setting.path("projects/web")), None);
    assert_eq!(setting.place("", &own, Some("src")), ok(WorkspaceWrite, "projects/web/src"));
    assert_eq!(setting.place("", &own, Some("/projects")), Err("NotAllowed".to_owned()));
    assert_eq!(setting.place("", &own, Some("/other")), Err("NotAllowed".to_owned()));
}

// Unix only: Windows makes links only in its developer mode.
#[cfg(unix)]
#[test]
fn links_are_followed_before_anything_is_allowed() {
    let setting = Setting::new(WorkspaceWrite, None, None);
    std::os::unix::fs::symlink(setting.path("outside"), setting.path("projects/link")).unwrap();
    std::os::unix::fs::symlink(setting.path("projects/web"), setting.path("outside/back")).unwrap();
    let free = key(None, None);
    assert_eq!(setting.place("", &free, Some("/projects/link")), Err("NotAllowed".to_owned()));
    assert_eq!(setting.place("", &free, Some("/outside/back")), ok(WorkspaceWrite, "projects/web"));
    let own = key(Some(setting.path("projects/web")), None);
    assert_eq!(setting.place("web", &own, None), ok(WorkspaceWrite, "projects/web"));
}

// Windows only: elsewhere these are other folders, or none.
#[cfg(windows)]
#[test]
fn a_folder_is_the_same_however_windows_spells_it() {
    let mut setting = Setting::new(WorkspaceWrite, None, None);
    let plain = plain_path(setting.path("")).display().to_string();
    let plain = plain.trim_end_matches('\\');
    setting.settings.workspace = Some(format!(r"{plain}\PROJECTS").to_uppercase().into());
    let verbatim = setting.path(r"projects\web").display().to_string();
    let own = key(Some(format!(r"{plain}\Projects\WEB").into()), None);
    for named in [
        format!(r"{plain}\projects\web"),
        format!(r"{plain}\projects\web\"),
        format!(r"{plain}\Projects\Web").to_uppercase(),
        format!("{plain}/projects/web").replace('\\', "/"),
        format!(r"{plain}\projects\web."),
        format!(r"{plain}\projects\web "),
        format!(r"{plain}\outside\..\projects\web"),
        verbatim.clone(),
        verbatim.to_uppercase(),
        short_name(&format!(r"{plain}\projects\web")),
    ] {
        let named = PathBuf::from(named);
        for limits in [&key(None, None), &own] {
            let request = Request { agent: Agent::Local, limits, named: Some(&named) };
            let (mode, path) = place(request, &setting.settings, |_| true).unwrap();
            assert_eq!(
                (mode, path),
                (WorkspaceWrite, plain_path(setting.path(r"projects\web"))),
                "{named:?}"
            );
        }
    }
    for named in [
        format!(r"{plain}\projects."),
        format!(r"{plain}\PROJECTS\..\Outside"),
        format!(r"{plain}\projects\web::$INDEX_ALLOCATION"),
        format!(r"{plain}\projects\web:stream"),
        format!(r"{plain}\projects\web\nul"),
        format!(r"\\localhost\{}\projects\web", plain.replacen(':', "$", 1)),
        format!(r"\\?\UNC\localhost\{}\projects\web", plain.replacen(':', "$", 1)),
        format!(r"\\.\{plain}\projects\web"),
        "C:".to_owned(),
        "C:web".to_owned(),
        "CON".to_owned(),
    ] {
        assert_eq!(setting.place("", &own, Some(&named)), Err("NotAllowed".to_owned()), "{named}");
    }
}

// Windows only: elsewhere every name is a name.
#[cfg(windows)]
#[test]
fn a_folder_that_looks_like_an_allowed_one_is_another() {
    sample_model::not_under_wine!("Wine's GetFinalPathNameByHandle leaves out the dot at the end");
    let setting = Setting::new(WorkspaceWrite, None, None);
    // Only paths with the prefix lead to them.
    for below in ["projects.", "projects ", r"projects.\web"] {
        fs::create_dir_all(setting.path(below)).unwrap();
        let named = setting.path(below).display().to_string();
        assert_eq!(
            setting.place("", &key(None, None), Some(&named)),
            Err("NotAllowed".to_owned()),
            "{named}"
        );
    }
    let named = setting.path(r"projects\web.");
    fs::create_dir_all(&named).unwrap();
    let request = Request { agent: Agent::Local, limits: &key(None, None), named: Some(&named) };
    let (_, path) = place(request, &setting.settings, |_| true).unwrap();
    assert_eq!(path, named, "without the prefix it would be another folder");
}

/// The name of a folder in the form of DOS, `PROGRA~1`; the same name where the disk has none.
#[cfg(windows)]
fn short_name(path: &str) -> String {
    use std::os::windows::process::CommandExt as _;
    let mut command = std::process::Command::new("cmd");
    let output = command.raw_arg(format!(r#"/d /c for %I in ("{path}") do @echo %~sI"#)).output().unwrap();
    let short = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    eprintln!("the short name of {path} is {short:?}");
    if short.is_empty() { path.to_owned() } else { short }
}
