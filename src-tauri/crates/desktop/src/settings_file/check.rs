//! Checks changes of settings from the window, and reports all invalid fields at once.
//!
//! Whether codex starts is checked while its path is typed, and whether the port is free when the proxy starts.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use codex_client::{CodexError, Environment, Search};
use proxy::models::is_agent;
use proxy::settings::{FieldError, expand_home, fields, is_name};
use serde_json::{Map, Value};

use super::desktop_settings::DesktopSettings;
use crate::view::{Listen, ModelChoice};

/// What changes are checked against.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The current settings.
    pub current: &'a DesktopSettings,
    /// The home folder, for `~`.
    pub home: Option<&'a Path>,
    /// codex's models; empty until they are known.
    pub models: &'a [ModelChoice],
    /// The address of the Docker bridge, if there is one.
    pub docker_bridge: Option<IpAddr>,
}

/// The current settings with `changes`, all of them or none.
///
/// Checks only the changed fields, so that a deleted folder does not block other settings. Blocks on the file system.
///
/// # Errors
/// Every invalid field, each with a sentence.
pub fn apply(
    changes: &Map<String, Value>,
    context: &Context<'_>,
) -> Result<DesktopSettings, Vec<FieldError>> {
    let (mut next, mut errors) = context.current.merge(changes);
    let known = fields(context.current);
    for name in changes.keys().filter(|name| !known.contains_key(*name)) {
        errors.push(FieldError::new(name, format!("Unknown setting {name}.")));
    }
    let checks: [(&str, Check); 7] = [
        ("codex_path", codex_path),
        ("workspace", workspace),
        ("folders", folders),
        ("model", model),
        ("effort", effort),
        ("model_aliases", model_aliases),
        ("listen", listen),
    ];
    for (field, check) in checks {
        // Efforts depend on the model.
        let affected = changes.contains_key(field) || (field == "effort" && changes.contains_key("model"));
        if let Some(Err(message)) = affected.then(|| check(&mut next, context)) {
            errors.push(FieldError::new(field, message));
        }
    }
    if errors.is_empty() { Ok(next) } else { Err(errors) }
}

/// Checks one setting, and makes a path absolute.
type Check = fn(&mut DesktopSettings, &Context<'_>) -> Result<(), String>;

fn codex_path(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    let Some(path) = &mut next.proxy.codex_path else { return Ok(()) };
    // A bare name is searched on the PATH when codex starts.
    if path.as_os_str() != "~" && path.file_name() == Some(path.as_os_str()) {
        return Ok(());
    }
    *path = absolute(path, context.home)
        .ok_or("Enter Codex's full path or its name, or leave it empty to find Codex automatically.")?;
    let search = Search { setting: None, own: None, environment: Environment::default() };
    let advice = "Choose the Codex program, or leave it empty to find Codex automatically.";
    search.find_configured(path).map(|_| ()).map_err(|error| match error {
        CodexError::BadPath { path, reason } => format!("{} {reason}. {advice}", path.display()),
        other => format!("{other}. {advice}"),
    })
}

fn workspace(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    let Some(path) = &mut next.proxy.workspace else { return Ok(()) };
    *path = absolute(path, context.home)
        .ok_or("Enter the folder's full path, or leave it empty to use the app folder.")?;
    is_folder(path, "leave it empty to use the app folder")
}

/// Checks the folders that are models. One that stays as it is may be missing, such as one on a drive that is not there.
fn folders(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    let known = &context.current.proxy.folders;
    for folder in &mut next.proxy.folders {
        let named = |message: String| format!("{}: {message}", folder.name);
        folder.folder = absolute(&folder.folder, context.home)
            .ok_or_else(|| named("Enter the folder's full path.".to_owned()))?;
        if !known.iter().any(|known| known.folder == folder.folder) {
            is_folder(&folder.folder, "choose another one").map_err(named)?;
        }
    }
    Ok(())
}

/// Checks that there is a folder; `otherwise` is what to do instead of creating it.
fn is_folder(path: &Path, otherwise: &str) -> Result<(), String> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(format!("{shown} is a file. Choose a folder.")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("The folder {shown} doesn't exist. Create it, or {otherwise}."))
        }
        Err(error) => Err(format!("Couldn't open {shown} ({error}). Choose another folder.")),
    }
}

/// An absolute path in UTF-8. A relative one depends on where the app starts, and `settings.json` stores only text.
pub(crate) fn absolute(path: &Path, home: Option<&Path>) -> Option<PathBuf> {
    Some(expand_home(path, home)).filter(|path| path.is_absolute() && path.to_str().is_some())
}

fn model(next: &mut DesktopSettings, _: &Context<'_>) -> Result<(), String> {
    match &next.proxy.model {
        Some(model) if !is_name(model) => Err("Enter a model id without spaces, such as gpt-5.".to_owned()),
        _ => Ok(()),
    }
}

fn effort(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    let Some(effort) = &next.proxy.effort else { return Ok(()) };
    if !is_name(effort) {
        return Err("Enter one word, such as low, medium or high, or leave it empty.".to_owned());
    }
    match context.models.iter().find(|choice| Some(&choice.id) == next.proxy.model.as_ref()) {
        Some(ModelChoice { id, efforts, .. }) if efforts.is_empty() => {
            Err(format!("{id} has no effort levels. Remove {effort}."))
        }
        Some(ModelChoice { id, efforts, .. }) if !efforts.contains(effort) => {
            Err(format!("{id} doesn't support the effort {effort}. Choose one of: {}.", efforts.join(", ")))
        }
        _ => Ok(()),
    }
}

fn model_aliases(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    let current = &context.current.proxy;
    // Until codex's models are known, any name is accepted. The model in the settings need not be listed.
    let known = |model: &str| {
        context.models.is_empty()
            || is_agent(model, &next.proxy)
            || current.model.as_deref() == Some(model)
            || context.models.iter().any(|choice| is_choice(model, choice, next.proxy.effort_models))
            // An existing alias may stay when codex no longer lists its model.
            || current.model_aliases.values().any(|existing| existing == model)
    };
    match next.proxy.model_aliases.iter().find(|(_, model)| !known(model)) {
        Some((alias, model)) => Err(format!(
            "{alias} stands for {model}, which Codex doesn't list. Choose one of its models, codex-local or a folder. An alias can't stand for another alias."
        )),
        None => Ok(()),
    }
}

/// Whether `model` is this choice, or with `efforts` also the choice with an effort or a speed behind its id.
fn is_choice(model: &str, choice: &ModelChoice, efforts: bool) -> bool {
    let rest = model.strip_prefix(choice.id.as_str());
    rest.is_some_and(|rest| rest.is_empty() || (efforts && rest.starts_with('-')))
}

fn listen(next: &mut DesktopSettings, context: &Context<'_>) -> Result<(), String> {
    match next.listen {
        // An existing choice may stay while Docker is not running.
        Listen::DockerBridge if context.docker_bridge.is_none() && context.current.listen != next.listen => {
            Err("No Docker bridge found. Start Docker, or choose another option.".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
