//! Finds Docker, and the address of its bridge on Linux, where containers can reach the host.
//!
//! Never runs `docker`: that may need permissions, may start the service, and takes a second. A renamed bridge (`bridge` in
//! daemon.json) is not found. Compose networks reach the same address through `host-gateway`. Docker Desktop routes containers to
//! the host's loopback and needs no address.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use codex_client::Environment;

use crate::view::{Listen, ListenChoice};

/// The host name containers use for their host.
pub const BRIDGE_NAME: &str = "host.docker.internal";

/// The network interface of the Docker bridge.
const INTERFACE: &str = "docker0";

/// Common locations of Docker. Apps not started from a terminal have a short `PATH`.
const INSTALL_PATHS: [&str; 5] = [
    "/usr/bin/docker",
    "/usr/local/bin/docker",
    "/var/run/docker.sock",
    "/Applications/Docker.app",
    "C:\\Program Files\\Docker\\Docker",
];

/// Docker on this computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Docker {
    /// Whether it is installed.
    pub installed: bool,
    /// The address of this computer on the Docker bridge, which exists once Docker has run since boot. Always `None` on macOS and
    /// Windows.
    pub bridge: Option<Ipv4Addr>,
}

/// Finds Docker on this computer, whose bridge has this address.
#[must_use]
pub fn find(environment: &Environment, bridge: Option<Ipv4Addr>) -> Docker {
    let installed = bridge.is_some() || is_installed(environment.path_folders(), Path::exists);
    Docker { installed, bridge }
}

/// The address of Docker's bridge at this moment.
#[cfg(target_os = "linux")]
#[must_use]
pub fn bridge() -> Option<Ipv4Addr> {
    // Without a list of interfaces, there is no bridge to listen on.
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    bridge_of(interfaces.iter().map(|interface| (interface.name.as_str(), interface.ip())))
}

/// Always `None`: Docker Desktop has no bridge on this system.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn bridge() -> Option<Ipv4Addr> {
    None
}

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "Docker has a bridge on Linux only"))]
fn bridge_of<'a>(mut interfaces: impl Iterator<Item = (&'a str, IpAddr)>) -> Option<Ipv4Addr> {
    interfaces.find_map(|(name, address)| match address {
        IpAddr::V4(address) if name == INTERFACE => Some(address),
        _ => None,
    })
}

fn is_installed(path_folders: Vec<PathBuf>, exists: impl Fn(&Path) -> bool) -> bool {
    let program = if cfg!(windows) { "docker.exe" } else { "docker" };
    let on_path = path_folders.into_iter().filter(|folder| folder.is_absolute()).map(|f| f.join(program));
    on_path.chain(INSTALL_PATHS.map(PathBuf::from)).any(|path| exists(&path))
}

/// The choices for network access, with their addresses.
#[must_use]
pub fn listen_choices(docker: &Docker) -> Vec<ListenChoice> {
    let choice = |listen, addresses: &[Ipv4Addr], available| {
        let addresses = addresses.iter().map(Ipv4Addr::to_string).collect();
        ListenChoice { listen, addresses, available }
    };
    let with_bridge: Vec<_> = [Ipv4Addr::LOCALHOST].into_iter().chain(docker.bridge).collect();
    vec![
        choice(Listen::Loopback, &[Ipv4Addr::LOCALHOST], true),
        choice(Listen::DockerBridge, &with_bridge, docker.bridge.is_some()),
        choice(Listen::Everywhere, &[Ipv4Addr::UNSPECIFIED], true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn finds_the_ipv4_address_of_the_docker_bridge() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let all = [
            ("lo", ip("127.0.0.1")),
            ("docker0", ip("fe80::1")),
            ("docker01", ip("10.0.0.1")),
            ("br-5f", ip("172.18.0.1")),
            ("docker0", ip("172.17.0.1")),
        ];
        assert_eq!(bridge_of(all.into_iter()), Some(Ipv4Addr::new(172, 17, 0, 1)));
        assert_eq!(bridge_of(all[..4].iter().copied()), None);
    }

    #[test]
    fn finds_docker_on_the_path_and_in_common_locations() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(if cfg!(windows) { "docker.exe" } else { "docker" });
        let path = || vec![PathBuf::from("relative"), folder.path().to_path_buf()];
        assert!(!is_installed(path(), |_| false));
        assert!(is_installed(path(), |path| path == program));
        assert!(is_installed(Vec::new(), |path| path == Path::new("/var/run/docker.sock")));
        assert!(!is_installed(path(), |path| path.is_relative() && path.starts_with("relative")));
    }

    #[test]
    fn the_docker_bridge_is_available_only_if_it_exists() {
        let without = listen_choices(&Docker::default());
        assert_eq!(without.iter().map(|choice| choice.available).collect::<Vec<_>>(), [true, false, true]);
        let bridge = Some(Ipv4Addr::new(172, 17, 0, 1));
        let with = listen_choices(&Docker { installed: true, bridge });
        assert_eq!(with[1].addresses, ["127.0.0.1", "172.17.0.1"]);
        assert!(with[1].available);
        assert_eq!(with[2].addresses, ["0.0.0.0"]);
    }
}
