//! `codex-proxyd approvals`: shows what codex asks in a terminal, and answers it.
//!
//! The running daemon listens on a socket or named pipe that only its owner can open. While a terminal is connected, it attends;
//! when it ends, for whatever reason, what waits is denied.

mod description;
mod listener;
mod peer;
mod place;
mod prompt;
mod terminal;
mod wire;

use std::path::Path;

use codex_client::Environment;
use proxy::approvals::{forget_rule_in, rules_in};
use proxy::{local_time, unix_now};

pub(crate) use listener::Listening;
use place::Place;

use crate::cli::ApprovalsArgs;

/// Runs the command.
///
/// # Errors
/// The message for the user.
pub(crate) async fn run(
    args: &ApprovalsArgs,
    data_dir: &Path,
    environment: &Environment,
) -> Result<(), String> {
    if let Some(id) = &args.forget {
        forget_rule_in(data_dir, id)
            .map_err(|error| format!("{error}. `codex-proxyd approvals --rules` lists them"))?;
        eprintln!("Forgotten. Codex asks for this command again.");
        return Ok(());
    }
    if args.rules {
        print_rules(data_dir);
        return Ok(());
    }
    terminal::attend(&Place::of(data_dir, environment)).await
}

fn print_rules(data_dir: &Path) {
    let (rules, now) = (rules_in(data_dir), unix_now());
    if rules.is_empty() {
        eprintln!("Nothing is allowed from now on. Codex asks each time.");
    }
    for rule in rules {
        // One line each: a command may have several.
        let command = rule.command.replace('\n', "\\n");
        println!(
            "{}  {}  {}  in {}  {command}",
            rule.id,
            local_time(rule.created, now),
            rule.key,
            rule.folder
        );
    }
}
