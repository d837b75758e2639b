//! The description of the API that `/openapi.json` serves, generated from the types that do the work.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{chat, health, models};

/// The description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Codex Proxy",
        description = "The `codex` CLI of this machine as an OpenAI-compatible API. The base URL for clients ends with `/v1`."
    ),
    tags(
        (name = "Chat", description = "Ask, and be answered token by token"),
        (name = "Models", description = "Who answers"),
        (name = "Health", description = "How the proxy and codex are")
    ),
    paths(chat::create, models::list, models::one, health::health),
    modifiers(&KeyScheme)
)]
pub(crate) struct ApiDescription;

struct KeyScheme;

impl Modify for KeyScheme {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        description.components.get_or_insert_with(Default::default).add_security_scheme("key", scheme);
    }
}
