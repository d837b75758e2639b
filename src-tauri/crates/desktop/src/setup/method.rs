//! Chooses how to install codex.

use std::path::{Path, PathBuf};
use std::time::Duration;

use codex_client::{
    Environment, FoundProgram, LineCommand, find_program, is_searched, own_folder, run_lines,
};

use crate::shell::{self, Platform};

/// The npm package.
const PACKAGE: &str = "@openai/codex";

/// The oldest Node that the package runs on, as its `engines` say.
const OLDEST_NODE: u32 = 16;

/// How long npm or Node may take to answer a question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A way to install codex.
#[derive(Clone, Debug)]
pub struct Method {
    /// The package manager's name.
    pub manager: &'static str,
    /// What to run.
    pub command: LineCommand,
    /// The command as the user would type it.
    pub shown: String,
}

/// What was found to install codex with.
#[derive(Clone, Debug, Default)]
pub struct Methods {
    /// The best way; `None` if there is none.
    pub best: Option<Method>,
    /// Why there is none, in sentences.
    pub note: Option<String>,
}

/// The package managers that are there, without starting any; cheap enough to repeat every few seconds.
#[must_use]
pub fn managers(environment: &Environment) -> Vec<PathBuf> {
    let found = ["npm", "node", "brew", "winget"].map(|name| find_program(name, environment));
    found.into_iter().flatten().map(|program| program.path).collect()
}

/// Finds the best way to install codex. Asks Node for its version and npm for its folder, which starts both.
pub async fn find(environment: &Environment, data_dir: &Path) -> Methods {
    let npm = npm(environment, data_dir).await;
    let best = match &npm {
        Ok(method) => Some(method.clone()),
        Err(_) => brew(environment, data_dir).or_else(|| winget(environment, data_dir)),
    };
    let note = match (&best, npm) {
        (None, Err(note)) => Some(note),
        _ => None,
    };
    Methods { best, note }
}

async fn npm(environment: &Environment, data_dir: &Path) -> Result<Method, String> {
    let Some(npm) = find_program("npm", environment) else {
        return Err(
            "To install it from here, Codex Proxy needs npm, Homebrew or winget. Get npm with Node.js from \
                    nodejs.org, or install Codex by hand."
                .to_owned(),
        );
    };
    let node = find_program("node", &npm.environment);
    let version = match node {
        Some(node) => ask(&node, &["--version"], data_dir).await,
        None => None,
    };
    // A Node that does not answer is left to npm, whose output says more.
    if let Some(version) = version
        && major(&version).is_some_and(|major| major < OLDEST_NODE)
    {
        return Err(format!(
            "Node.js {} is too old: Codex needs {OLDEST_NODE} or newer. Update it from nodejs.org.",
            version.trim_start_matches('v')
        ));
    }
    let prefix = ask(&npm, &["prefix", "--global"], data_dir).await.map(PathBuf::from);
    let global = prefix.is_some_and(|prefix| {
        let (packages, programs) = if cfg!(windows) {
            (prefix.join("node_modules"), prefix)
        } else {
            (prefix.join("lib/node_modules"), prefix.join("bin"))
        };
        is_writable(&packages) && is_writable(&programs) && is_searched(&programs, environment)
    });
    let own = own_folder(data_dir).display().to_string();
    let args: &[&str] =
        if global { &["install", "-g", PACKAGE] } else { &["install", "--prefix", &own, PACKAGE] };
    // npm is silent while it downloads unless it logs its requests, and colours its output where asked to.
    let quieter = [
        ("npm_config_loglevel", "http"),
        ("npm_config_progress", "false"),
        ("npm_config_color", "false"),
        ("npm_config_fund", "false"),
        ("npm_config_audit", "false"),
        ("npm_config_update_notifier", "false"),
    ];
    let environment =
        quieter.into_iter().fold(npm.environment, |environment, (name, value)| environment.with(name, value));
    Ok(method("npm", FoundProgram { environment, ..npm }, args, data_dir))
}

fn brew(environment: &Environment, data_dir: &Path) -> Option<Method> {
    let brew = find_program("brew", environment)?;
    let environment = brew.environment.with("HOMEBREW_NO_ENV_HINTS", "1").with("HOMEBREW_NO_COLOR", "1");
    let brew = FoundProgram { environment, ..brew };
    // The cask has binaries for macOS and Linux.
    Some(method("brew", brew, &["install", "--cask", "codex"], data_dir))
}

fn winget(environment: &Environment, data_dir: &Path) -> Option<Method> {
    let winget = find_program("winget", environment)?;
    let args = [
        "install",
        "--exact",
        "--id",
        "OpenAI.Codex",
        "--accept-source-agreements",
        "--accept-package-agreements",
        "--disable-interactivity",
    ];
    Some(method("winget", winget, &args, data_dir))
}

fn method(manager: &'static str, program: FoundProgram, args: &[&str], data_dir: &Path) -> Method {
    let quote = |word: &str| match Platform::current() {
        Platform::Windows => shell::windows(word),
        // Only PowerShell takes the `@` for its own.
        _ if word == PACKAGE => word.to_owned(),
        _ => shell::posix(word),
    };
    // PowerShell would prefer npm.ps1, which its usual policy forbids.
    let typed = if cfg!(windows) && manager == "npm" { "npm.cmd" } else { manager };
    let words = std::iter::once(typed).chain(args.iter().copied()).map(quote);
    Method { manager, shown: words.collect::<Vec<_>>().join(" "), command: command(program, args, data_dir) }
}

fn command(program: FoundProgram, args: &[&str], folder: &Path) -> LineCommand {
    LineCommand {
        program: program.path,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        environment: program.environment,
        folder: folder.to_owned(),
    }
}

/// The first line that a program prints; `None` if it fails or does not answer in time.
async fn ask(program: &FoundProgram, args: &[&str], folder: &Path) -> Option<String> {
    let command = command(program.clone(), args, folder);
    let mut first = None;
    let run = run_lines(&command, ANSWER_TIMEOUT, |line| {
        first.get_or_insert(line.trim().to_owned());
    });
    let ended = tokio::time::timeout(ANSWER_TIMEOUT, run).await;
    let answered = matches!(ended, Ok(Ok(status)) if status.success());
    first.filter(|line| answered && !line.is_empty())
}

/// The first number of a version such as `v20.11.0`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

/// Whether files can be created in this folder, or where it would be.
fn is_writable(folder: &Path) -> bool {
    let existing = folder.ancestors().find(|folder| folder.exists());
    existing
        .is_some_and(|folder| tempfile::Builder::new().prefix(".codex-proxy-").tempfile_in(folder).is_ok())
}

#[cfg(test)]
#[path = "method_tests.rs"]
mod tests;
