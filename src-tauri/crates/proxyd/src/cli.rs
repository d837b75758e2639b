//! The command line; the settings among it are declared in `proxy::settings`.

use clap::{Parser, Subcommand};
use proxy::settings::Flags;

/// Answers the OpenAI API with the codex CLI of this machine.
///
/// An option can also be set in the environment or in a file named .env, by the name behind it; keys are in API_KEYS.
#[derive(Debug, Parser)]
#[command(name = "codex-proxyd", disable_version_flag = true, args_conflicts_with_subcommands = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// Print our version and codex's
    #[arg(long, short = 'V')]
    pub(crate) version: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make, list and revoke keys
    Key {
        #[command(subcommand)]
        action: KeyAction,
    },
    /// Check everything that the proxy needs, and say what to do where something is wrong
    Doctor {
        /// Print what can be shown to others who help: versions, settings and findings, without keys and texts
        #[arg(long)]
        report: bool,
    },
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Make a key and print it, this once
    New {
        /// A name to know it by
        name: String,
        /// What codex's commands may do for it, no more than the setting: read-only, workspace-write or danger-full-access
        #[arg(id = "key_sandbox", long = "sandbox", value_name = "MODE")]
        sandbox: Option<String>,
        /// Codex's working folder for it, within the one of the settings; without a mode it means workspace-write at most
        #[arg(id = "key_workspace", long = "workspace", value_name = "DIR")]
        workspace: Option<std::path::PathBuf>,
    },
    /// List the keys, without their secrets
    List,
    /// Take a key away; it stops working at once
    Revoke {
        /// The key's id, as `key list` shows it
        id: String,
    },
}
