//! Fetches one image: an HTTP client that connects to public addresses only.

use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Request;
use axum::http::header::{ACCEPT, LOCATION, USER_AGENT};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use reqwest::Url;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tower::Service;

use super::public::is_public;
use super::{Image, ImageRoom};
use crate::translate::images::{MAX_IMAGE_BYTES, data_url};

/// Maximum redirects to follow.
const MAX_REDIRECTS: usize = 5;

/// Maximum length of an address, in bytes. URLs of cloud storage have about 2 KB.
const MAX_ADDRESS_LEN: usize = 8 * 1024;

pub(super) type HttpClient = Client<HttpsConnector<HttpConnector<Resolver>>, Empty<Bytes>>;

/// Why an image cannot be fetched; the text is the client's error message.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("The image's address is not a valid http or https URL.")]
    Invalid,
    #[error(
        "Images are fetched from public addresses only, and this one leads to this machine, a private network or a reserved address. Send the image as a data URL."
    )]
    NotPublic,
    #[error("The image's server cannot be reached. Check the address, or send the image as a data URL.")]
    Unreachable {
        /// For the log.
        cause: String,
    },
    #[error("The image's server did not send it in time ({} s). Try again, or send the image as a data URL.", .0.as_secs())]
    TimedOut(Duration),
    #[error(
        "The image's server answered with status {0}. Check the address, or send the image as a data URL."
    )]
    Status(u16),
    #[error("The image's address redirects more than {MAX_REDIRECTS} times. Send its final address.")]
    TooManyRedirects,
    #[error("An image can be at most 20 MiB.")]
    TooLarge,
    #[error("A request can have at most 10 images by address. Send the others as data URLs.")]
    TooMany,
    #[error("The images by address of a request can be at most 40 MiB together. Send smaller ones.")]
    TooMuch,
    #[error(
        "There is no PNG, JPEG, WebP or GIF image at this address. Check it, or send the image as a data URL."
    )]
    NotAnImage,
    /// Too many large requests are in progress.
    #[error("too many large requests")]
    Busy,
}

impl FetchError {
    fn unreachable(error: &(dyn Error + 'static)) -> Self {
        let mut causes = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(ResolveError::NotPublic) = error.downcast_ref() {
                return Self::NotPublic;
            }
            causes.push(error.to_string());
            next = error.source();
        }
        Self::Unreachable { cause: causes.join(": ") }
    }

    /// Details for the log.
    pub(super) fn cause(&self) -> Option<&str> {
        match self {
            Self::Unreachable { cause } => Some(cause),
            _ => None,
        }
    }
}

/// Resolves names to public addresses. The client connects to what this returns, so a name cannot change in between.
#[derive(Clone, Debug)]
pub(super) struct Resolver(Arc<HashMap<String, SocketAddr>>);

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    #[error(transparent)]
    Lookup(#[from] std::io::Error),
    #[error("not a public address")]
    NotPublic,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let given = self.0.get(name.as_str()).copied();
        Box::pin(async move {
            match given {
                Some(address) => Ok(vec![address].into_iter()),
                None => only_public(tokio::net::lookup_host((name.as_str(), 0)).await?),
            }
        })
    }
}

fn only_public(
    found: impl Iterator<Item = SocketAddr>,
) -> Result<std::vec::IntoIter<SocketAddr>, ResolveError> {
    let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
    if public.is_empty() { Err(ResolveError::NotPublic) } else { Ok(public.into_iter()) }
}

/// Builds the client. It trusts `root`, or without one the system's certificates.
pub(super) async fn build(
    hosts: HashMap<String, SocketAddr>,
    root: Option<CertificateDer<'static>>,
) -> Result<HttpClient, FetchError> {
    let load = move || match root {
        Some(root) => vec![root],
        None => rustls_native_certs::load_native_certs().certs,
    };
    let certificates = tokio::task::spawn_blocking(load).await.unwrap_or_default();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        tracing::warn!("the system has no root certificates, so images cannot be fetched by https");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::unreachable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new_with_resolver(Resolver(Arc::new(hosts)));
    http.enforce_http(false);
    let https = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https.wrap_connector(http)))
}

/// Fetches the image at `address`.
pub(super) async fn fetch(
    client: &HttpClient,
    address: &str,
    room: ImageRoom<'_>,
) -> Result<Image, FetchError> {
    if address.len() > MAX_ADDRESS_LEN {
        return Err(FetchError::Invalid);
    }
    let mut url = Url::parse(address).map_err(|_| FetchError::Invalid)?;
    for _ in 0..=MAX_REDIRECTS {
        check(&url)?;
        let request = Request::get(url.as_str())
            .header(USER_AGENT, concat!("codex-proxy/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "image/png,image/jpeg,image/webp,image/gif")
            .body(Empty::new())
            .map_err(|_| FetchError::Invalid)?;
        let response = client.request(request).await.map_err(|error| FetchError::unreachable(&error))?;
        let status = response.status();
        match response.headers().get(LOCATION) {
            Some(location) if status.is_redirection() => {
                let next = location.to_str().ok().and_then(|location| url.join(location).ok());
                url = next.ok_or(FetchError::Invalid)?;
            }
            _ if status.is_success() => return receive(response.into_body(), room).await,
            _ => return Err(FetchError::Status(status.as_u16())),
        }
    }
    Err(FetchError::TooManyRedirects)
}

/// The host of an address, for the log: the rest may be private.
pub(super) fn host(address: &str) -> String {
    let url = Url::parse(address).ok();
    url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned()
}

/// Checks what the resolver does not see: the scheme, and IP addresses.
fn check(url: &Url) -> Result<(), FetchError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::Invalid);
    }
    let host = url.host_str().ok_or(FetchError::Invalid)?;
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(ip) if !is_public(ip) => Err(FetchError::NotPublic),
        _ => Ok(()),
    }
}

async fn receive(mut body: Incoming, mut room: ImageRoom<'_>) -> Result<Image, FetchError> {
    let mut bytes = Vec::new();
    if body.size_hint().lower() > MAX_IMAGE_BYTES as u64 {
        return Err(FetchError::TooLarge);
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| FetchError::unreachable(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MAX_IMAGE_BYTES {
            return Err(FetchError::TooLarge);
        }
        room.grow(data.len()).await?;
        bytes.extend_from_slice(&data);
    }
    let url = data_url(&bytes).ok_or(FetchError::NotAnImage)?;
    Ok(Image { url, _room: room.room })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_resolves_to_its_public_addresses_only() {
        let resolve = |found: &[&str]| {
            let found = found.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
            only_public(found)
                .map(|public| public.map(|address| address.ip().to_string()).collect::<Vec<_>>())
        };
        assert_eq!(resolve(&["10.0.0.1", "8.8.8.8", "::1"]).unwrap(), ["8.8.8.8"]);
        assert!(matches!(resolve(&["127.0.0.1", "fe80::1"]), Err(ResolveError::NotPublic)));
        assert!(resolve(&[]).is_err());
    }
}
