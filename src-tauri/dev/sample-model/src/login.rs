//! A fake of ChatGPT's sign-in, as used by codex, and of what codex then asks about the account.
//!
//! `CODEX_APP_SERVER_LOGIN_ISSUER` and `chatgpt_base_url` point codex at it. It signs in whoever asks, without a password.
//! The query of its own pages scripts it: `email=` names another person, and `deny` declines.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::Url;

use crate::clock::unix_seconds;
use crate::device_codes::Decision;
use crate::state::Shared;

/// The path of `chatgpt_base_url`. With another one codex asks for other paths below it.
pub const BACKEND: &str = "/backend-api";

/// The person who signs in, unless the page's query names another.
pub const EMAIL: &str = "me@example.com";

/// The account's workspaces: id, name, kind and plan. The first one is the usual one.
pub const WORKSPACES: [(&str, &str, &str, &str); 2] =
    [("acc-personal", "Personal", "personal", "plus"), ("acc-acme", "Acme Inc", "workspace", "team")];

/// How long a token is valid, in seconds.
pub(crate) const TOKEN_LIFETIME: i64 = 36_000;

type Params = Query<BTreeMap<String, String>>;

pub(crate) fn routes() -> Router<Shared> {
    let backend = |path: &str| format!("{BACKEND}{path}");
    Router::new()
        .route("/oauth/authorize", get(authorize))
        .route("/oauth/token", post(issue_tokens))
        .route("/api/accounts/deviceauth/usercode", post(issue_code))
        .route("/api/accounts/deviceauth/token", post(poll_code))
        .route("/codex/device", get(enter_code))
        .route(&backend("/wham/accounts/check"), get(accounts))
        .route(&backend("/accounts/switch-workspace-token"), post(switch_workspace))
}

/// The page that codex opens in the browser. It redirects to codex at once.
async fn authorize(Query(query): Params) -> Response {
    let Some(mut callback) = query.get("redirect_uri").and_then(|uri| Url::parse(uri).ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let state = query.get("state").map_or("", String::as_str);
    let answer = match query.contains_key("deny") {
        true => [("error", "access_denied"), ("error_description", "The sign-in was declined")],
        false => [("code", email_in(&query)), ("scope", "openid")],
    };
    callback.query_pairs_mut().extend_pairs(answer).append_pair("state", state);
    (StatusCode::FOUND, [(header::LOCATION, callback.to_string())]).into_response()
}

/// The tokens for a code, which is the person's email, or for a refresh token.
async fn issue_tokens(body: Bytes) -> Response {
    let fields: BTreeMap<String, String> = match serde_json::from_slice(&body) {
        Ok(fields) => fields,
        Err(_) => url::form_urlencoded::parse(&body).into_owned().collect(),
    };
    // codex also tries to get an API key for the account.
    if fields.get("grant_type").is_some_and(|grant| grant.ends_with("token-exchange")) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let email = fields.get("code").map_or(EMAIL, String::as_str);
    let token = token(email, WORKSPACES[0].0, TOKEN_LIFETIME);
    Json(json!({"id_token": token, "access_token": token, "refresh_token": "sample-refresh"})).into_response()
}

async fn issue_code(State(shared): State<Shared>) -> Json<Value> {
    let code = shared.state.device_codes.issue();
    Json(json!({"device_auth_id": code, "user_code": code, "interval": "1"}))
}

/// codex polls until the person has entered the code.
async fn poll_code(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    match shared.state.device_codes.decision(body["device_auth_id"].as_str().unwrap_or_default()) {
        Some(Decision::Approved { email }) => {
            let code =
                json!({"authorization_code": email, "code_challenge": "sample", "code_verifier": "sample"});
            Json(code).into_response()
        }
        // codex takes this for "not yet".
        Some(Decision::Pending) => StatusCode::FORBIDDEN.into_response(),
        Some(Decision::Denied) | None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The page where a person enters a device code. It accepts `code=`, or every pending one.
async fn enter_code(State(shared): State<Shared>, Query(query): Params) -> Html<String> {
    let decision = match query.contains_key("deny") {
        true => Decision::Denied,
        false => Decision::Approved { email: email_in(&query).to_owned() },
    };
    let decided = shared.state.device_codes.decide(query.get("code").map(String::as_str), &decision);
    Html(format!("<title>Sample sign-in</title><p>{decided} signed in or declined. You can close this page."))
}

async fn accounts() -> Json<Value> {
    let accounts = WORKSPACES.map(|(id, name, structure, plan)| {
        json!({
            "id": id, "name": name, "structure": structure, "plan_type": plan,
            "workspace_backend_origin": "https://chatgpt.com", "account_routing_override": "NO_CONSTRAINT",
        })
    });
    let ids = WORKSPACES.map(|(id, ..)| id);
    Json(json!({"accounts": accounts, "account_ordering": ids, "default_account_id": ids[0]}))
}

/// A token for another workspace of the same person.
async fn switch_workspace(headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let id = body["workspace_id"].as_str().unwrap_or_default();
    if !WORKSPACES.iter().any(|(known, ..)| *known == id) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let email = claims(bearer).and_then(|claims| claims["email"].as_str().map(str::to_owned));
    Json(json!({"access_token": token(email.as_deref().unwrap_or(EMAIL), id, TOKEN_LIFETIME)}))
        .into_response()
}

fn email_in(query: &BTreeMap<String, String>) -> &str {
    query.get("email").map_or(EMAIL, String::as_str)
}

/// An unsigned token of this person in this workspace, which expires in `seconds`.
#[must_use]
pub fn token(email: &str, workspace: &str, seconds: i64) -> String {
    let now = unix_seconds();
    let plan = WORKSPACES.iter().find(|(id, ..)| *id == workspace).map_or("plus", |(.., plan)| plan);
    let user = format!("user-{email}");
    let openai = json!({
        "chatgpt_plan_type": plan, "chatgpt_account_id": workspace, "chatgpt_user_id": user, "user_id": user,
    });
    let claims = json!({
        "email": email, "sub": user, "iat": now, "exp": now.saturating_add_signed(seconds),
        "https://api.openai.com/auth": openai,
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(json!({"alg": "none", "typ": "JWT"})),
        part(claims),
        URL_SAFE_NO_PAD.encode("sample")
    )
}

pub(crate) fn claims(token: &str) -> Option<Value> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}
