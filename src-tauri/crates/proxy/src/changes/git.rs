//! Runs git on a repository of ours whose work tree is the user's folder.
//!
//! Nothing of the user's git counts: neither configuration nor hooks, filters, attributes, signing or line endings. Its own
//! repository is neither read nor written, apart from its ignore rules.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use codex_client::{Environment, LineCommand, find_program, run_program};
use tokio::time::Instant;

use super::folder::Folder;
use super::types::UndoError;

/// The name of git's program.
pub(super) const GIT: &str = "git";

/// Output of one command; a patch and a list of files are far shorter.
const MAX_OUTPUT_BYTES: usize = 32 * 1024 * 1024;

/// Attributes that beat those of the folder: every file is taken as it is.
const ATTRIBUTES: &str = "* -text !eol !filter !ident !working-tree-encoding !diff !merge\n";

/// What our repositories are configured with. git finds out by itself what the file system can do.
const CONFIG: &[(&str, &str)] = &[
    ("core.bare", "false"),
    ("core.hooksPath", if cfg!(windows) { "NUL" } else { "/dev/null" }),
    ("core.autocrlf", "false"),
    ("core.safecrlf", "false"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.splitIndex", "false"),
    ("core.longpaths", "true"),
    ("core.precomposeUnicode", "false"),
    ("core.protectNTFS", if cfg!(windows) { "true" } else { "false" }),
    ("core.quotePath", "false"),
    ("core.fsync", "none"),
    // Quick rather than small: snapshots are short-lived.
    ("core.compression", "1"),
    ("diff.renameLimit", "1000"),
    ("gc.auto", "0"),
    ("gc.packRefs", "false"),
    ("maintenance.auto", "false"),
    ("advice.addEmbeddedRepo", "false"),
];

/// The git of this computer, and the environment to run it in.
#[derive(Clone, Debug)]
pub(super) struct Git {
    program: PathBuf,
    environment: Environment,
}

impl Git {
    /// git, if it is installed. `home` is an empty folder that stands for the user's.
    pub(super) fn find(name: &str, environment: &Environment, home: &Path) -> Option<Self> {
        let found = find_program(name, environment)?;
        let program = real_program(found.path)?;
        let names: Vec<OsString> = found.environment.iter().map(|(name, _)| name.to_owned()).collect();
        let gits = names
            .iter()
            .filter_map(|name| name.to_str())
            .filter(|name| name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("GIT_")));
        let null = if cfg!(windows) { "NUL" } else { "/dev/null" };
        let environment = gits
            .fold(found.environment.clone(), Environment::without)
            .with("GIT_CONFIG_GLOBAL", null)
            .with("GIT_CONFIG_SYSTEM", null)
            .with("GIT_CONFIG_NOSYSTEM", "1")
            .with("GIT_ATTR_NOSYSTEM", "1")
            .with("GIT_NO_REPLACE_OBJECTS", "1")
            .with("GIT_TERMINAL_PROMPT", "0")
            // A git before 2.32 knows only these.
            .with("HOME", home)
            .with("XDG_CONFIG_HOME", home)
            .with("LC_ALL", "C");
        Some(Self { program, environment })
    }
}

/// Whether git is installed.
pub(crate) fn has_git(environment: &Environment) -> bool {
    find_program(GIT, environment).is_some_and(|found| real_program(found.path).is_some())
}

/// macOS has a `git` that only offers to install the real one, in a dialog.
fn real_program(path: PathBuf) -> Option<PathBuf> {
    if !cfg!(target_os = "macos") || path != Path::new("/usr/bin/git") {
        return Some(path);
    }
    [
        "/Library/Developer/CommandLineTools/usr/bin/git",
        "/Applications/Xcode.app/Contents/Developer/usr/bin/git",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|git| git.exists())
}

/// Why git has failed.
#[derive(Debug)]
pub(super) enum GitError {
    /// It took too long.
    TimedOut,
    /// It printed too much.
    TooMuch,
    /// It failed, with the first line of its errors.
    Failed(String),
}

impl From<io::Error> for GitError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::FileTooLarge => Self::TooMuch,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<GitError> for UndoError {
    fn from(error: GitError) -> Self {
        Self::Failed(match error {
            GitError::TimedOut => "git took too long.".to_owned(),
            GitError::TooMuch => "git printed too much.".to_owned(),
            GitError::Failed(reason) => format!("git failed: {reason}"),
        })
    }
}

/// A repository of ours for one folder.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    git: Git,
    pub(super) path: PathBuf,
    pub(super) folder: Folder,
}

impl Repository {
    /// A repository that is there, to read trees.
    pub(super) fn existing(git: Git, path: PathBuf, folder: Folder) -> Self {
        Self { git, path, folder }
    }

    /// Opens the repository at `path`, or creates it. The caller holds its lock.
    pub(super) async fn open(
        git: Git,
        path: PathBuf,
        folder: Folder,
        until: Instant,
    ) -> Result<Self, GitError> {
        let repository = Self { git, path, folder };
        let ready = repository.path.join("ready");
        if !ready.exists() {
            let _leftover = fs::remove_dir_all(&repository.path);
            fs::create_dir_all(&repository.path)?;
            let environment = repository.git.environment.clone().with("GIT_DIR", &repository.path);
            let init = ["init", "--quiet", "--template="].map(str::to_owned).to_vec();
            repository.run_in(environment, init, &[], until, |_| ControlFlow::Continue(())).await?;
            let mut config = fs::read_to_string(repository.path.join("config"))?;
            for (name, value) in CONFIG {
                let (section, key) = name.split_once('.').unwrap_or((name, ""));
                config.push_str(&format!("[{section}]\n\t{key} = {value}\n"));
            }
            // git has looked at the file system of our folder, which may be another one.
            if let Some(ignores) = repository.folder.ignores_case() {
                config.push_str(&format!("[core]\n\tignorecase = {ignores}\n"));
            }
            fs::write(repository.path.join("config"), config)?;
            fs::create_dir_all(repository.path.join("info"))?;
            fs::write(repository.path.join("info/attributes"), ATTRIBUTES)?;
            fs::write(&ready, repository.folder.path.to_string_lossy().as_bytes())?;
        }
        // Left by a killed process: we hold the lock of this repository.
        let _none = fs::remove_file(repository.path.join("index.lock"));
        let excludes = repository.folder.excludes();
        let exclude = repository.path.join("info/exclude");
        if fs::read(&exclude).unwrap_or_default() != excludes {
            fs::write(&exclude, excludes)?;
        }
        Ok(repository)
    }

    /// Runs git, and passes on its output.
    pub(super) async fn stream(
        &self,
        args: &[&str],
        input: &[u8],
        until: Instant,
        pass_on: impl FnMut(&[u8]) -> ControlFlow<()> + Send,
    ) -> Result<(), GitError> {
        let environment = self.git.environment.clone();
        let environment = environment.with("GIT_DIR", &self.path).with("GIT_WORK_TREE", &self.folder.root);
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        self.run_in(environment, args, input, until, pass_on).await
    }

    async fn run_in(
        &self,
        environment: Environment,
        args: Vec<String>,
        input: &[u8],
        until: Instant,
        pass_on: impl FnMut(&[u8]) -> ControlFlow<()> + Send,
    ) -> Result<(), GitError> {
        // `git add --ignore-errors` leaves out files that it cannot read, and says so by 1.
        let leaves_out = args.iter().any(|arg| arg == "--ignore-errors");
        let program = self.git.program.clone();
        let run = LineCommand { program, args, environment, folder: self.folder.root.clone() };
        let limit = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        let limit = limit.ok_or(GitError::TimedOut)?;
        let (status, errors): (ExitStatus, String) = run_program(&run, input, limit, pass_on).await?;
        match status.code() {
            Some(0) => Ok(()),
            Some(1) if leaves_out => Ok(()),
            _ => Err(GitError::Failed(errors.lines().next().unwrap_or("no reason").to_owned())),
        }
    }

    /// Runs git, and returns its output.
    pub(super) async fn output(
        &self,
        args: &[&str],
        input: &[u8],
        until: Instant,
    ) -> Result<Vec<u8>, GitError> {
        let mut output = Vec::new();
        self.stream(args, input, until, |piece| {
            output.extend_from_slice(piece);
            if output.len() > MAX_OUTPUT_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        Ok(output)
    }

    /// Runs git, and returns its output, split at each NUL.
    pub(super) async fn list(&self, args: &[&str], until: Instant) -> Result<Vec<Vec<u8>>, GitError> {
        let output = self.output(args, &[], until).await?;
        let parts = output.split(|byte| *byte == 0).filter(|part| !part.is_empty());
        Ok(parts.map(<[u8]>::to_vec).collect())
    }

    /// Whether there was no snapshot yet.
    pub(super) fn is_new(&self) -> bool {
        !self.path.join("index").exists()
    }
}
