//! What the private home inherits from the user's settings: how to reach the model and with which credentials, but
//! nothing that adds to the prompt.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Settings of the provider, sign-in, network and telemetry, as named by any version of codex.
const INHERITED: &[&str] = &[
    "analytics",
    "chatgpt_base_url",
    "cli_auth_credentials_store",
    "disable_response_storage",
    "feedback",
    "forced_chatgpt_workspace_id",
    "forced_login_method",
    "model",
    MODEL_LIST,
    "model_context_window",
    "model_max_output_tokens",
    "model_provider",
    "model_providers",
    "openai_base_url",
    "oss_provider",
    "preferred_auth_method",
];

/// The file of a model list that replaces codex's own.
const MODEL_LIST: &str = "model_catalog_json";

/// Switches under `features` that concern the network and upstream.
const INHERITED_FEATURES: &[&str] = &[
    "api_key_model_discovery",
    "enable_request_compression",
    "respect_system_proxy",
    "responses_websockets",
    "responses_websockets_v2",
    "system_proxy_fallback",
    "unbounded_connection_retries",
];

/// The inherited part of the user's settings. Paths relative to the user's home become absolute.
pub(super) fn inherited(settings: &Table, user_home: Option<&Path>) -> Table {
    let mut inherited = select(settings, INHERITED);
    if let Some(features) = settings.get("features").and_then(Value::as_table) {
        let features = select(features, INHERITED_FEATURES);
        if !features.is_empty() {
            inherited.insert("features".to_owned(), features.into());
        }
    }
    if let Some(name) = settings.get("profile").and_then(Value::as_str) {
        inherited.insert("profile".to_owned(), name.into());
        let profile =
            settings.get("profiles").and_then(|profiles| profiles.get(name)).and_then(Value::as_table);
        if let Some(profile) = profile {
            let mut profile = select(profile, INHERITED);
            make_absolute(&mut profile, user_home);
            let profiles = Table::from_iter([(name.to_owned(), Value::Table(profile))]);
            inherited.insert("profiles".to_owned(), profiles.into());
        }
    }
    make_absolute(&mut inherited, user_home);
    // With "auto", a refreshed token would be stored in the keychain under the private home's path, and the user's own would
    // go stale. It is read from the file, so it is written there.
    if inherited.get("cli_auth_credentials_store").and_then(Value::as_str) == Some("auto") {
        inherited.insert("cli_auth_credentials_store".to_owned(), "file".into());
    }
    let never = Table::from_iter([("persistence".to_owned(), Value::from("none"))]);
    inherited.insert("history".to_owned(), never.into());
    inherited.insert("check_for_update_on_startup".to_owned(), false.into());
    inherited
}

/// The user's own model list, which replaces codex's, in what is inherited.
pub(super) fn own_model_list(inherited: &Table) -> Option<PathBuf> {
    let profiles = inherited.get("profiles").and_then(Value::as_table);
    // Only the active one is inherited.
    let profile = profiles.and_then(|profiles| profiles.values().next()?.get(MODEL_LIST));
    profile.or_else(|| inherited.get(MODEL_LIST))?.as_str().map(PathBuf::from)
}

/// Whether only the user's own home can find the sign-in: codex stores it in the keychain under the home's path.
pub(super) fn needs_keyring(settings: &Table, has_file: bool) -> bool {
    match settings.get("cli_auth_credentials_store").and_then(Value::as_str) {
        Some("keyring") => true,
        Some("auto") => !has_file,
        _ => false,
    }
}

/// Arguments that switch off what the user's settings add, for a plain model in the user's own home.
pub(super) fn override_args(settings: &Table) -> Vec<String> {
    let servers = settings.get("mcp_servers").and_then(Value::as_table);
    // codex splits a setting's name at its dots, so a server with a dot in its name cannot be switched off.
    let named = servers.into_iter().flat_map(Table::keys).filter(|name| !name.contains(['.', '"', '=']));
    let servers = named.map(|name| format!("mcp_servers.{name}.enabled=false"));
    // Only override instructions that are set.
    let instructions = ["instructions", "developer_instructions"].into_iter();
    let instructions =
        instructions.filter(|name| settings.contains_key(*name)).map(|name| format!("{name}=\"\""));
    servers.chain(instructions).flat_map(|switch| ["-c".to_owned(), switch]).collect()
}

fn select(settings: &Table, names: &[&str]) -> Table {
    let known = names.iter().filter_map(|name| Some(((*name).to_owned(), settings.get(*name)?.clone())));
    known.collect()
}

fn make_absolute(settings: &mut Table, home: Option<&Path>) {
    let Some(home) = home else { return };
    let absolute = |path: &str| Value::from(home.join(path).display().to_string());
    if let Some(path) = settings.get(MODEL_LIST).and_then(Value::as_str).map(absolute) {
        settings.insert(MODEL_LIST.to_owned(), path);
    }
    let providers = settings.get_mut("model_providers").and_then(Value::as_table_mut);
    for (_, provider) in providers.into_iter().flatten() {
        // A command that prints the provider's token runs in the settings' folder by default.
        if let Some(auth) = provider.get_mut("auth").and_then(Value::as_table_mut) {
            let cwd = auth.get("cwd").and_then(Value::as_str).unwrap_or_default();
            let cwd = if cwd.is_empty() { Value::from(home.display().to_string()) } else { absolute(cwd) };
            auth.insert("cwd".to_owned(), cwd);
        }
    }
}
