//! Which apps are on this computer, found by their files. Nothing is started, and nothing of theirs is read.

use std::path::{Path, PathBuf};

use codex_client::Environment;

use crate::shell::Platform;

/// Names looked at in a folder of extensions.
const MAX_EXTENSIONS: usize = 2000;

/// Where an app shows that it is installed.
enum Hint {
    /// A program on the `PATH`.
    Program(&'static str),
    /// A file or folder in the home.
    Home(&'static str),
    /// An app in macOS' folders of applications.
    MacApp(&'static str),
    /// A file below Windows' folder of the user's programs.
    Local(&'static str),
    /// An extension of VS Code, by the start of its folder's name.
    Extension(&'static str),
}

use Hint::{Extension, Home, Local, MacApp, Program};

/// By the id of the app's first recipe.
const APPS: &[(&str, &[Hint])] = &[
    ("openWebUi", &[Program("open-webui"), MacApp("Open WebUI.app"), Local("Programs/open-webui")]),
    ("cline", &[Extension("saoudrizwan.claude-dev-"), Program("cline")]),
    ("continue", &[Extension("continue.continue-"), Home(".continue/config.yaml"), Program("cn")]),
    ("zed", &[Program("zed"), Program("zeditor"), MacApp("Zed.app"), Local("Programs/Zed/Zed.exe")]),
    (
        "vscode",
        &[Program("code"), MacApp("Visual Studio Code.app"), Local("Programs/Microsoft VS Code/Code.exe")],
    ),
    ("copilotCli", &[Program("copilot")]),
    ("jan", &[Program("jan"), MacApp("Jan.app"), Local("Programs/jan/Jan.exe"), Home(".local/share/Jan")]),
    (
        "anythingLlm",
        &[
            MacApp("AnythingLLM.app"),
            Home("AnythingLLMDesktop"),
            Home(".config/anythingllm-desktop"),
            Local("Programs/AnythingLLM/AnythingLLM.exe"),
        ],
    ),
    ("n8n", &[Program("n8n"), Home(".n8n")]),
    ("curl", &[Program("curl")]),
    ("python", &[Program("python3"), Program("python")]),
    ("node", &[Program("node")]),
];

/// The folders to look in.
#[derive(Debug)]
struct Folders {
    platform: Platform,
    path: Vec<PathBuf>,
    home: Option<PathBuf>,
    local: Option<PathBuf>,
}

/// The ids of the apps that are on this computer.
#[must_use]
pub fn installed(environment: &Environment) -> Vec<String> {
    let folders = Folders {
        platform: Platform::current(),
        path: environment.path_folders(),
        home: environment.home(),
        local: environment.path("LOCALAPPDATA"),
    };
    find(&folders, Path::exists, names_in)
}

fn find(
    folders: &Folders,
    exists: impl Fn(&Path) -> bool,
    names_in: impl Fn(&Path) -> Vec<String>,
) -> Vec<String> {
    let is_there = |hint: &Hint| match hint {
        Program(name) => {
            let endings: &[&str] =
                if folders.platform == Platform::Windows { &[".exe", ".cmd"] } else { &[""] };
            let absolute = folders.path.iter().filter(|folder| folder.is_absolute());
            absolute
                .flat_map(|folder| endings.iter().map(move |end| folder.join(format!("{name}{end}"))))
                .any(|path| exists(&path))
        }
        Home(path) => folders.home.as_ref().is_some_and(|home| exists(&home.join(path))),
        MacApp(name) => {
            folders.platform == Platform::MacOs
                && (exists(&Path::new("/Applications").join(name))
                    || folders
                        .home
                        .as_ref()
                        .is_some_and(|home| exists(&home.join("Applications").join(name))))
        }
        Local(path) => {
            folders.platform == Platform::Windows
                && folders.local.as_ref().is_some_and(|local| exists(&local.join(path)))
        }
        Extension(start) => folders.home.as_ref().is_some_and(|home| {
            names_in(&home.join(".vscode/extensions")).iter().any(|name| name.starts_with(start))
        }),
    };
    let found = APPS.iter().filter(|(_, hints)| hints.iter().any(is_there));
    found.map(|(id, _)| (*id).to_owned()).collect()
}

/// The ids of the table.
#[cfg(test)]
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    APPS.iter().map(|(id, _)| *id)
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_EXTENSIONS);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An absolute folder on every system.
    const BIN: &str = if cfg!(windows) { "C:/bin" } else { "/bin" };

    fn found(platform: Platform, files: &[&str], extensions: &[&str]) -> Vec<String> {
        let folders = Folders {
            platform,
            path: vec!["relative".into(), BIN.into()],
            home: Some("/home/me".into()),
            local: Some("/local".into()),
        };
        let names = |_: &Path| extensions.iter().map(|name| (*name).to_owned()).collect();
        let file = |file: &&str| file.replacen("/bin", BIN, 1);
        find(&folders, |path| files.iter().any(|name| Path::new(&file(name)) == path), names)
    }

    #[test]
    fn an_app_is_found_by_its_program_its_files_or_its_extension() {
        assert_eq!(found(Platform::Linux, &["/bin/zeditor", "/bin/curl"], &[]), ["zed", "curl"]);
        assert_eq!(
            found(Platform::Linux, &["/home/me/.n8n"], &["saoudrizwan.claude-dev-3.2.1"]),
            ["cline", "n8n"]
        );
        assert_eq!(
            found(Platform::MacOs, &["/Applications/Jan.app", "/home/me/Applications/Zed.app"], &[]),
            ["zed", "jan"]
        );
        assert_eq!(
            found(Platform::Windows, &["/bin/copilot.cmd", "/local/Programs/Zed/Zed.exe"], &[]),
            ["zed", "copilotCli"]
        );
    }

    #[test]
    fn what_belongs_to_another_system_or_a_relative_folder_does_not_count() {
        let files =
            ["relative/zed", "/Applications/Jan.app", "/local/Programs/Zed/Zed.exe", "/bin/copilot.cmd"];
        assert!(found(Platform::Linux, &files, &["claude-dev"]).is_empty());
    }
}
