//! codex's model list, stripped of everything that adds tools, text or parameters to a prompt.
//!
//! Besides its settings, entries in codex's model list add to a prompt: a patch tool, a tool-calling language, multi-agent
//! support, a verbosity. codex gets its own list back without those. It starts with the list that it was last given, or with
//! the one it is delivered with; asking its service for a newer one takes a network, so that happens once it runs.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::auth_watch::account_in;
use super::{CATALOG, write};
use crate::environment::Environment;
use crate::error::CodexError;
use crate::files::FileStamp;
use crate::install::Found;
use crate::process::{command, output};

/// How long codex may take to fetch its models, in the background.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// How long codex may take to print the list it is delivered with.
const PRINT_TIMEOUT: Duration = Duration::from_secs(5);

/// The field of the file that says for which codex and account it was written; codex ignores it.
const WRITTEN_FOR: &str = "written_for";

/// What the list says about a model and `model/list` does not, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ModelSize {
    pub(crate) context_window: Option<u64>,
    /// codex's own list has none; a list of the user's may.
    pub(crate) max_output_tokens: Option<u64>,
}

/// The sizes of models, by id.
pub(crate) type ModelSizes = HashMap<String, ModelSize>;

/// The model list that codex was started with.
#[derive(Debug)]
pub(crate) struct ModelList {
    folder: PathBuf,
    found: Found,
    environment: Environment,
    written_for: String,
    list: Vec<u8>,
    /// Whether it is the user's own, so that there is no newer one.
    is_own: bool,
}

impl ModelList {
    /// Writes the list that codex starts with to `folder`, from the user's `own` list if there is one; `None` when codex
    /// cannot print its list.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) async fn prepare(
        folder: &Path,
        found: &Found,
        environment: &Environment,
        own: Option<PathBuf>,
    ) -> Result<Option<Self>, CodexError> {
        let account = account_in(environment.codex_home().as_deref());
        let written_for =
            format!("{:016x}", hash(&format!("{:?}{account:?}{own:?}", FileStamp::read(&found.path))));
        let known = std::fs::read(folder.join(CATALOG)).ok();
        let known = known.filter(|_| own.is_none()).filter(|list| {
            let list: Value = serde_json::from_slice(list).unwrap_or_default();
            list[WRITTEN_FOR] == written_for.as_str()
        });
        let printed = match (known, &own) {
            (Some(known), _) => Some(known),
            (None, Some(own)) => std::fs::read(own).ok(),
            (None, None) => print(found, environment, &["debug", "models", "--bundled"], PRINT_TIMEOUT).await,
        };
        // A known list too, since an older version of ours may have stripped it of less.
        let Some(list) = printed.and_then(|printed| stripped(&printed, &written_for)) else {
            tracing::info!("codex cannot print its model list; plain models may be offered its tools");
            return Ok(None);
        };
        write(folder, CATALOG, &list)?;
        let (folder, found, environment) = (folder.to_owned(), found.clone(), environment.clone());
        Ok(Some(Self { folder, found, environment, written_for, list, is_own: own.is_some() }))
    }

    /// The file with the list.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(CATALOG)
    }

    /// The sizes of its models.
    pub(crate) fn sizes(&self) -> ModelSizes {
        sizes(&self.list)
    }

    /// Identifies the list's content.
    pub(crate) fn id(&self) -> u64 {
        hash(&self.list)
    }

    /// Asks codex for its current list, and writes it for the next start. Whether it is another one.
    pub(crate) async fn refresh(&self) -> bool {
        let Self { folder, found, environment, written_for, list, is_own } = self;
        if *is_own {
            return false;
        }
        let printed = print(found, environment, &["debug", "models"], FETCH_TIMEOUT).await;
        let Some(newer) = printed.and_then(|printed| stripped(&printed, written_for)) else {
            tracing::info!("codex could not fetch its current model list");
            return false;
        };
        newer != *list && write(folder, CATALOG, &newer).is_ok()
    }
}

fn sizes(list: &[u8]) -> ModelSizes {
    let list: Value = serde_json::from_slice(list).unwrap_or_default();
    let models = list["models"].as_array().map(Vec::as_slice).unwrap_or_default();
    let size = |model: &Value| {
        Some((model["slug"].as_str()?.to_owned(), ModelSize::deserialize(model).unwrap_or_default()))
    };
    models.iter().filter_map(size).collect()
}

fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

async fn print(
    found: &Found,
    environment: &Environment,
    args: &[&str],
    timeout: Duration,
) -> Option<Vec<u8>> {
    let mut command = command(&found.path, environment);
    command.args(args);
    let output = output(command, timeout).await.ok()?;
    output.status.success().then_some(output.stdout)
}

/// The list without additions to the prompt; `None` when `printed` is not a model list.
fn stripped(printed: &[u8], written_for: &str) -> Option<Vec<u8>> {
    let mut list: Value = serde_json::from_slice(printed).ok()?;
    let models = list.get_mut("models")?.as_array_mut()?;
    for model in models.iter_mut() {
        let model = model.as_object_mut()?;
        for (key, value) in [
            ("apply_patch_tool_type", Value::Null),
            ("experimental_supported_tools", json!([])),
            ("tool_mode", Value::Null),
            ("multi_agent_version", Value::Null),
            // codex's own request format hides tools among the messages and has no web search. The public format is what all
            // other clients send; whether ChatGPT accepts it for every model could not be tested without an account.
            ("use_responses_lite", Value::Bool(false)),
            ("include_skills_usage_instructions", Value::Bool(false)),
            ("include_plugin_usage_instructions", Value::Bool(false)),
            ("include_apps_usage_instructions", Value::Bool(false)),
            ("model_messages", Value::Null),
            ("base_instructions", json!("")),
            // codex sends these on its own: a terser answer, and a tier that costs more.
            ("default_verbosity", Value::Null),
            ("default_service_tier", Value::Null),
            // codex would drop a verbosity in silence. If the model has none, upstream says so.
            ("support_verbosity", Value::Bool(true)),
        ] {
            // An older codex may reject unknown fields.
            if let Some(known) = model.get_mut(key) {
                *known = value;
            }
        }
    }
    if models.is_empty() {
        return None;
    }
    list[WRITTEN_FOR] = written_for.into();
    serde_json::to_vec(&list).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_keeps_its_properties_and_loses_its_additions() {
        let printed = json!({ "models": [{
            "slug": "m", "apply_patch_tool_type": "freeform", "tool_mode": "code_mode_only", "context_window": 5,
            "base_instructions": "You are Codex.", "use_responses_lite": true, "support_verbosity": false,
            "default_verbosity": "low", "default_service_tier": "priority", "default_reasoning_level": "low"
        }]});
        let list = stripped(printed.to_string().as_bytes(), "me").unwrap();
        let expected = json!({ "models": [{
            "slug": "m", "apply_patch_tool_type": null, "tool_mode": null, "context_window": 5,
            "base_instructions": "", "use_responses_lite": false, "support_verbosity": true,
            "default_verbosity": null, "default_service_tier": null, "default_reasoning_level": "low"
        }], "written_for": "me"});
        assert_eq!(serde_json::from_slice::<Value>(&list).unwrap(), expected);
    }

    #[test]
    fn sizes_are_read_as_far_as_they_are_there() {
        let list = json!({ "models": [
            { "slug": "a", "context_window": 272_000, "max_context_window": 872_000 },
            { "slug": "b", "context_window": null, "max_output_tokens": 9 },
            { "slug": "c", "context_window": "large" },
            { "context_window": 1 }
        ]});
        let sizes = sizes(list.to_string().as_bytes());
        assert_eq!(sizes["a"], ModelSize { context_window: Some(272_000), max_output_tokens: None });
        assert_eq!(sizes["b"], ModelSize { context_window: None, max_output_tokens: Some(9) });
        assert_eq!((sizes["c"], sizes.len()), (ModelSize::default(), 3));
    }

    #[test]
    fn output_that_is_not_a_list_is_ignored() {
        for printed in ["", "error: unrecognized subcommand", "{}", "{\"models\":[]}", "{\"models\":[1]}"] {
            assert_eq!(stripped(printed.as_bytes(), ""), None, "{printed}");
        }
    }
}
