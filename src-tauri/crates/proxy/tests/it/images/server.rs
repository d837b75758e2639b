//! A server of images, by HTTP at `plain.test` and by HTTPS at `images.test`.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use proxy::ImageFetcher;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A certificate for `images.test`, valid until 2120, and its key: made for these tests by `openssl ca -selfsign`.
const CERTIFICATE: &[u8] = include_bytes!("../../tls/images.test.cert.der");
const KEY: &[u8] = include_bytes!("../../tls/images.test.key.der");

/// The size of `/big`: two fit into a request, three do not.
const BIG: usize = 15 * 1024 * 1024;

pub(super) struct ImageServer {
    pub(super) plain: SocketAddr,
    secure: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// The image at `/image`; `None` for a 404.
    image: Mutex<Option<Vec<u8>>>,
    /// The paths requested.
    paths: Mutex<Vec<String>>,
}

impl ImageServer {
    pub(super) async fn start(image: &[u8]) -> Self {
        let shared = Arc::new(Shared { image: Mutex::new(Some(image.to_owned())), paths: Mutex::default() });
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], PrivatePkcs8KeyDer::from(KEY).into())
            .unwrap();
        let plain = listen(None, &shared).await;
        let secure = listen(Some(TlsAcceptor::from(Arc::new(config))), &shared).await;
        Self { plain, secure, shared }
    }

    /// Reaches this server by its names.
    pub(super) fn fetcher(&self) -> ImageFetcher {
        let nothing = SocketAddr::from(([127, 0, 0, 1], 1));
        let hosts = [
            ("plain.test", self.plain),
            ("images.test", self.secure),
            ("not-in-the-certificate.test", self.secure),
            ("closed.test", nothing),
        ];
        let hosts = hosts.map(|(name, address)| (name.to_owned(), address));
        ImageFetcher::with_hosts(hosts.into(), CertificateDer::from(CERTIFICATE))
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.shared.paths.lock().clone()
    }

    /// Answers 404 from now on.
    pub(super) fn remove_image(&self) {
        *self.shared.image.lock() = None;
    }
}

async fn listen(tls: Option<TlsAcceptor>, shared: &Arc<Shared>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, shared) = (tls.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                match tls {
                    None => _ = answer(stream, &shared).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            let _ = answer(stream, &shared).await;
                        }
                    }
                }
            });
        }
    });
    address
}

/// Answers one request.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    shared.paths.lock().push(path.clone());
    let image = shared.image.lock().clone();
    let (status, headers, body) = match path.split('?').next().unwrap_or_default() {
        "/image" if image.is_some() => ("200 OK", "content-type: text/plain", image.unwrap_or_default()),
        "/moved" => ("302 Found", "location: /image", Vec::new()),
        "/to-private" => ("302 Found", "location: http://127.0.0.1:1/image", Vec::new()),
        "/to-file" => ("302 Found", "location: file:///etc/passwd", Vec::new()),
        "/loop" => ("302 Found", "location: /loop", Vec::new()),
        "/page" => ("200 OK", "content-type: image/png", b"<html>".to_vec()),
        "/error" => ("503 Service Unavailable", "retry-after: 1", Vec::new()),
        "/big" => ("200 OK", "x: y", [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; BIG]].concat()),
        "/declared" => ("200 OK", "content-length: 20971521", Vec::new()),
        "/endless" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n\x89PNG\r\n\x1a\n").await?;
            let zeros = vec![0; 1024 * 1024];
            loop {
                stream.write_all(&zeros).await?;
            }
        }
        "/silent" => {
            // Until the client gives up.
            let _ = stream.read_u8().await;
            return Ok(());
        }
        _ => ("404 Not Found", "x: y", Vec::new()),
    };
    stream
        .write_all(format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n\r\n").as_bytes())
        .await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}
