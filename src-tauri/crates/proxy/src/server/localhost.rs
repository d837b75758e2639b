//! The second address of `localhost`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address on `[::1]` to listen on beside one on 127.0.0.1 or 0.0.0.0, because `localhost` is `::1` first on some systems.
/// Optional: a system without IPv6 has none, and another program may have the port there.
#[must_use]
pub fn ipv6_loopback(address: SocketAddr) -> Option<SocketAddr> {
    let with_localhost = [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED].map(IpAddr::from);
    let has_localhost = with_localhost.contains(&address.ip());
    has_localhost.then(|| SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()))
}
