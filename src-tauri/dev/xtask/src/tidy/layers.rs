//! The layers of each crate, lowest first. A module imports only from lower layers; see ARCHITECTURE.md.

/// Named in the finding about a module without a layer.
pub(super) const FILE: &str = file!();

type Layers = &'static [&'static [&'static str]];

/// By crate name. A crate without layers is only checked for cycles.
const LAYERS: &[(&str, Layers)] = &[
    (
        "codex-client",
        &[
            &["account", "ask", "environment", "files", "item", "own_addresses", "reason"],
            &["error", "rate_limits"],
            &["event", "process", "request"],
            &["install", "notification"],
            &["capabilities", "home", "rpc"],
            &["app_server", "turn"],
            &["status", "thread"],
            &["config"],
            &["session"],
            &["legacy", "sign_in"],
            &["codex"],
        ],
    ),
    (
        "proxy",
        &[
            &["clock", "files", "logging", "off_workers", "openai", "store"],
            &["auth"],
            &["settings"],
            &["error"],
            &["body_budget", "changes", "event", "models"],
            &["approvals", "health", "metrics", "translate"],
            &["answer", "image_fetch"],
            &["exchange"],
            &["server"],
            &["doctor"],
        ],
    ),
    (
        "desktop",
        &[
            &["client_name", "database", "shell", "text", "view"],
            &["settings_file"],
            &["answer_store", "gateway", "keychain", "pairing", "request_log", "setup"],
            &["app"],
        ],
    ),
    ("proxyd", &[&["key_rules", "runtime"], &["cli"], &["approvals", "env_file", "key_command"]]),
];

pub(super) fn for_crate(name: &str) -> Option<Layers> {
    LAYERS.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, layers)| *layers)
}

/// The index of a top-level module's layer. The crate root, which has no name, is above them all.
pub(super) fn index(layers: Layers, module: Option<&str>) -> Option<usize> {
    module.map_or(Some(layers.len()), |module| layers.iter().position(|layer| layer.contains(&module)))
}
