//! The command line. The options for settings are declared in `proxy::settings`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use proxy::settings;

use crate::key_rules::KeyRules;

/// Serve the codex CLI on this machine as an OpenAI-compatible API
///
/// Without a command, the proxy runs until it is interrupted. Every option can also be set in the environment or in a file
/// named .env, under the variable shown behind it. A flag wins over the environment, the environment over .env. Each variable
/// also has a name that no other program uses, such as CODEX_PROXY_ALLOW_HOST for --allow-host; it comes first. API_KEYS lists
/// further keys, separated by commas.
#[derive(Debug, Parser)]
#[command(
    name = "codex-proxyd",
    version,
    disable_version_flag = true,
    args_conflicts_with_subcommands = false,
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    /// Print the versions of codex-proxyd and codex
    #[arg(long, short = 'V')]
    pub(crate) version: bool,
    /// Read variables from this file; by default, the server reads .env in the current folder
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) env_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The command line with all settings as options.
pub(crate) fn command() -> clap::Command {
    Cli::augment_args(settings::flags(clap::Command::new("codex-proxyd")))
}

const EXAMPLES: &str = "\
Examples:
  Serve on another port, with a model behind codex-local:
    codex-proxyd --port 9000 --model gpt-5.5
  Let codex-local edit the files in one folder:
    codex-proxyd --sandbox workspace-write --workspace ~/notes
  Make folders models, codex:web and codex:notes:
    codex-proxyd --folder web=~/web --folder notes=~/notes
  Create a key and print it:
    codex-proxyd key new laptop
  Let codex-local ask before it leaves the sandbox, and answer it in another terminal:
    codex-proxyd --ask on
    codex-proxyd approvals
  Find out why something does not work:
    codex-proxyd doctor

Responses, conversations and chats that clients store are in memory until it stops.";

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create, limit, list and revoke API keys
    Key {
        #[command(subcommand)]
        action: KeyAction,
    },
    /// Show what codex asks before it leaves the sandbox, and answer it here; without this, it is denied
    Approvals(ApprovalsArgs),
    /// Check everything the proxy needs and suggest a fix for each problem
    Doctor {
        /// Print a report to attach to a bug report: versions, settings and findings, without keys or prompts
        #[arg(long)]
        report: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete in
        shell: Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// An existing folder, such as ~/.local/share/man/man1
        folder: PathBuf,
    },
}

/// What to do with approvals.
#[derive(Debug, Args)]
pub(crate) struct ApprovalsArgs {
    /// List the commands that are allowed from now on, and exit
    #[arg(long)]
    pub(crate) rules: bool,
    /// Forget the command with this id, as shown by --rules, and exit; codex asks for it again
    #[arg(long, value_name = "ID", conflicts_with = "rules")]
    pub(crate) forget: Option<String>,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Create a key and print it once
    New {
        /// Name to recognise the key by
        name: String,
        /// Models for this key: all, or plain for all but codex-local. Where others can reach the proxy, the default is
        /// plain, unless --sandbox or --workspace limits codex-local
        #[arg(id = "key_models", long = "models", value_name = "all|plain", value_parser = ["all", "plain"])]
        models: Option<String>,
        /// Strictest sandbox mode for this key: read-only, workspace-write or danger-full-access
        #[arg(id = "key_sandbox", long = "sandbox", value_name = "MODE")]
        sandbox: Option<String>,
        /// Working folder for this key, inside the proxy's own; implies at most workspace-write
        #[arg(id = "key_workspace", long = "workspace", value_name = "DIR")]
        workspace: Option<PathBuf>,
        #[command(flatten)]
        rules: KeyRules,
    },
    /// List all keys with their limits and what they have used today, without their secrets
    List,
    /// Change the limits of a key, from the next request on
    Edit {
        /// Id of the key, as shown by `key list`
        id: String,
        /// Models for this key: all, or plain for all but codex-local
        #[arg(id = "key_models", long = "models", value_name = "all|plain", value_parser = ["all", "plain"])]
        models: Option<String>,
        /// Strictest sandbox mode for this key: read-only, workspace-write or danger-full-access; or default
        #[arg(id = "key_sandbox", long = "sandbox", value_name = "MODE|default")]
        sandbox: Option<String>,
        /// Working folder for this key, inside the proxy's own; implies at most workspace-write; or default
        #[arg(id = "key_workspace", long = "workspace", value_name = "DIR|default")]
        workspace: Option<PathBuf>,
        #[command(flatten)]
        rules: KeyRules,
    },
    /// Revoke a key; it stops working immediately
    Revoke {
        /// Id of the key, as shown by `key list`
        id: String,
    },
}

impl Command {
    /// Runs a command that only describes the command line. It needs no settings, so a wrong setting does not stop it.
    ///
    /// `None` for every other command.
    pub(crate) fn describe_cli(&self) -> Option<io::Result<()>> {
        match self {
            Self::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut command(), "codex-proxyd", &mut script);
                Some(io::stdout().write_all(&script))
            }
            Self::Man { folder } => Some(clap_mangen::generate_to(command(), folder).map_err(|error| {
                let what = format!("the manual pages could not be written to {}: {error}", folder.display());
                io::Error::new(error.kind(), what)
            })),
            Self::Key { .. } | Self::Approvals(_) | Self::Doctor { .. } => None,
        }
    }
}
