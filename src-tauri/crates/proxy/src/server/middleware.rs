//! Middleware of all routes.

pub(super) mod auth;
pub(super) mod auth_throttle;
pub(super) mod host_origin;
pub(super) mod paths;
pub(super) mod request_id;
pub(super) mod request_limit;
pub(super) mod shutdown;
pub(super) mod unread_body;
pub(super) mod usage_headers;
