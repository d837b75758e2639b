//! The methods that codex 0.169 lists, in its order, in the error about an unknown one.
//!
//! All of them, though the fake answers only a few, because clients parse the error's text.

/// The real codex's methods, one per line.
const KNOWN: &str = include_str!("methods.txt");

/// The methods that the fake answers.
pub(crate) const ANSWERED: &[&str] = &[
    "initialize",
    "server/diagnostics",
    "thread/start",
    "thread/unsubscribe",
    "thread/loaded/list",
    "thread/inject_items",
    "turn/start",
    "turn/interrupt",
    "model/list",
    "account/rateLimits/read",
    "config/read",
    "account/read",
    "experimentalFeature/list",
];

/// The methods known to codex with this minor version.
pub(crate) fn known_to(minor: u32) -> Vec<&'static str> {
    let newer: &[&str] = match minor {
        0..50 => return vec!["initialize"],
        50..80 => &[
            "thread/inject_items",
            "server/diagnostics",
            "thread/loaded/list",
            "thread/unsubscribe",
            "config/read",
            "experimentalFeature/list",
        ],
        80..140 => &["thread/inject_items", "server/diagnostics", "experimentalFeature/list"],
        _ => return KNOWN.lines().collect(),
    };
    ANSWERED.iter().copied().filter(|method| !newer.contains(method)).collect()
}
