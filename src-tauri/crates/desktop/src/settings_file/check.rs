//! Changes of settings that the window sends, held against this machine; every wrong field is named at once.
//!
//! Deliberately not here: whether codex starts and which version it is (the window asks that as the path is typed), whether
//! the port is free (starting the proxy shows it), and the typed confirmation of full access, which the window asks for.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use proxy::models::CODEX_LOCAL;
use proxy::settings::Settings;
use serde_json::{Map, Value};

use super::desktop_settings::DesktopSettings;
use crate::view::{FieldError, Listen, ModelChoice};

/// The longest name of a model or an effort; the real ones are far shorter.
const MAX_NAME: usize = 200;

/// What a change is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The settings in force.
    pub current: &'a DesktopSettings,
    /// The user's folder, which `~` stands for.
    pub home: Option<&'a Path>,
    /// codex's models, empty while they are not known.
    pub models: &'a [ModelChoice],
    /// The address of Docker's bridge, where there is one.
    pub docker_bridge: Option<IpAddr>,
}

/// The settings in force with `changes`, of which all or none are taken.
///
/// Only what changes is judged: a folder that has gone stops no other setting. It looks whether files and folders exist, so
/// it belongs where it may block.
///
/// # Errors
/// Every field that is wrong, each with a sentence.
pub fn change(
    changes: &Map<String, Value>,
    context: &Context<'_>,
) -> Result<DesktopSettings, Vec<FieldError>> {
    let (mut next, mut wrong) = context.current.merge(changes);
    let mut check = |field: &str, checked: Result<(), String>| {
        wrong.extend(checked.err().map(|message| FieldError { field: field.to_owned(), message }));
    };
    let has_changed = |name: &str| changes.contains_key(name);
    if has_changed("codex_path") {
        check("codex_path", codex_path(&mut next.proxy.codex_path, context));
    }
    if has_changed("workspace") {
        check("workspace", workspace(&mut next.proxy.workspace, context));
    }
    if has_changed("model") || has_changed("effort") {
        check("model", model(&mut next.proxy.model));
        check("effort", effort(&mut next.proxy, context));
    }
    if has_changed("model_aliases") {
        check("model_aliases", model_aliases(&next.proxy, context));
    }
    if has_changed("listen") {
        check("listen", listen(next.listen, context));
    }
    if wrong.is_empty() { Ok(next) } else { Err(wrong) }
}

/// The text that was typed as a path; nothing is `None`.
fn typed(path: &mut Option<PathBuf>) -> Option<String> {
    let text = path.take()?.to_string_lossy().trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}

fn codex_path(setting: &mut Option<PathBuf>, context: &Context<'_>) -> Result<(), String> {
    let Some(text) = typed(setting) else { return Ok(()) };
    if !text.contains(['/', '\\']) && text != "~" {
        *setting = Some(text.into());
        return Ok(());
    }
    let path = whole_path(&text, context.home)
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
        *setting = Some(path);
        Ok(())
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

fn workspace(setting: &mut Option<PathBuf>, context: &Context<'_>) -> Result<(), String> {
    let Some(text) = typed(setting) else { return Ok(()) };
    let path = whole_path(&text, context.home).ok_or(
        "Write the whole path of the folder, or nothing to use an empty folder of Codex Proxy's own.",
    )?;
    let shown = path.display();
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => {
            *setting = Some(path);
            Ok(())
        }
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

fn model(setting: &mut Option<String>) -> Result<(), String> {
    name(setting, "Write the id of a model, such as gpt-5, which has no blanks in it.")
}

fn effort(proxy: &mut Settings, context: &Context<'_>) -> Result<(), String> {
    name(&mut proxy.effort, "Write one word, such as low, medium or high, or nothing.")?;
    let (Some(effort), Some(model)) = (&proxy.effort, &proxy.model) else { return Ok(()) };
    match context.models.iter().find(|choice| choice.id == *model).map(|choice| &choice.efforts) {
        Some(known) if known.is_empty() => Err(format!("{model} knows no efforts. Take {effort} out.")),
        Some(known) if !known.contains(effort) => {
            Err(format!("{model} does not know the effort {effort}. Choose one of: {}.", known.join(", ")))
        }
        _ => Ok(()),
    }
}

/// Trims a name, which has no blanks in it. Nothing is a name too, the one that leaves the choice to codex.
fn name(setting: &mut Option<String>, wanted: &str) -> Result<(), String> {
    let text = setting.take().unwrap_or_default().trim().to_owned();
    if text.len() > MAX_NAME || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(wanted.to_owned());
    }
    *setting = Some(text).filter(|text| !text.is_empty());
    Ok(())
}

fn model_aliases(proxy: &Settings, context: &Context<'_>) -> Result<(), String> {
    let current = &context.current.proxy;
    // While codex's list is not known, the request says whether there is such a model; a model of the settings need not be listed.
    let known = |model: &str| {
        context.models.is_empty()
            || model == CODEX_LOCAL
            || current.model.as_deref() == Some(model)
            || context.models.iter().any(|choice| choice.id == model)
            // What is there already may stay when codex lists it no longer.
            || current.model_aliases.values().any(|kept| kept == model)
    };
    match proxy.model_aliases.iter().find(|(_, model)| !known(model)) {
        Some((alias, model)) => Err(format!(
            "{alias} leads to {model}, which codex does not list. An alias leads to one of its models or to codex-local, and to no other alias."
        )),
        None => Ok(()),
    }
}

fn listen(listen: Listen, context: &Context<'_>) -> Result<(), String> {
    let no_bridge = listen == Listen::DockerBridge && context.docker_bridge.is_none();
    // Once chosen it may stay while Docker is not running.
    if no_bridge && context.current.listen != listen {
        return Err(
            "Docker's network is not there. Start Docker, or choose another way to listen.".to_owned()
        );
    }
    Ok(())
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
