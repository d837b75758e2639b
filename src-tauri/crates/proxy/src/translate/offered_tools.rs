//! The tools of a request, in all their kinds: functions, custom tools, namespaces of both, web search and images.
//!
//! codex knows functions only. A custom tool becomes a function with one text as its argument, and a namespace becomes
//! its tools; `tool_names` turns calls back.

use codex_client::{WebSearch, WebSearchLocation};
use serde_json::{Map, Value, json};

use super::answer_request::ClientTool;
use super::parameters::is_header_safe;
use super::shorten;
use super::tool_names::{INPUT, joined};
use crate::error::ApiError;
use crate::openai::chat;
use crate::openai::responses::request::Tool;

/// The type of the tool that generates images.
const IMAGES: &str = "image_generation";

/// The tools of a request, by what becomes of them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct OfferedTools {
    /// The tools that the client runs.
    pub tools: Vec<ClientTool>,
    pub web_search: Option<WebSearch>,
    /// Whether the model can generate images.
    pub images: bool,
    /// What is left out, for the response header.
    pub ignored: Vec<String>,
}

impl OfferedTools {
    /// Adds the tools of a chat request.
    ///
    /// # Errors
    /// [`ApiError`] for a tool that is not supported, or lacks its definition.
    pub(super) fn add_chat(&mut self, tools: Vec<chat::Tool>) -> Result<(), ApiError> {
        for (index, tool) in tools.into_iter().enumerate() {
            let param = format!("tools[{index}]");
            let chat::Tool { kind, function, custom, rest } = tool;
            let lacks = |field: &str| {
                let message = format!("A {field} tool requires {field}.");
                Err(ApiError::invalid(format!("{param}.{field}"), message).loggable())
            };
            match (kind.as_str(), function, custom) {
                ("function", Some(function), _) => {
                    self.tools.push(of_function(function, format!("{param}.function")));
                }
                ("function", None, _) => return lacks("function"),
                ("custom", _, Some(custom)) => {
                    let chat::CustomTool { name, description, format } = custom;
                    let rest = format.map(|format| ("format".to_owned(), format)).into_iter().collect();
                    let tool = Tool { kind, name: Some(name), description, rest, ..Tool::default() };
                    self.add_callable(tool, None, &format!("{param}.custom"))?;
                }
                ("custom", _, None) => return lacks("custom"),
                ("namespace", ..) => return Err(unsupported(&kind, &param)),
                _ => self.add(Tool { kind, rest, ..Tool::default() }, &param)?,
            }
        }
        Ok(())
    }

    /// Adds functions in the legacy form.
    pub(super) fn add_functions(&mut self, functions: Vec<chat::Function>) {
        let read = |(index, function)| of_function(function, format!("functions[{index}]"));
        self.tools.extend(functions.into_iter().enumerate().map(read));
    }

    /// Adds a tool in the form of the Responses API. `param` is its path in the body.
    ///
    /// # Errors
    /// [`ApiError`] for a tool that is not supported, or lacks a name.
    pub(super) fn add(&mut self, tool: Tool, param: &str) -> Result<(), ApiError> {
        match tool.kind.as_str() {
            "function" | "custom" => self.add_callable(tool, None, param)?,
            "namespace" => {
                let namespace = named(tool.name.as_ref(), param)?;
                let list = tool.rest.get("tools").cloned().unwrap_or_default();
                let Ok(tools) = serde_json::from_value::<Vec<Tool>>(list) else {
                    let message = "A namespace requires an array of tools.";
                    return Err(ApiError::invalid(format!("{param}.tools"), message));
                };
                for (index, tool) in tools.into_iter().enumerate() {
                    let param = format!("{param}.tools[{index}]");
                    self.add_callable(tool, Some(namespace), &param)?;
                }
            }
            kind if kind.starts_with("web_search") => self.add_web_search(tool.rest, param)?,
            IMAGES => {
                self.images = true;
                // codex's tool chooses them on its own.
                let mut options = tool.rest;
                options.retain(|_, value| !value.is_null() && value != "auto");
                self.ignore_options(IMAGES, &options);
            }
            // The tools that it would find are offered from the start.
            "tool_search" => self.ignored.push(tool.kind),
            kind => return Err(unsupported(kind, param)),
        }
        Ok(())
    }

    /// Adds tools that the conversation brings along. They replace earlier ones of the same name.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub(super) fn add_later(&mut self, tools: Vec<Tool>, param: &str) -> Result<(), ApiError> {
        let mut later = Self::default();
        for (index, tool) in tools.into_iter().enumerate() {
            later.add(tool, &format!("{param}.tools[{index}]"))?;
        }
        let names: std::collections::BTreeSet<&str> =
            later.tools.iter().map(|tool| tool.name.as_str()).collect();
        self.tools.retain(|tool| !names.contains(tool.name.as_str()));
        self.tools.append(&mut later.tools);
        self.web_search = later.web_search.or(self.web_search.take());
        self.images |= later.images;
        self.ignored.append(&mut later.ignored);
        Ok(())
    }

    /// Adds a function or a custom tool. A grammar is put into words and not enforced, so it is named.
    fn add_callable(&mut self, tool: Tool, namespace: Option<&str>, param: &str) -> Result<(), ApiError> {
        let has_grammar = tool.kind == "custom"
            && tool.rest.get("format").is_some_and(|format| !format.is_null() && format["type"] != "text");
        self.tools.push(callable(tool, namespace, param)?);
        let name = "custom.format";
        if has_grammar && !self.ignored.iter().any(|ignored| ignored == name) {
            self.ignored.push(name.to_owned());
        }
        Ok(())
    }

    fn add_web_search(&mut self, mut options: Map<String, Value>, param: &str) -> Result<(), ApiError> {
        let invalid = |name: &str| {
            ApiError::invalid(format!("{param}.{name}"), format!("This {name} of a web search is invalid."))
        };
        let mut search = WebSearch::default();
        options.retain(|_, value| !value.is_null());
        match options.remove("search_context_size") {
            None => {}
            Some(Value::String(size)) if matches!(size.as_str(), "low" | "medium" | "high") => {
                search.context_size = Some(size);
            }
            Some(_) => return Err(invalid("search_context_size")),
        }
        if let Some(mut location) = options.remove("user_location") {
            // Chat completions nest it.
            let location = location.get_mut("approximate").map(Value::take).unwrap_or(location);
            let location: WebSearchLocation =
                serde_json::from_value(location).map_err(|_| invalid("user_location"))?;
            search.location = Some(location).filter(|location| *location != WebSearchLocation::default());
        }
        match options.remove("external_web_access") {
            None => {}
            Some(Value::Bool(live)) => search.cached_only = !live,
            Some(_) => return Err(invalid("external_web_access")),
        }
        match options.remove("filters") {
            None => {}
            Some(Value::Object(mut filters)) => {
                let domains = filters.remove("allowed_domains").filter(|domains| !domains.is_null());
                search.allowed_domains = serde_json::from_value(domains.unwrap_or_else(|| json!([])))
                    .map_err(|_| invalid("filters.allowed_domains"))?;
                self.ignore_options("web_search.filters", &filters);
            }
            Some(_) => return Err(invalid("filters")),
        }
        self.ignore_options("web_search", &options);
        self.web_search = Some(search);
        Ok(())
    }

    fn ignore_options(&mut self, of: &str, options: &Map<String, Value>) {
        let names = options.keys().filter(|name| is_header_safe(name)).map(|name| format!("{of}.{name}"));
        self.ignored.extend(names);
    }
}

fn of_function(function: chat::Function, param: String) -> ClientTool {
    ClientTool {
        name: function.name,
        namespaced: None,
        is_custom: false,
        description: function.description.unwrap_or_default(),
        parameters: function.parameters.unwrap_or_else(no_parameters),
        strict: function.strict == Some(true),
        param,
    }
}

/// A function or a custom tool.
fn callable(tool: Tool, namespace: Option<&str>, param: &str) -> Result<ClientTool, ApiError> {
    let name = named(tool.name.as_ref(), param)?;
    let description = tool.description.unwrap_or_default();
    let (is_custom, description, parameters) = match tool.kind.as_str() {
        "function" => (false, description, tool.parameters.unwrap_or_else(no_parameters)),
        "custom" => {
            let format = input_format(tool.rest.get("format"), param)?;
            let parts = [description, format].into_iter().filter(|part| !part.is_empty());
            (true, parts.collect::<Vec<_>>().join("\n\n"), custom_parameters())
        }
        kind => return Err(unsupported(kind, param)),
    };
    Ok(ClientTool {
        name: namespace.map_or_else(|| name.to_owned(), |namespace| joined(namespace, name)),
        namespaced: namespace.map(|namespace| (namespace.to_owned(), name.to_owned())),
        is_custom,
        description,
        parameters,
        strict: is_custom || tool.strict == Some(true),
        param: param.to_owned(),
    })
}

/// What the model sees of the input of a custom tool.
fn input_format(format: Option<&Value>, param: &str) -> Result<String, ApiError> {
    let Some(format) = format.filter(|format| format["type"] != "text" && !format.is_null()) else {
        return Ok("The input is plain text.".to_owned());
    };
    // Chat completions nest it.
    let grammar = format.get("grammar").unwrap_or(format);
    let language = match grammar["syntax"].as_str() {
        Some("lark") => "Lark grammar",
        Some("regex") => "regular expression",
        _ => {
            let message = "The format must be text, or a grammar with the syntax lark or regex.";
            return Err(ApiError::invalid(format!("{param}.format"), message));
        }
    };
    let Some(definition) = grammar["definition"].as_str() else {
        return Err(ApiError::invalid(format!("{param}.format"), "A grammar requires a definition."));
    };
    Ok(format!("The input is plain text that must match this {language}:\n{definition}"))
}

/// The schema of a custom tool's input.
fn custom_parameters() -> Value {
    json!({
        "type": "object",
        "properties": { INPUT: { "type": "string" } },
        "required": [INPUT],
        "additionalProperties": false,
    })
}

/// The schema of a function without arguments.
fn no_parameters() -> Value {
    json!({ "type": "object", "properties": {} })
}

fn named<'a>(name: Option<&'a String>, param: &str) -> Result<&'a str, ApiError> {
    let name = name.map(String::as_str).filter(|name| !name.is_empty());
    name.ok_or_else(|| ApiError::invalid(format!("{param}.name"), "A tool requires a name."))
}

/// The error for an unsupported tool type; `param` is its path in the body.
fn unsupported(kind: &str, param: &str) -> ApiError {
    let kind = shorten(kind);
    let message = format!(
        "Tool type {kind:?} is not supported; send functions, custom tools, web_search or image_generation."
    );
    ApiError::unsupported(format!("{param}.type"), message)
}

#[cfg(test)]
#[path = "offered_tools_tests.rs"]
mod tests;
