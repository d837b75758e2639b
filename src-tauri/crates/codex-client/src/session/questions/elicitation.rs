//! What an MCP server asks the user for: a form to fill in, or a page to open.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ask::{Decision, FormField, FormInput, InputOption, Question};

/// How to accept it.
#[derive(Debug)]
pub(super) enum Elicitation {
    Form(Vec<FormField>),
    Url,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    turn_id: Option<String>,
    server_name: String,
    mode: String,
    message: String,
    requested_schema: Option<Schema>,
    url: Option<String>,
    #[serde(rename = "_meta")]
    meta: Option<Value>,
}

/// What codex itself asks for in the form of an elicitation.
const APPROVAL_KIND: &str = "codex_approval_kind";

#[derive(Deserialize)]
struct Schema {
    properties: Map<String, Value>,
    #[serde(default)]
    required: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Property {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    default: Value,
    #[serde(rename = "enum")]
    values: Option<Vec<String>>,
    enum_names: Option<Vec<String>>,
    one_of: Option<Vec<Titled>>,
    items: Option<Items>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    #[serde(rename = "enum")]
    values: Option<Vec<String>>,
    any_of: Option<Vec<Titled>>,
}

#[derive(Deserialize)]
struct Titled {
    #[serde(rename = "const")]
    value: String,
    #[serde(default)]
    title: String,
}

/// The question, how to accept it, and its turn.
pub(super) fn read(params: &str) -> Option<(Question, Elicitation, Option<String>)> {
    let Params { turn_id, server_name: server, mode, mut message, requested_schema, url, meta } =
        serde_json::from_str(params).ok()?;
    if let Some(kind) = meta.as_ref().and_then(|meta| meta.get(APPROVAL_KIND)) {
        // Whether to call a tool that may change something: the message names the tool, and what it is called with is only here.
        let arguments = meta.as_ref().and_then(|meta| meta.get("tool_params"));
        let arguments = arguments.filter(|_| kind == "mcp_tool_call")?;
        message = format!("{message}\n\n{}", serde_json::to_string_pretty(arguments).ok()?);
    }
    match mode.as_str() {
        "form" => {
            let Schema { properties, required } = requested_schema?;
            let field = |(name, property)| field(name, property, &required);
            let fields: Vec<FormField> = properties.into_iter().map(field).collect::<Option<_>>()?;
            let elicitation = Elicitation::Form(fields.clone());
            Some((Question::Form { server, message, fields }, elicitation, turn_id))
        }
        "url" => {
            let url = url.filter(|url| url::Url::parse(url).is_ok())?;
            Some((Question::Url { server, message, url }, Elicitation::Url, turn_id))
        }
        _ => None,
    }
}

fn field(name: String, property: Value, required: &[String]) -> Option<FormField> {
    let Property { kind, title, description, default, values, enum_names, one_of, items } =
        serde_json::from_value(property).ok()?;
    let input = match (kind.as_str(), values, one_of, items) {
        ("string", Some(values), _, _) => {
            FormInput::Choice { options: named(values, enum_names.unwrap_or_default()) }
        }
        ("string", None, Some(options), _) => FormInput::Choice { options: titled(options) },
        ("string", None, None, _) => FormInput::Text,
        ("number", ..) => FormInput::Number,
        ("integer", ..) => FormInput::Integer,
        ("boolean", ..) => FormInput::Boolean,
        ("array", _, _, Some(Items { any_of: Some(options), .. })) => {
            FormInput::Choices { options: titled(options) }
        }
        ("array", _, _, Some(Items { values: Some(values), .. })) => {
            FormInput::Choices { options: named(values, Vec::new()) }
        }
        _ => return None,
    };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let initial = match default {
        Value::Array(values) => values.into_iter().filter_map(text).collect(),
        value => text(value).into_iter().collect(),
    };
    let title = if title.is_empty() { name.clone() } else { title };
    Some(FormField { required: required.contains(&name), name, title, description, input, initial })
}

fn titled(options: Vec<Titled>) -> Vec<InputOption> {
    options
        .into_iter()
        .map(|Titled { value, title }| InputOption { label: value, description: title })
        .collect()
}

fn named(values: Vec<String>, names: Vec<String>) -> Vec<InputOption> {
    let names = names.into_iter().chain(std::iter::repeat(String::new()));
    values.into_iter().zip(names).map(|(label, description)| InputOption { label, description }).collect()
}

impl Elicitation {
    /// The answer that accepts it; `None` when the decision does not.
    pub(super) fn accepted(self, decision: Decision) -> Option<Value> {
        let content = match (self, decision) {
            (Self::Url, Decision::Accept) => Value::Null,
            (Self::Form(fields), Decision::Accept) if fields.is_empty() => json!({}),
            (Self::Form(fields), Decision::Values(mut values)) => {
                let mut content = Map::new();
                for field in fields {
                    let given = values.remove(&field.name).unwrap_or_default();
                    if !given.is_empty() || field.required {
                        content.insert(field.name, value(&field.input, given)?);
                    }
                }
                Value::Object(content)
            }
            _ => return None,
        };
        Some(json!({ "action": "accept", "content": content, "_meta": null }))
    }
}

/// A field's value; `None` when it does not fit.
fn value(input: &FormInput, given: Vec<String>) -> Option<Value> {
    let is_option =
        |options: &[InputOption], text: &String| options.iter().any(|option| option.label == *text);
    if let FormInput::Choices { options } = input {
        return given.iter().all(|text| is_option(options, text)).then(|| json!(given));
    }
    let [text] = <[String; 1]>::try_from(given).ok()?;
    match input {
        FormInput::Text => Some(text.into()),
        FormInput::Number => text.trim().parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| json!(n)),
        FormInput::Integer => text.trim().parse::<i64>().ok().map(Value::from),
        FormInput::Boolean => text.parse::<bool>().ok().map(Value::from),
        FormInput::Choice { options } => is_option(options, &text).then(|| text.into()),
        FormInput::Choices { .. } => None,
    }
}
