//! One live codex.

pub(crate) mod launch;
pub(crate) mod liveness;
pub(crate) mod mcp_servers;
pub(crate) mod models;
pub(crate) mod server_requests;
pub(crate) mod supervisor;
pub(crate) mod turn_task;
