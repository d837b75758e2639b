//! Fetches images by address, so that codex, which rejects addresses, gets them as data.
//!
//! A client must not reach what only this machine can reach: the proxy connects to public IP addresses only, checked after the
//! name is resolved and again for each redirect, and without a proxy server, which would resolve the name again.

mod client;
mod public;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use codex_client::{Content, Item, Role};
use futures_util::future::join_all;
use indexmap::IndexSet;
use rustls::pki_types::CertificateDer;
use tokio::sync::{OnceCell, Semaphore};

use crate::body_budget::{BodyBudget, Room};
use crate::error::ApiError;
use crate::translate::answer_request::ImageAddress;
use crate::translate::images::is_address;

use client::{FetchError, HttpClient};

/// Maximum images by address in a request.
const MAX_IMAGES: usize = 10;

/// Maximum size of all of them, in bytes.
const MAX_TOTAL_BYTES: usize = 40 * 1024 * 1024;

/// What the model gets for an image of the history that can no longer be fetched.
const NOT_AVAILABLE: &str = "[image not available]";

/// Fetches images by address.
#[derive(Debug, Default)]
pub struct ImageFetcher {
    hosts: HashMap<String, SocketAddr>,
    root: Option<CertificateDer<'static>>,
    /// Built on first use: loading the system's certificates can take a while.
    client: OnceCell<HttpClient>,
}

/// How the images of a request are fetched.
#[derive(Clone, Copy)]
pub(crate) struct FetchOptions<'a> {
    /// Whether the settings allow it.
    pub(crate) enabled: bool,
    /// Maximum time per image.
    pub(crate) timeout: Duration,
    /// Memory for the bodies of requests, which images share, and the key that uses it.
    pub(crate) bodies: &'a BodyBudget,
    pub(crate) key: &'a str,
}

/// What was fetched for a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) images: usize,
    /// Images of the history that are not available.
    pub(crate) missing: usize,
}

/// An image as a data URL, and the memory it holds.
struct Image {
    url: String,
    _room: Room,
}

/// The memory for one image, within that for all images of its request.
struct ImageRoom<'a> {
    room: Room,
    request: &'a Semaphore,
}

impl ImageRoom<'_> {
    async fn grow(&mut self, bytes: usize) -> Result<(), FetchError> {
        let wanted = u32::try_from(bytes).map_err(|_| FetchError::TooLarge)?;
        self.request.try_acquire_many(wanted).map_err(|_| FetchError::TooMuch)?.forget();
        self.room.grow(bytes, Duration::ZERO).await.map_err(|_| FetchError::Busy)
    }
}

impl ImageFetcher {
    /// A fetcher that connects to these addresses for these names, without checks, and trusts this root certificate alone.
    #[must_use]
    pub fn with_hosts(hosts: HashMap<String, SocketAddr>, root: CertificateDer<'static>) -> Self {
        Self { hosts, root: Some(root), client: OnceCell::new() }
    }

    /// Replaces the addresses of images in a conversation by data URLs. `addresses` are those of the request's body. An image
    /// that the model has already answered must not end the chat: if it is not available, a text takes its place.
    ///
    /// # Errors
    /// When an image that the model has not seen cannot be fetched, or too many requests are in progress.
    pub(crate) async fn replace_addresses(
        &self,
        items: &mut [Item],
        addresses: &[ImageAddress],
        options: FetchOptions<'_>,
    ) -> Result<Fetched, ApiError> {
        let answered = items.iter().rposition(is_from_model).map_or(0, |last| last + 1);
        let (history, new) = items.split_at(answered);
        let new: IndexSet<String> = addresses_in(new).collect();
        // Of the history, the latest ones matter most.
        let earlier: IndexSet<String> =
            addresses_in(history).rev().filter(|url| !new.contains(url)).collect();
        if new.is_empty() && earlier.is_empty() {
            return Ok(Fetched::default());
        }
        let param = |url: &str| {
            let address = addresses.iter().rfind(|address| address.url == url);
            address.map_or("input", |address| address.param.as_str())
        };
        if let Some(url) = new.first().filter(|_| !options.enabled) {
            return Err(ApiError::images_not_fetched().param(param(url)));
        }
        if let Some(url) = new.get_index(MAX_IMAGES) {
            return Err(ApiError::invalid(param(url), FetchError::TooMany.to_string()).loggable());
        }
        let request = Semaphore::new(MAX_TOTAL_BYTES);
        let fetch = async |url: &String| {
            let room = ImageRoom { room: options.bodies.room(options.key), request: &request };
            (url.clone(), self.fetch(url, room, options.timeout).await)
        };
        let left = if options.enabled { MAX_IMAGES - new.len() } else { 0 };

        // One after the other, so that images of the history never take the room of new ones.
        let mut found = join_all(new.iter().map(fetch)).await;
        found.extend(join_all(earlier.iter().take(left).map(fetch)).await);
        let mut images: HashMap<String, Image> = HashMap::new();
        for (url, image) in found {
            match image {
                Ok(image) => _ = images.insert(url, image),
                Err(FetchError::Busy) => return Err(ApiError::too_many_bodies()),
                Err(error) if new.contains(&url) => {
                    return Err(ApiError::invalid(param(&url), error.to_string()).loggable());
                }
                Err(_) => {}
            }
        }
        let missing = new.len() + earlier.len() - images.len();
        for part in items.iter_mut().flat_map(Item::content_mut) {
            match part {
                Content::Image { url, .. } if is_address(url) => match images.get(url) {
                    Some(image) => url.clone_from(&image.url),
                    None => *part = Content::Text(NOT_AVAILABLE.to_owned()),
                },
                Content::Image { .. } | Content::Text(_) => {}
            }
        }
        Ok(Fetched { images: images.len(), missing })
    }

    async fn fetch(
        &self,
        address: &str,
        room: ImageRoom<'_>,
        timeout: Duration,
    ) -> Result<Image, FetchError> {
        let client =
            self.client.get_or_try_init(|| client::build(self.hosts.clone(), self.root.clone())).await?;
        let image = tokio::time::timeout(timeout, client::fetch(client, address, room));
        image.await.unwrap_or(Err(FetchError::TimedOut(timeout))).inspect_err(|error| {
            let host = client::host(address);
            tracing::warn!(host, reason = %error, cause = error.cause(), "failed to fetch an image");
        })
    }
}

fn is_from_model(item: &Item) -> bool {
    matches!(item, Item::ToolCall(_) | Item::Message { role: Role::Assistant, .. })
}

fn addresses_in(items: &[Item]) -> impl DoubleEndedIterator<Item = String> {
    items.iter().flat_map(Item::content).filter_map(|part| match part {
        Content::Image { url, .. } if is_address(url) => Some(url.clone()),
        Content::Image { .. } | Content::Text(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    /// A fetcher that finds the image at `images.test`.
    async fn fetcher() -> ImageFetcher {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hosts = HashMap::from([("images.test".to_owned(), listener.local_addr().unwrap())]);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await;
                let _ = stream.write_all(PNG).await;
            }
        });
        ImageFetcher::with_hosts(hosts, Vec::new().into())
    }

    async fn replace(bodies: &BodyBudget, items: &mut [Item]) -> Result<Fetched, ApiError> {
        let options = FetchOptions { enabled: true, timeout: Duration::from_secs(30), bodies, key: "" };
        fetcher().await.replace_addresses(items, &[], options).await
    }

    fn image(role: Role, url: &str) -> Item {
        Item::Message { role, content: vec![Content::Image { url: url.to_owned(), detail: None }] }
    }

    #[tokio::test]
    async fn images_share_the_memory_for_bodies_while_they_are_fetched() {
        // A key has half.
        let bodies = BodyBudget::new(2 * PNG.len());
        for _ in 0..2 {
            let mut items = [image(Role::User, "http://images.test/")];
            assert_eq!(replace(&bodies, &mut items).await, Ok(Fetched { images: 1, missing: 0 }));
        }
        for history in [0, 1] {
            let mut items = vec![image(Role::User, "http://images.test/")];
            items.extend(vec![image(Role::Assistant, "data:"); history]);
            let full = BodyBudget::new(PNG.len());
            assert_eq!(replace(&full, &mut items).await, Err(ApiError::too_many_bodies()));
        }
    }

    #[tokio::test]
    async fn an_image_of_the_history_beyond_the_limits_is_not_available() {
        let bodies = BodyBudget::new(1024);
        let user = |at| image(Role::User, &format!("http://images.test/{at}"));
        let mut items: Vec<Item> = (0..MAX_IMAGES).map(user).collect();
        items.extend([image(Role::Assistant, "data:"), user(MAX_IMAGES)]);
        assert_eq!(replace(&bodies, &mut items).await, Ok(Fetched { images: MAX_IMAGES, missing: 1 }));
        // The oldest one.
        assert_eq!(items[0].content(), [Content::Text(NOT_AVAILABLE.to_owned())]);
        assert!(items[1..].iter().all(Item::has_images));
    }
}
