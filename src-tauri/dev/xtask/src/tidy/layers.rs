//! The layers of each crate, the lowest first: a module imports only from lower ones. ARCHITECTURE.md says why.

/// Where a new module is to be added.
pub(super) const FILE: &str = file!();

type Layers = &'static [&'static [&'static str]];

/// By the name of the crate's folder; `src-tauri/src` is the shell. A crate without layers may have no circles, no more.
const LAYERS: &[(&str, Layers)] = &[
    (
        "codex-client",
        &[
            &["account", "environment", "error", "files", "item"],
            &["event", "process", "request"],
            &["install", "notification"],
            &["capabilities", "home", "rpc"],
            &["turn"],
            &["status", "thread"],
            &["config"],
            &["session"],
            &["legacy"],
            &["codex"],
        ],
    ),
    (
        "proxy",
        &[
            &["clock", "files", "logging", "off_workers", "openai"],
            &["auth"],
            &["error", "settings"],
            &["event", "models"],
            &["metrics", "translate"],
            &["answer"],
            &["exchange"],
            &["server"],
            &["doctor"],
        ],
    ),
    (
        "desktop",
        &[
            &["text", "view"],
            &["settings_file"],
            &["gateway", "keychain", "pairing", "request_log"],
            &["app"],
        ],
    ),
    ("proxyd", &[&["logging"], &["cli"], &["key_command"]]),
];

pub(super) fn of(name: &str) -> Option<Layers> {
    LAYERS.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, layers)| *layers)
}

/// How high a module stands: the root, which has no name, above all.
pub(super) fn height(layers: Layers, top: Option<&str>) -> Option<usize> {
    top.map_or(Some(layers.len()), |top| layers.iter().position(|layer| layer.contains(&top)))
}
