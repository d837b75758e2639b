//! The proxy over real sockets, with the real codex and the sample model, and with a scripted fake for what the real one
//! won't do on command.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is its failure"
)]

mod approvals;
mod bodies;
mod causes;
mod changes;
mod chat;
mod clients;
mod completions;
mod conversations;
mod crowding;
mod docs;
mod effort_models;
mod errors;
mod folders;
mod guard;
mod hang_up;
mod hostile;
mod images;
mod inputs;
mod kept_chats;
mod key_rules;
mod kinds;
mod limits;
mod live_settings;
mod loaded_words;
mod log;
mod metrics;
mod models;
mod owner_stop;
mod parked;
mod paths;
mod per_request;
mod pictures;
mod queue;
mod relay;
mod request_ids;
mod responses;
mod shape;
mod silence;
mod stopping;
mod stored_chats;
mod strict_tools;
mod support;
mod tool_deltas;
mod tool_kinds;
mod tool_schemas;
mod tools;
mod upstream;
mod usage;
mod web_search;
mod websocket;
