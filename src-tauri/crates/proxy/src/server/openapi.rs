//! The description of the API that `/openapi.json` serves, generated from the types that do the work.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::routes::{chat, completions, health, metrics, models, responses};

/// The description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Codex Proxy",
        description = "The `codex` CLI of this machine as an OpenAI-compatible API. The base URL for clients ends with `/v1`."
    ),
    tags(
        (name = "Chat", description = "Ask, and be answered token by token"),
        (name = "Responses", description = "The newer way to ask, with responses that can be gone on from"),
        (name = "Models", description = "Who answers"),
        (name = "Health", description = "How the proxy and codex are")
    ),
    paths(
        chat::create, completions::create,
        responses::create, responses::one, responses::delete, responses::cancel,
        models::list, models::one, health::health, metrics::metrics
    ),
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
