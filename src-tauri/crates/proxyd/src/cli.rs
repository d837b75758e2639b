//! The command line. Values are taken as text here and checked in `proxy::settings`, together with the environment's.

use clap::{Parser, Subcommand};
use proxy::settings::Flags;

/// Answers the OpenAI API with the codex CLI of this machine.
///
/// Each option can also be set in the environment or in a file named .env: HOST, PORT, CODEX_PATH, CODEX_MODEL,
/// CODEX_SANDBOX, CODEX_WORKSPACE, CODEX_REASONING, CODEX_SHOW_WORK, MODEL_ALIASES, CODEX_SIDE_CALLS, MAX_TURNS, MAX_WAITING,
/// MAX_WAIT, TURN_LIMIT, SILENCE_LIMIT, DATA_DIR, LOG_LEVEL, ALLOWED_ORIGINS, ALLOWED_HOSTS; keys in API_KEYS.
#[derive(Debug, Parser)]
#[command(name = "codex-proxyd", disable_version_flag = true, args_conflicts_with_subcommands = false)]
pub(crate) struct Cli {
    /// IP address to listen on [default: 127.0.0.1]
    #[arg(long, global = true)]
    host: Option<String>,
    /// Port to listen on; 0 takes a free one [default: 8000]
    #[arg(long, global = true)]
    port: Option<String>,
    /// The codex binary [default: looked for]
    #[arg(long, global = true, value_name = "PATH")]
    codex: Option<String>,
    /// Model behind codex-local [default: what your codex is configured for]
    #[arg(long, global = true)]
    model: Option<String>,
    /// What codex's commands may do: read-only, workspace-write or danger-full-access [default: read-only]
    // Not global, as with the folder: behind `key new` it is the key's.
    #[arg(long, value_name = "MODE")]
    sandbox: Option<String>,
    /// Codex's working folder [default: an empty one below the data folder]
    #[arg(long, value_name = "DIR")]
    workspace: Option<String>,
    #[arg(
        long,
        global = true,
        value_name = "WAY",
        help = "How the reasoning is sent where a request does not say: reasoning_content, think or none [default: \
                reasoning_content]"
    )]
    reasoning: Option<String>,
    /// Whether codex-local shows what codex does, as short lines of the reasoning: on or off [default: on]
    #[arg(long, global = true, value_name = "ON|OFF")]
    show_work: Option<String>,
    /// Another name for a model, which may also be codex-local; may be given several times
    #[arg(long, global = true, value_name = "ALIAS=MODEL")]
    model_alias: Vec<String>,
    /// Whether Open WebUI's own calls (titles, tags and the like) go to the smallest model: on or off [default: on]
    #[arg(long, global = true, value_name = "ON|OFF")]
    side_calls: Option<String>,
    /// How many turns run at once, 1 to 100; more requests wait [default: 8]
    #[arg(long, global = true, value_name = "NUMBER")]
    max_turns: Option<String>,
    /// How many requests may wait, 0 to 1000; further ones are refused with 429 [default: 64]
    #[arg(long, global = true, value_name = "NUMBER")]
    max_waiting: Option<String>,
    /// How long a request waits for its place at most, 1 to 3600 [default: 120]
    #[arg(long, global = true, value_name = "SECONDS")]
    max_wait: Option<String>,
    /// How long a turn may take, 1 to 1440 [default: 60]
    #[arg(long, global = true, value_name = "MINUTES")]
    turn_limit: Option<String>,
    /// How long codex may say nothing within a turn, 1 to 1440; a command that it runs is no silence [default: 10]
    #[arg(long, global = true, value_name = "MINUTES")]
    silence_limit: Option<String>,
    /// Folder of our own data [default: the system's]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// How much is logged: error, warn, info, debug or trace [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Web page origin that may call from a browser; may be given several times
    #[arg(long, global = true, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Host name to answer to beside this machine's own; may be given several times
    #[arg(long, global = true, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Ask for no key (on loopback only)
    #[arg(long, global = true)]
    no_auth: bool,
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

impl Cli {
    /// The options as a layer of the settings.
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            host: self.host.clone(),
            port: self.port.clone(),
            codex: self.codex.clone(),
            model: self.model.clone(),
            sandbox: self.sandbox.clone(),
            workspace: self.workspace.clone(),
            reasoning: self.reasoning.clone(),
            show_work: self.show_work.clone(),
            model_alias: self.model_alias.clone(),
            side_calls: self.side_calls.clone(),
            max_turns: self.max_turns.clone(),
            max_waiting: self.max_waiting.clone(),
            max_wait: self.max_wait.clone(),
            turn_limit: self.turn_limit.clone(),
            silence_limit: self.silence_limit.clone(),
            data_dir: self.data_dir.clone(),
            log_level: self.log_level.clone(),
            allow_origin: self.allow_origin.clone(),
            allow_host: self.allow_host.clone(),
            no_auth: self.no_auth,
        }
    }
}
