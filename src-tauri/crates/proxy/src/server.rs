//! The HTTP server: a function of the listener, the proxy and the token that stops it.
//!
//! The caller binds the listener and decides when to stop.

mod connections;
mod conversations;
mod extract;
mod json_body;
mod localhost;
mod middleware;
mod openapi;
mod paging;
mod response_store;
mod responses;
mod review;
mod router;
mod routes;
mod serve;
mod sse;
mod state;
mod upload;
mod websocket;

pub use localhost::ipv6_loopback;
pub use review::Review;
pub use serve::{OpenPort, Server, serve};
pub use state::{Proxy, ProxyError, ProxyParts};
