//! Parses a form with files into the same JSON that the route takes without one.

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures_util::stream;
use multer::Multipart;
use serde_json::{Map, Value};

use super::extract::{Incoming, is_json, read_body};
use super::middleware::auth::Caller;
use super::state::Proxy;
use crate::error::ApiError;
use crate::translate::images::{MAX_IMAGE_BYTES, data_url};

/// The most fields of a form. OpenAI's has fewer than twenty.
const MAX_FIELDS: usize = 64;

/// A request whose body is JSON, or a form with images: each becomes a data URL in the list of its field.
#[derive(Debug)]
pub(crate) struct Upload(pub(crate) Incoming);

impl FromRequest<Proxy> for Upload {
    type Rejection = ApiError;

    async fn from_request(request: Request, proxy: &Proxy) -> Result<Self, ApiError> {
        let Some(boundary) = boundary(request.headers()) else {
            if !is_json(request.headers()) {
                return Err(ApiError::not_json_or_form());
            }
            return Incoming::from_request(request, proxy).await.map(Self);
        };
        let (head, body) = request.into_parts();
        let caller: Caller = head.extensions.get().cloned().ok_or_else(ApiError::internal)?;
        let body = read_body(&head.headers, body, &caller, proxy).await?;
        let fields = parse(body, &boundary).await?;
        Ok(Self(Incoming::new(&head, caller, fields, proxy)))
    }
}

/// The boundary of a form; `None` if the body is none.
fn boundary(headers: &HeaderMap) -> Option<String> {
    multer::parse_boundary(headers.get(CONTENT_TYPE)?.to_str().ok()?).ok()
}

/// Parses a form. Of a text given twice, the last counts.
async fn parse(body: Vec<u8>, boundary: &str) -> Result<Map<String, Value>, ApiError> {
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from(body))]);
    let mut form = Multipart::new(whole, boundary);
    let (mut fields, mut count) = (Map::new(), 0);
    while let Some(field) = form.next_field().await.map_err(|_| ApiError::broken_form())? {
        count += 1;
        let name = field.name().unwrap_or_default().to_owned();
        if name.is_empty() || count > MAX_FIELDS {
            return Err(ApiError::bad_form_field(
                "form",
                "The form has too many fields, or one without a name.",
            ));
        }
        let is_file =
            field.file_name().is_some() || field.content_type().is_some_and(|kind| kind.type_() == "image");
        let bytes = field.bytes().await.map_err(|_| ApiError::broken_form())?;
        if !is_file {
            let text = String::from_utf8(bytes.into())
                .map_err(|_| ApiError::bad_form_field(&name, "The text of a form must be UTF-8."))?;
            fields.insert(name, value_of(text));
            continue;
        }
        if bytes.len() > MAX_IMAGE_BYTES {
            return Err(ApiError::bad_form_field(&name, "An image can be at most 20 MiB."));
        }
        let message = "Unsupported image format; send PNG, JPEG, WebP or GIF.";
        let url = data_url(&bytes).ok_or_else(|| ApiError::bad_form_field(&name, message))?;
        match fields.get_mut(&name) {
            Some(Value::Array(files)) => files.push(url.into()),
            _ => drop(fields.insert(name, Value::Array(vec![url.into()]))),
        }
    }
    // Otherwise it would be a list of one.
    if let Some(Value::Array(mask)) = fields.get_mut("mask")
        && let Some(last) = mask.pop()
    {
        fields.insert("mask".to_owned(), last);
    }
    Ok(fields)
}

/// A number or a truth value, as JSON has it, or a text.
fn value_of(text: String) -> Value {
    match serde_json::from_str(&text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
        // Python writes it like this.
        _ if text == "True" => true.into(),
        _ if text == "False" => false.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn field(head: &str, body: &[u8]) -> Vec<u8> {
        [b"--B\r\nContent-Disposition: form-data; ", head.as_bytes(), b"\r\n\r\n", body, b"\r\n"].concat()
    }

    async fn parsed(fields: &[Vec<u8>]) -> Result<Value, ApiError> {
        let body = [fields.concat(), b"--B--\r\n".to_vec()].concat();
        parse(body, "B").await.map(Value::Object)
    }

    #[tokio::test]
    async fn texts_and_images_of_a_form_become_json() {
        let png = b"\x89PNG\r\n\x1a\n";
        let url = "data:image/png;base64,iVBORw0KGgo=";
        let form = parsed(&[
            field("name=\"prompt\"", b"a cat\r\n2"),
            field("name=\"n\"", b"2"),
            field("name=\"stream\"", b"True"),
            field("name=\"image[]\"; filename=\"a.png\"\r\nContent-Type: image/png", png),
            field("name=\"image[]\"; filename=\"b.png\"\r\nContent-Type: application/octet-stream", png),
            field("name=\"mask\"; filename=\"m.png\"", png),
        ])
        .await;
        let expected =
            json!({"prompt": "a cat\r\n2", "n": 2, "stream": true, "image[]": [url, url], "mask": url});
        assert_eq!(form.unwrap(), expected);
    }

    #[tokio::test]
    async fn mistakes_in_a_form_are_named() {
        let name = |error: ApiError| error.body().error.param;
        let text = field("name=\"image\"; filename=\"a.txt\"", b"text");
        assert_eq!(name(parsed(&[text]).await.unwrap_err()).as_deref(), Some("image"));
        let latin = field("name=\"prompt\"", b"\xff");
        assert_eq!(name(parsed(&[latin]).await.unwrap_err()).as_deref(), Some("prompt"));
        assert!(parsed(&vec![field("name=\"a\"", b""); MAX_FIELDS + 1]).await.is_err());
        assert!(
            parse(b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhalf".to_vec(), "B")
                .await
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_form_or_an_error(body in any::<Vec<u8>>()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _any_result = runtime.block_on(parse(body, "B"));
        }
    }
}
