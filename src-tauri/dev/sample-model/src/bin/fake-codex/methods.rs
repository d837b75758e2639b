//! The methods codex 0.169 names when it is asked for one it does not know, in its order.
//!
//! Deliberately all of them, though the fake answers few: the text of the error is what a client reads.

/// What the real codex knows, one a line.
const KNOWN: &str = include_str!("methods.txt");

/// What the fake answers.
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
];

/// Of those, what a codex with this minor version knew.
pub(crate) fn known_to(minor: u32) -> Vec<&'static str> {
    let newer: &[&str] = match minor {
        0..50 => return vec!["initialize"],
        50..80 => &[
            "thread/inject_items",
            "server/diagnostics",
            "thread/loaded/list",
            "thread/unsubscribe",
            "config/read",
        ],
        80..140 => &["thread/inject_items", "server/diagnostics"],
        _ => return KNOWN.lines().collect(),
    };
    ANSWERED.iter().copied().filter(|method| !newer.contains(method)).collect()
}
