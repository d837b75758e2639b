//! A second listener for `localhost`.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// A listener on `[::1]` beside one on 127.0.0.1 or 0.0.0.0, because `localhost` is `::1` first on some systems.
///
/// `None` if there is no IPv6, or another program has the port there: then only `localhost` is affected.
pub async fn ipv6_loopback(listener: &TcpListener) -> Option<TcpListener> {
    let address = listener.local_addr().ok()?;
    let expected = [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED].map(IpAddr::from);
    if !expected.contains(&address.ip()) {
        return None;
    }
    let twin = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port());
    match TcpListener::bind(twin).await {
        Ok(listener) => Some(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            tracing::warn!(address = %twin, "another program has this address; use 127.0.0.1 instead of localhost");
            None
        }
        Err(error) => {
            tracing::debug!(address = %twin, %error, "not listening");
            None
        }
    }
}
