//! This computer's addresses in its network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// Interfaces of containers and virtual machines on this computer. On macOS, theirs are `bridge100` and up; `bridge0` is Thunderbolt.
/// The last three are Windows' names.
const VIRTUAL: [&str; 11] = [
    "docker",
    "br-",
    "veth",
    "virbr",
    "vmnet",
    "vboxnet",
    "bridge1",
    "vmenet",
    "vEthernet",
    "VMware",
    "VirtualBox",
];

/// A documentation address, never assigned (RFC 5737). The system chooses the interface of its default route for it, and nothing is sent.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// The addresses at which other devices reach this computer, the one of the default route first.
#[must_use]
pub fn lan_addresses() -> Vec<Ipv4Addr> {
    // Without a list of interfaces, there is still the default route.
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces.iter().map(|interface| (interface.name.as_str(), interface.ip()));
    in_order(default_route(), addresses)
}

fn default_route() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(SocketAddr::from(ELSEWHERE)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn in_order<'a>(
    default: Option<Ipv4Addr>,
    interfaces: impl Iterator<Item = (&'a str, IpAddr)>,
) -> Vec<Ipv4Addr> {
    let others = interfaces.filter_map(|(name, address)| match address {
        IpAddr::V4(address) if !VIRTUAL.iter().any(|start| name.starts_with(start)) => Some(address),
        _ => None,
    });
    let usable =
        |address: &Ipv4Addr| !address.is_loopback() && !address.is_link_local() && !address.is_unspecified();
    let mut addresses = Vec::new();
    for address in default.into_iter().chain(others).filter(usable) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_default_route_comes_first_and_virtual_interfaces_are_left_out() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let all = [
            ("lo", ip("127.0.0.1")),
            ("eth0", ip("10.0.0.5")),
            ("eth0", ip("fe80::1")),
            ("docker0", ip("172.17.0.1")),
            ("br-5f", ip("172.18.0.1")),
            ("bridge100", ip("192.168.64.1")),
            ("vEthernet (WSL (Hyper-V firewall))", ip("172.29.64.1")),
            ("wlan0", ip("192.168.1.20")),
            ("usb0", ip("169.254.3.4")),
        ];
        let default = Some(Ipv4Addr::new(192, 168, 1, 20));
        let texts =
            |default| in_order(default, all.into_iter()).iter().map(Ipv4Addr::to_string).collect::<Vec<_>>();
        assert_eq!(texts(default), ["192.168.1.20", "10.0.0.5"]);
        assert_eq!(texts(None), ["10.0.0.5", "192.168.1.20"]);
        assert!(in_order(None, all[..1].iter().copied()).is_empty());
    }
}
