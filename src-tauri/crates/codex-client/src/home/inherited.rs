//! What is carried over from the user's settings into the private home: how to reach the model and as whom, and nothing
//! that adds to what the model reads.

use std::path::Path;

use toml::{Table, Value};

/// Settings of the provider, of the sign-in and of the network, by codex's names of all its versions, and the user's word
/// on what codex tells its makers.
const CARRIED: &[&str] = &[
    "analytics",
    "chatgpt_base_url",
    "cli_auth_credentials_store",
    "disable_response_storage",
    "feedback",
    "forced_chatgpt_workspace_id",
    "forced_login_method",
    "model",
    "model_catalog_json",
    "model_context_window",
    "model_max_output_tokens",
    "model_provider",
    "model_providers",
    "openai_base_url",
    "oss_provider",
    "preferred_auth_method",
];

/// Switches below `features` that are about the network and the upstream.
const CARRIED_FEATURES: &[&str] = &[
    "api_key_model_discovery",
    "enable_request_compression",
    "respect_system_proxy",
    "responses_websockets",
    "responses_websockets_v2",
    "system_proxy_fallback",
    "unbounded_connection_retries",
];

/// The part of the user's settings that is carried over, its values as they are. Paths that are relative to the user's
/// home are made absolute.
pub(super) fn carried(settings: &Table, users: Option<&Path>) -> Table {
    let mut carried = pick(settings, CARRIED);
    if let Some(features) = settings.get("features").and_then(Value::as_table) {
        let features = pick(features, CARRIED_FEATURES);
        if !features.is_empty() {
            carried.insert("features".to_owned(), features.into());
        }
    }
    if let Some(name) = settings.get("profile").and_then(Value::as_str) {
        carried.insert("profile".to_owned(), name.into());
        let profile =
            settings.get("profiles").and_then(|profiles| profiles.get(name)).and_then(Value::as_table);
        if let Some(profile) = profile {
            let mut profile = pick(profile, CARRIED);
            make_absolute(&mut profile, users);
            let profiles = Table::from_iter([(name.to_owned(), Value::Table(profile))]);
            carried.insert("profiles".to_owned(), profiles.into());
        }
    }
    make_absolute(&mut carried, users);
    // With the keychain chosen "if there is one", a refreshed token would go there under the private home's name, and the
    // user's own would be stale. It is read from the file, so it is written there.
    if carried.get("cli_auth_credentials_store").and_then(Value::as_str) == Some("auto") {
        carried.insert("cli_auth_credentials_store".to_owned(), "file".into());
    }
    let never = Table::from_iter([("persistence".to_owned(), Value::from("none"))]);
    carried.insert("history".to_owned(), never.into());
    carried.insert("check_for_update_on_startup".to_owned(), false.into());
    carried
}

/// Whether the sign-in is where only the user's own home finds it: codex keeps it in the keychain under the home's path.
pub(super) fn needs_keyring(settings: &Table, has_file: bool) -> bool {
    match settings.get("cli_auth_credentials_store").and_then(Value::as_str) {
        Some("keyring") => true,
        Some("auto") => !has_file,
        _ => false,
    }
}

/// Arguments that switch off what the user's settings would start, for a plain model in the user's own home.
pub(super) fn switched_off(settings: &Table) -> Vec<String> {
    let servers = settings.get("mcp_servers").and_then(Value::as_table);
    // codex splits the name of a setting at its dots; a server with one in its name cannot be named here.
    let named = servers.into_iter().flat_map(Table::keys).filter(|name| !name.contains(['.', '"', '=']));
    let servers = named.map(|name| format!("mcp_servers.{name}.enabled=false"));
    // Empty instructions for those that are set; what is not set stays so.
    let instructions = ["instructions", "developer_instructions"].into_iter();
    let instructions =
        instructions.filter(|name| settings.contains_key(*name)).map(|name| format!("{name}=\"\""));
    servers.chain(instructions).flat_map(|switch| ["-c".to_owned(), switch]).collect()
}

fn pick(settings: &Table, names: &[&str]) -> Table {
    let known = names.iter().filter_map(|name| Some(((*name).to_owned(), settings.get(*name)?.clone())));
    known.collect()
}

fn make_absolute(settings: &mut Table, users: Option<&Path>) {
    let Some(users) = users else { return };
    let absolute = |path: &str| Value::from(users.join(path).display().to_string());
    if let Some(path) = settings.get("model_catalog_json").and_then(Value::as_str).map(absolute) {
        settings.insert("model_catalog_json".to_owned(), path);
    }
    let providers = settings.get_mut("model_providers").and_then(Value::as_table_mut);
    for (_, provider) in providers.into_iter().flatten() {
        // A command that prints the provider's token runs in the folder of the settings unless they say otherwise.
        if let Some(auth) = provider.get_mut("auth").and_then(Value::as_table_mut) {
            let cwd = auth.get("cwd").and_then(Value::as_str).unwrap_or_default();
            let cwd = if cwd.is_empty() { Value::from(users.display().to_string()) } else { absolute(cwd) };
            auth.insert("cwd".to_owned(), cwd);
        }
    }
}
