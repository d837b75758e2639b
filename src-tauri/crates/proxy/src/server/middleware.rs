//! What every request passes before its route.

pub(super) mod auth;
pub(super) mod host_origin;
pub(super) mod request_id;
pub(super) mod shutdown;
pub(super) mod auth_throttle;
