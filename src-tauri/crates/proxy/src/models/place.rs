//! Where a turn of Codex itself works, and what it may do there.
//!
//! The folder is that of codex-local, of a folder's model, or one that the request names, and links are followed. Of all that
//! says what may be done there, the strictest counts. A request may name a folder inside the working folder of the settings, or
//! inside one that is a model; for a key with a working folder, inside that one too.

use std::path::{Path, PathBuf};

use codex_client::SandboxMode;

use super::ids::Agent;
use super::named_folder::may_be_resolved;
use crate::auth::{KeyLimits, LimitsError, real_folder};
use crate::files::plain_path;
use crate::settings::{FolderModel, Settings};

/// Who works there, and what is known of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) agent: Agent<'a>,
    /// The limits of its key.
    pub(crate) limits: &'a KeyLimits,
    /// The folder that it names: an absolute path, or one below the folder that it would work in.
    pub(crate) named: Option<&'a Path>,
}

/// Why a turn can work nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The working folder of the settings is missing.
    #[error("the working folder is missing")]
    NoWorkspace,
    /// The limits of the key cannot be applied.
    #[error("{0}")]
    Limits(LimitsError),
    /// The folder of the model is missing.
    #[error("the folder of the model cannot be used: {0}")]
    NoFolder(LimitsError),
    /// The folder of the model is outside the key's.
    #[error("the folder of the model is not inside the working folder of the key")]
    OutsideKey,
    /// The named folder is missing or outside all that are allowed. That it is missing would tell what there is.
    #[error("the folder that the request names is not inside an allowed one")]
    NotAllowed,
}

/// The mode and the folder. `sees` says which folders the key sees. Blocks on the file system.
///
/// # Errors
/// [`PlaceError`]
pub(crate) fn place(
    request: Request<'_>,
    settings: &Settings,
    sees: impl Fn(&FolderModel) -> bool,
) -> Result<(SandboxMode, PathBuf), PlaceError> {
    let Request { agent, limits, named } = request;
    let mode_of = |folder: &FolderModel| folder.sandbox.unwrap_or(settings.sandbox);
    let (sandbox, folder) = match agent {
        Agent::Local => {
            let folder = settings.working_folder();
            if limits.workspace.is_none() && !folder.is_dir() {
                return Err(PlaceError::NoWorkspace);
            }
            limits.effective(settings.sandbox, &folder).map_err(PlaceError::Limits)?
        }
        Agent::Folder(model) => {
            let folder = real_folder(&model.folder).map_err(PlaceError::NoFolder)?;
            if !inside_key(limits, &folder)? {
                return Err(PlaceError::OutsideKey);
            }
            (limits.strictest(mode_of(model)), plain_path(folder))
        }
    };
    let Some(named) = named else { return Ok((sandbox, folder)) };
    let settings_folder = (settings.working_folder(), settings.sandbox);
    let seen = settings.folders.iter().filter(|folder| sees(folder));
    let roots = seen.map(|folder| (folder.folder.clone(), mode_of(folder))).chain([settings_folder]);
    let roots: Vec<_> = roots.filter_map(|(root, mode)| Some((real_folder(&root).ok()?, mode))).collect();
    if !may_be_resolved(named, roots.iter().map(|(root, _)| root.as_path())) {
        return Err(PlaceError::NotAllowed);
    }
    let named = real_folder(&folder.join(named)).map_err(|_| PlaceError::NotAllowed)?;
    let around = roots.iter().filter(|(root, _)| named.starts_with(root));
    let allowed = around.map(|(_, mode)| *mode).max().ok_or(PlaceError::NotAllowed)?;
    if !inside_key(limits, &named)? {
        return Err(PlaceError::NotAllowed);
    }
    Ok((sandbox.min(allowed), plain_path(named)))
}

/// Whether a resolved folder is inside the working folder of the key, if it has one.
fn inside_key(limits: &KeyLimits, folder: &Path) -> Result<bool, PlaceError> {
    let Some(own) = &limits.workspace else { return Ok(true) };
    Ok(folder.starts_with(real_folder(own).map_err(PlaceError::Limits)?))
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
