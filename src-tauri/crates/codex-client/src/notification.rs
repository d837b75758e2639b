//! The notifications of the app-server.

pub(crate) mod thread_item;
