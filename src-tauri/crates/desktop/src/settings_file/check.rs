//! Changes of settings that the window sends, held against this machine; every wrong field is named at once.
//!
//! Deliberately not here: whether codex starts and which version it is (the window asks that as the path is typed), whether
//! the port is free (starting the proxy shows it), and the typed confirmation of full access, which the window asks for.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use codex_client::{CodexError, Environment, Search};
use proxy::models::CODEX_LOCAL;
use proxy::settings::{FieldError, expand_home, fields, is_name};
use serde_json::{Map, Value};

use super::desktop_settings::DesktopSettings;
use crate::view::{Listen, ModelChoice};

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
    let known = fields(context.current);
    for name in changes.keys().filter(|name| !known.contains_key(*name)) {
        wrong.push(FieldError::new(name, format!("There is no setting named {name}.")));
    }
    let checks: [(&str, Check); 6] = [
        ("codex_path", codex_path),
        ("workspace", workspace),
        ("model", model),
        ("effort", effort),
        ("model_aliases", model_aliases),
        ("listen", listen),
    ];
    for (field, check) in checks {
        // Another model may know other efforts.
        let concerned = changes.contains_key(field) || (field == "effort" && changes.contains_key("model"));
        if let Some(Err(message)) = concerned.then(|| check(&mut next, context)) {
            wrong.push(FieldError::new(field, message));
        }
    }
    if wrong.is_empty() { Ok(next) } else { Err(wrong) }
}

/// Holds one setting against this machine, and makes a path of it absolute.
type Check = fn(&mut DesktopSettings, &Context<'_>) -> Result<(), String>;

fn codex_path(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    let Some(path) = &mut next.proxy.codex_path else { return Ok(()) };
    // A bare name is looked for on the PATH when codex is started.
    if path.as_os_str() != "~" && path.file_name() == Some(path.as_os_str()) {
        return Ok(());
    }
    *path = whole_path(path, context.home)
        .ok_or("Write the whole path of the codex program, or its bare name, or nothing to have it found.")?;
    let search = Search { setting: None, environment: Environment::default() };
    let advice = "Choose the codex program, or leave this empty to have it found.";
    search.find_configured(path).map(|_| ()).map_err(|error| match error {
        CodexError::BadPath { path, reason } => format!("{} {reason}. {advice}", path.display()),
        other => format!("{other}. {advice}"),
    })
}

fn workspace(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    let Some(path) = &mut next.proxy.workspace else { return Ok(()) };
    *path = whole_path(path, context.home).ok_or(
        "Write the whole path of the folder, or nothing to use an empty folder of Codex Proxy's own.",
    )?;
    let shown = path.display();
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(format!("{shown} is a file. Choose a folder.")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!(
            "There is no folder {shown}. Make it first, or leave this empty to use one of Codex Proxy's own."
        )),
        Err(error) => Err(format!("{shown} cannot be looked at ({error}). Choose another folder.")),
    }
}

/// A relative path would mean another place each time the app is started from elsewhere, and `settings.json` has no bytes that
/// are no text.
pub(crate) fn whole_path(path: &Path, home: Option<&Path>) -> Option<PathBuf> {
    Some(expand_home(path, home)).filter(|path| path.is_absolute() && path.to_str().is_some())
}

fn model(next: &mut DesktopSettings, _: &Context<'_>) -> Result<(), String> {
    match &next.proxy.model {
        Some(model) if !is_name(model) => {
            Err("Write the id of a model, such as gpt-5, which has no blanks in it.".to_owned())
        }
        _ => Ok(()),
    }
}

fn effort(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    let Some(effort) = &next.proxy.effort else { return Ok(()) };
    if !is_name(effort) {
        return Err("Write one word, such as low, medium or high, or nothing.".to_owned());
    }
    match context.models.iter().find(|choice| Some(&choice.id) == next.proxy.model.as_ref()) {
        Some(ModelChoice { id, efforts, .. }) if efforts.is_empty() => {
            Err(format!("{id} knows no efforts. Take {effort} out."))
        }
        Some(ModelChoice { id, efforts, .. }) if !efforts.contains(effort) => {
            Err(format!("{id} does not know the effort {effort}. Choose one of: {}.", efforts.join(", ")))
        }
        _ => Ok(()),
    }
}

fn model_aliases(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
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
    match next.proxy.model_aliases.iter().find(|(_, model)| !known(model)) {
        Some((alias, model)) => Err(format!(
            "{alias} leads to {model}, which codex does not list. An alias leads to one of its models or to codex-local, and to no other alias."
        )),
        None => Ok(()),
    }
}

fn listen(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    match next.listen {
        // Once chosen it may stay while Docker is not running.
        Listen::DockerBridge if context.docker_bridge.is_none() && context.current.listen != next.listen => {
            Err("Docker's network is not there. Start Docker, or choose another way to listen.".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
