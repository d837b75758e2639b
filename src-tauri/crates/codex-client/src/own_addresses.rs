//! The addresses on which the proxy itself listens, to notice a codex whose provider is the proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::lookup_host;
use tokio::time::timeout;
use url::{Host, Url};

/// How long a name may take to resolve. Only names with a port of ours are looked up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// The proxy's own addresses, empty until it listens. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct OwnAddresses(Arc<Mutex<Vec<SocketAddr>>>);

impl OwnAddresses {
    /// Adds an address.
    pub fn add(&self, address: impl IntoIterator<Item = SocketAddr>) {
        self.0.lock().extend(address);
    }

    /// Removes an address.
    pub fn remove(&self, address: impl IntoIterator<Item = SocketAddr>) {
        let mut own = self.0.lock();
        for address in address {
            if let Some(at) = own.iter().position(|own| *own == address) {
                own.swap_remove(at);
            }
        }
    }

    /// Whether requests to `url` arrive at one of the addresses, however it is spelled.
    pub(crate) async fn serve(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else { return false };
        let Some(port) = url.port_or_known_default() else { return false };
        let ours: Vec<IpAddr> = {
            let ours = self.0.lock();
            ours.iter().filter(|ours| ours.port() == port).map(|ours| ours.ip().to_canonical()).collect()
        };
        if ours.is_empty() {
            return false;
        }
        let reached = match url.host() {
            Some(Host::Ipv4(ip)) => vec![ip.into()],
            Some(Host::Ipv6(ip)) => vec![IpAddr::from(ip).to_canonical()],
            // Browsers and codex resolve these themselves, so a computer need not.
            Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            }
            Some(Host::Domain(name)) => match timeout(LOOKUP_TIMEOUT, lookup_host((name, port))).await {
                Ok(Ok(found)) => found.map(|address| address.ip().to_canonical()).collect(),
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        reached.iter().any(|reached| {
            ours.iter().any(|ours| match (ours.is_unspecified(), reached.is_unspecified()) {
                (true, _) => reached.is_unspecified() || is_of_this_computer(*reached),
                // Connecting to 0.0.0.0 reaches this computer's loopback.
                (false, true) => ours.is_loopback(),
                (false, false) => ours == reached,
            })
        })
    }
}

/// Only an address of this computer can be bound.
fn is_of_this_computer(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_own_address_is_recognized_in_every_spelling_and_no_other_is() {
        for (listens, url, own) in [
            ("127.0.0.1:8000", "http://127.0.0.1:8000/v1", true),
            ("127.0.0.1:8000", "http://localhost:8000/v1/", true),
            ("127.0.0.1:8000", "http://LOCALHOST:8000", true),
            ("127.0.0.1:8000", "http://codex.localhost:8000/v1", true),
            ("127.0.0.1:8000", "http://127.1:8000/v1", true),
            ("127.0.0.1:8000", "http://0x7f000001:8000/v1", true),
            ("127.0.0.1:8000", "http://2130706433:8000/v1", true),
            ("127.0.0.1:8000", "http://0.0.0.0:8000/v1", true),
            ("127.0.0.1:8000", "http://[::ffff:127.0.0.1]:8000/v1", true),
            ("127.0.0.1:80", "http://localhost/v1", true),
            ("[::1]:8000", "http://localhost:8000/v1", true),
            ("0.0.0.0:8000", "http://127.0.0.5:8000/v1", true),
            ("[::]:8000", "http://127.0.0.1:8000/v1", true),
            ("127.0.0.1:8000", "http://127.0.0.1:8001/v1", false),
            ("127.0.0.1:8000", "http://192.0.2.1:8000/v1", false),
            ("0.0.0.0:8000", "http://192.0.2.1:8000/v1", false),
            ("127.0.0.1:8000", "https://api.example.com/v1", false),
            ("127.0.0.1:8000", "not a URL", false),
        ] {
            let addresses = OwnAddresses::default();
            addresses.add([listens.parse().unwrap()]);
            assert_eq!(addresses.serve(url).await, own, "{listens} {url}");
            addresses.remove([listens.parse().unwrap()]);
            assert!(!addresses.serve(url).await);
        }
        assert!(!OwnAddresses::default().serve("http://127.0.0.1:8000/v1").await);
    }
}
