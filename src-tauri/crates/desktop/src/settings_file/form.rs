//! The settings as the window shows them, and back, with every wrong field said at once.
//!
//! Deliberately not here: whether codex starts and which version it is (the window asks that as the path is typed), whether
//! the port is free (starting the proxy shows it), and the typed confirmation of full access, which the window asks for.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use codex_client::SandboxMode;

use super::stored::{MOST_DAYS, Stored, log_level};
use crate::view::{FieldError, Listen, ModelChoice, SettingsForm};
use proxy::models::CODEX_LOCAL;
use proxy::settings::{Aliases, TurnLimits, aliases, limits};

/// The longest name of a model or an effort; the real ones are far shorter.
const LONGEST_NAME: usize = 200;

/// What a form is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The settings in force, from which everything is kept that the form does not show.
    pub current: &'a Stored,
    /// The user's folder, which `~` stands for.
    pub home: Option<&'a Path>,
    /// codex's models, empty while they are not known.
    pub models: &'a [ModelChoice],
    /// The address of Docker's bridge, where there is one.
    pub docker_bridge: Option<IpAddr>,
}

/// The settings as the window shows them.
#[must_use]
pub fn form(stored: &Stored) -> SettingsForm {
    let path = |path: &Option<PathBuf>| {
        path.as_ref().map_or_else(String::new, |path| path.to_string_lossy().into_owned())
    };
    SettingsForm {
        codex_path: path(&stored.codex_path),
        model: stored.model.clone().unwrap_or_default(),
        effort: stored.effort.clone().unwrap_or_default(),
        sandbox: stored.sandbox.name().to_owned(),
        workspace: path(&stored.workspace),
        reasoning: stored.reasoning,
        show_work: stored.show_work,
        model_aliases: aliases::texts(&stored.model_aliases).collect::<Vec<_>>().join("\n"),
        side_calls: stored.side_calls,
        max_turns: stored.limits.max_turns.to_string(),
        max_waiting: stored.limits.max_waiting.to_string(),
        max_wait: stored.limits.max_wait_seconds.to_string(),
        turn_limit: stored.limits.turn_limit_minutes.to_string(),
        silence_limit: stored.limits.silence_limit_minutes.to_string(),
        port: stored.port.to_string(),
        listen: stored.listen,
        keys_needed: stored.keys_needed,
        start_at_login: stored.start_at_login,
        start_proxy: stored.start_proxy,
        log_level: stored.log_level.name().to_owned(),
        keep_days: stored.keep_days.to_string(),
        keep_texts: stored.keep_texts,
    }
}

/// The settings that a form says.
///
/// It looks whether files and folders exist, so it belongs where it may block.
///
/// # Errors
/// Every field that is wrong, each with a sentence.
pub fn parse(form: &SettingsForm, context: &Context<'_>) -> Result<Stored, Vec<FieldError>> {
    let mut wrong = Wrong(Vec::new());
    let stored = Stored {
        codex_path: wrong.note("codexPath", codex_path(form.codex_path.trim(), context)),
        model: wrong.note("model", model(form.model.trim())),
        effort: wrong.note("effort", effort(form.effort.trim(), form.model.trim(), context)),
        sandbox: wrong.note("sandbox", sandbox(&form.sandbox)),
        workspace: wrong.note("workspace", workspace(form.workspace.trim(), context)),
        reasoning: form.reasoning,
        show_work: form.show_work,
        model_aliases: wrong.note("modelAliases", model_aliases(&form.model_aliases, context)),
        side_calls: form.side_calls,
        limits: TurnLimits {
            max_turns: wrong.note("maxTurns", limits::MAX_TURNS.read(form.max_turns.trim())),
            max_waiting: wrong.note("maxWaiting", limits::MAX_WAITING.read(form.max_waiting.trim())),
            max_wait_seconds: wrong.note("maxWait", limits::MAX_WAIT.read(form.max_wait.trim())),
            turn_limit_minutes: wrong.note("turnLimit", limits::TURN_LIMIT.read(form.turn_limit.trim())),
            silence_limit_minutes: wrong
                .note("silenceLimit", limits::SILENCE_LIMIT.read(form.silence_limit.trim())),
        },
        port: wrong.note("port", port(form.port.trim())),
        listen: wrong.note("listen", listen(form.listen, context)),
        keys_needed: wrong.note("keysNeeded", keys_needed(form)),
        start_at_login: form.start_at_login,
        start_proxy: form.start_proxy,
        log_level: wrong.note(
            "logLevel",
            log_level(form.log_level.trim()).ok_or_else(|| "Choose error, warn, info or debug.".to_owned()),
        ),
        keep_days: wrong.note("keepDays", keep_days(form.keep_days.trim())),
        keep_texts: form.keep_texts,
        asked_about_background: context.current.asked_about_background,
        allowed_origins: context.current.allowed_origins.clone(),
        allowed_hosts: context.current.allowed_hosts.clone(),
    };
    if wrong.0.is_empty() { Ok(stored) } else { Err(wrong.0) }
}

/// The complaints so far.
struct Wrong(Vec<FieldError>);

impl Wrong {
    /// The value, or a stand-in for it and one complaint more.
    fn note<T: Default>(&mut self, field: &str, value: Result<T, String>) -> T {
        value.unwrap_or_else(|message| {
            self.0.push(FieldError { field: field.to_owned(), message });
            T::default()
        })
    }
}

fn codex_path(text: &str, context: &Context<'_>) -> Result<Option<PathBuf>, String> {
    let a_bare_name = !text.contains(['/', '\\']) && text != "~";
    if text.is_empty() || a_bare_name {
        return Ok(Some(PathBuf::from(text)).filter(|_| !text.is_empty()));
    }
    let path = whole_path(text, context.home)
        .ok_or("Write the whole path of the codex program, or its bare name, or nothing to have it found.")?;
    let shown = path.display();
    let metadata = fs::metadata(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            format!(
                "There is no file {shown}. Choose the codex program, or leave this empty to have it found."
            )
        }
        _ => format!("{shown} cannot be looked at ({error}). Choose another codex program."),
    })?;
    if metadata.is_dir() {
        Err(format!("{shown} is a folder. Choose the codex program in it."))
    } else if may_run(&metadata) {
        Ok(Some(path))
    } else {
        Err(format!("{shown} is not a program. Choose the codex program."))
    }
}

#[cfg(unix)]
fn may_run(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn may_run(_: &fs::Metadata) -> bool {
    true
}

fn workspace(text: &str, context: &Context<'_>) -> Result<Option<PathBuf>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let path = whole_path(text, context.home).ok_or(
        "Write the whole path of the folder, or nothing to use an empty folder of Codex Proxy's own.",
    )?;
    let shown = path.display();
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(Some(path)),
        Ok(_) => Err(format!("{shown} is a file. Choose a folder.")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!(
            "There is no folder {shown}. Make it first, or leave this empty to use one of Codex Proxy's own."
        )),
        Err(error) => Err(format!("{shown} cannot be looked at ({error}). Choose another folder.")),
    }
}

/// A relative path would mean another place each time the app is started from elsewhere.
pub(crate) fn whole_path(text: &str, home: Option<&Path>) -> Option<PathBuf> {
    let below_home = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with(['/', '\\']));
    let path = match (below_home, home) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches(['/', '\\'])),
        _ => PathBuf::from(text),
    };
    path.is_absolute().then_some(path)
}

fn model(text: &str) -> Result<Option<String>, String> {
    name(text).ok_or_else(|| "Write the id of a model, such as gpt-5, which has no blanks in it.".to_owned())
}

fn effort(text: &str, model: &str, context: &Context<'_>) -> Result<Option<String>, String> {
    let effort = name(text).ok_or("Write one word, such as low, medium or high, or nothing.")?;
    let known = context.models.iter().find(|choice| choice.id == model).map(|choice| &choice.efforts);
    match (&effort, known) {
        (Some(effort), Some(known)) if known.is_empty() => {
            Err(format!("{model} knows no efforts. Take {effort} out."))
        }
        (Some(effort), Some(known)) if !known.contains(effort) => {
            Err(format!("{model} does not know the effort {effort}. Choose one of: {}.", known.join(", ")))
        }
        _ => Ok(effort),
    }
}

fn model_aliases(text: &str, context: &Context<'_>) -> Result<Aliases, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let aliases = aliases::parse(lines).map_err(|(line, wrong)| format!("{line}: {wrong}"))?;
    // While codex's list is not known, the request says whether there is such a model; a model of the settings need not be listed.
    let known = |model: &str| {
        context.models.is_empty()
            || model == CODEX_LOCAL
            || context.current.model.as_deref() == Some(model)
            || context.models.iter().any(|choice| choice.id == model)
            // Whoever has it already may change other settings while codex lists it no longer.
            || context.current.model_aliases.values().any(|kept| kept == model)
    };
    match aliases.iter().find(|(_, model)| !known(model)) {
        Some((alias, model)) => Err(format!(
            "{alias} leads to {model}, which codex does not list. An alias leads to one of its models or to codex-local, and to no other alias."
        )),
        None => Ok(aliases),
    }
}

/// A name without blanks; nothing is a name too, the one that leaves the choice to codex.
fn name(text: &str) -> Option<Option<String>> {
    let is_name = text.len() <= LONGEST_NAME && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    is_name.then(|| Some(text.to_owned()).filter(|text| !text.is_empty()))
}

fn sandbox(text: &str) -> Result<SandboxMode, String> {
    SandboxMode::from_name(text)
        .ok_or_else(|| "Choose read-only, workspace-write or danger-full-access.".to_owned())
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| "Write a port from 1 to 65535, such as 8000.".to_owned())
}

fn keep_days(text: &str) -> Result<u32, String> {
    let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    days.ok_or_else(|| format!("Write a number of days from 1 to {MOST_DAYS}."))
}

fn listen(listen: Listen, context: &Context<'_>) -> Result<Listen, String> {
    let no_bridge = listen == Listen::DockerBridge && context.docker_bridge.is_none();
    // Whoever chose it before may change other settings while Docker is not running.
    if no_bridge && context.current.listen != listen {
        return Err(
            "Docker's network is not there. Start Docker, or choose another way to listen.".to_owned()
        );
    }
    Ok(listen)
}

fn keys_needed(form: &SettingsForm) -> Result<bool, String> {
    if form.keys_needed || form.listen == Listen::Loopback {
        return Ok(form.keys_needed);
    }
    Err("Keys can be switched off only while no one but this machine can reach the proxy. Switch them on, or \
         listen on this machine only."
        .to_owned())
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
