//! Which IP addresses are public, so that the proxy may connect to them for a client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is reachable on the public internet. Whatever is private, special or reserved is not, nor an IPv6 address
/// that stands for such an IPv4 address.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = match a {
        // "This network", private, loopback, and multicast, reserved or broadcast.
        0 | 10 | 127 | 224.. => true,
        // Carrier-grade NAT.
        100 => b & 0xc0 == 64,
        // Link-local, where clouds keep their metadata.
        169 => b == 254,
        172 => b & 0xf0 == 16,
        // Protocol assignments, documentation, 6to4 relays and private.
        192 => matches!((b, c), (0, 0 | 2) | (88, 99) | (168, _)),
        // Benchmarking and documentation.
        198 => b & 0xfe == 18 || (b, c) == (51, 100),
        203 => (b, c) == (0, 113),
        _ => false,
    };
    !is_special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let is_special = match ip.segments() {
        // v4-mapped addresses and NAT64 lead to the IPv4 address at their end.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            let [.., a, b, c, d] = ip.octets();
            !is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // ISATAP and 6to4 lead to the IPv4 address in them.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] | [0x2002, ..] => true,
        // Protocol assignments, Teredo among them, and documentation.
        [0x2001, second, ..] => second < 0x200 || second == 0xdb8,
        [0x3fff, second, ..] => second < 0x1000,
        // Only these are global. Loopback, unspecified, v4-compatible, unique local, link-local and multicast addresses are not.
        [first, ..] => first & 0xe000 != 0x2000,
    };
    !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(public: bool, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn public_addresses_may_be_connected_to() {
        check(true, &["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "169.253.0.1", "169.255.0.1"]);
        check(
            true,
            &["172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.0.1", "198.17.0.1", "198.20.0.1"],
        );
        check(true, &["223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888"]);
        check(true, &["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]);
    }

    #[test]
    fn private_special_and_reserved_addresses_may_not() {
        check(false, &["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255"]);
        check(false, &["127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255"]);
        check(
            false,
            &["192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255"],
        );
        check(
            false,
            &["198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"],
        );
        check(false, &["::", "::1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1"]);
        check(false, &["100::1", "2001:db8::1", "3fff:0:1::1", "5f00::1", "4000::1"]);
    }

    #[test]
    fn an_ipv6_address_that_stands_for_a_private_one_may_not() {
        check(false, &["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0"]);
        check(
            false,
            &["::127.0.0.1", "::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::8.8.8.8"],
        );
        check(false, &["2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"]);
        check(false, &["2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff::1", "::ffff:0:127.0.0.1"]);
        check(false, &["2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:10.0.0.1"]);
    }
}
