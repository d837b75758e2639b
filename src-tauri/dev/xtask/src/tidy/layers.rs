//! The layers of each crate, the lowest first: a module imports only from lower ones. ARCHITECTURE.md says why.

/// Where a new module is to be added.
pub(super) const FILE: &str = file!();

type Layers = &'static [&'static [&'static str]];

/// By the name of the crate's folder; `src-tauri/src` is the shell. A crate without layers may have no circles, no more.
const LAYERS: &[(&str, Layers)] = &[
    (
        "codex-client",
        &[
            &["error", "environment", "item", "notification"],
            &["request", "event"],
            &["process"],
            &["install"],
            &["home"],
            &["rpc"],
            &["capabilities"],
            &["thread"],
            &["turn"],
            &["session"],
            &["legacy"],
            &["config"],
            &["codex"],
        ],
    ),
    (
        "proxy",
        &[
            &["error", "openai", "settings"],
            &["auth", "models"],
            &["translate", "answer"],
            &["exchange"],
            &["metrics"],
            &["server"],
            &["doctor"],
        ],
    ),
    ("desktop", &[&["keychain", "request_log", "pairing"], &["gateway"], &["app"]]),
    ("proxyd", &[&["logging"], &["cli"], &["key_command"]]),
];

pub(super) fn of(name: &str) -> Option<Layers> {
    LAYERS.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, layers)| *layers)
}

/// How high a module stands: the root, which has no name, above all.
pub(super) fn height(layers: Layers, top: Option<&str>) -> Option<usize> {
    top.map_or(Some(layers.len()), |top| layers.iter().position(|layer| layer.contains(&top)))
}
