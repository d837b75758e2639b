//! Maps client tool names to names that codex accepts.
//!
//! A name that codex accepts is unchanged. Any other becomes a readable name with part of its SHA-256, so that codex
//! sees the same name in every request, whatever other tools there are.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use codex_client::ToolCall;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer_request::ClientTool;
use crate::event::ClientCall;

/// Maximum name length in `OpenAI`'s Responses API, in characters.
const MAX_NAME_LEN: usize = 64;

/// Bytes of the hash in a name.
const HASH_BYTES: usize = 4;

/// The prefix codex reserves for MCP tools, besides `mcp` itself.
const RESERVED: &str = "mcp__";

/// codex's own tools, which a client's tool must not replace.
const CODEX_TOOLS: [&str; 19] = [
    "apply_patch",
    "close_agent",
    "exec_command",
    "image_generation",
    "js_repl",
    "list_mcp_resource_templates",
    "list_mcp_resources",
    "local_shell",
    "read_mcp_resource",
    "request_user_input",
    "send_input",
    "shell",
    "spawn_agent",
    "tool_search",
    "update_plan",
    "view_image",
    "wait_agent",
    "web_search",
    "write_stdin",
];

/// The names of one request's tools, in both directions. Unchanged names have no entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ToolNames {
    to_codex: BTreeMap<String, String>,
    to_client: BTreeMap<String, String>,
    /// The tools that are more to the client than a function with a name, by their unique name.
    special: BTreeMap<String, Special>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Special {
    namespaced: Option<(String, String)>,
    is_custom: bool,
}

impl ToolNames {
    pub(crate) fn of(tools: &[ClientTool]) -> Self {
        let special = |tool: &ClientTool| {
            let special = Special { namespaced: tool.namespaced.clone(), is_custom: tool.is_custom };
            let is_special = special.is_custom || special.namespaced.is_some();
            is_special.then(|| (tool.name.clone(), special))
        };
        let special = tools.iter().filter_map(special).collect();
        Self { special, ..Self::new(tools.iter().map(|tool| tool.name.as_str())) }
    }

    /// A call as the client knows it; `call` has the tool's unique name.
    pub(crate) fn client_call(&self, call: ToolCall) -> ClientCall {
        let Some(Special { namespaced, is_custom }) = self.special.get(&call.name) else {
            return call.into();
        };
        let mut call = ClientCall::from(call);
        if let Some((namespace, name)) = namespaced {
            (call.namespace, call.name) = (Some(namespace.clone()), name.clone());
        }
        if *is_custom {
            call.is_custom = true;
            call.input = custom_input(call.input);
        }
        call
    }

    /// Maps these names.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let (unchanged, changed): (BTreeSet<&str>, BTreeSet<&str>) =
            names.partition(|name| is_accepted(name));
        let mut mapped = Self::default();
        for name in changed {
            // Terminates: the list is finite, and each attempt yields another name.
            let codex_name = (0..=u32::MAX)
                .map(|attempt| safe(name, attempt))
                .find(|safe| !unchanged.contains(safe.as_str()) && !mapped.to_client.contains_key(safe))
                .unwrap_or_default();
            mapped.to_client.insert(codex_name.clone(), name.to_owned());
            mapped.to_codex.insert(name.to_owned(), codex_name);
        }
        mapped
    }

    /// The name for codex. A history may contain names of tools that are no longer offered; the same rule applies to
    /// them.
    pub(crate) fn to_codex<'a>(&'a self, client_name: &'a str) -> Cow<'a, str> {
        match self.to_codex.get(client_name) {
            Some(name) => Cow::Borrowed(name),
            None if is_accepted(client_name) => Cow::Borrowed(client_name),
            None => Cow::Owned(safe(client_name, 0)),
        }
    }

    /// The client's name of a tool; unknown names are unchanged.
    pub(crate) fn to_client<'a>(&'a self, codex_name: &'a str) -> &'a str {
        self.to_client.get(codex_name).map_or(codex_name, String::as_str)
    }
}

/// The unique name of a tool in a namespace.
pub(crate) fn joined(namespace: &str, name: &str) -> String {
    format!("{}__{name}", namespace.trim_end_matches('_'))
}

/// The arguments with which codex sees a call of a custom tool.
pub(crate) fn custom_arguments(input: &str) -> String {
    json!({ INPUT: input }).to_string()
}

/// The only argument of a custom tool.
pub(crate) const INPUT: &str = "input";

/// The input of a custom tool, from the arguments that the model wrote.
fn custom_input(arguments: String) -> String {
    match serde_json::from_str::<Value>(&arguments) {
        Ok(Value::Object(mut object)) => match object.remove(INPUT) {
            Some(Value::String(input)) => input,
            _ => arguments,
        },
        _ => arguments,
    }
}

/// Whether codex and its API accept this name and have no other meaning for it.
fn is_accepted(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_LEN
        && name.chars().all(is_allowed)
        && !name.starts_with(RESERVED)
        && name != "mcp"
        && CODEX_TOOLS.binary_search(&name).is_err()
}

/// Whether a name may contain this character.
fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// Derives an accepted name from `name` and its hash; each attempt yields another one.
fn safe(name: &str, attempt: u32) -> String {
    let mut hasher = Sha256::new_with_prefix(name);
    if attempt > 0 {
        hasher.update(attempt.to_be_bytes());
    }
    let hash = hex::encode(&hasher.finalize()[..HASH_BYTES]);
    let mut stem: String =
        name.chars().take(MAX_NAME_LEN).map(|letter| if is_allowed(letter) { letter } else { '_' }).collect();
    while stem.starts_with(RESERVED) {
        stem.remove(RESERVED.len() - 1);
    }
    stem.truncate(MAX_NAME_LEN - "_".len() - hash.len());
    // Otherwise the `_` before the hash could turn `mcp_` into the reserved prefix again.
    stem.truncate(stem.trim_end_matches('_').len());
    if stem.is_empty() {
        stem.push_str("tool");
    }
    format!("{stem}_{hash}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn names(names: &[&str]) -> ToolNames {
        ToolNames::new(names.iter().copied())
    }

    #[test]
    fn accepted_names_are_unchanged() {
        let longest = "n".repeat(64);
        for name in ["get_weather", "a", "A-1_b", "mcp_x", "mcp-x", &longest] {
            assert_eq!(names(&[name]).to_codex(name), name);
            assert_eq!(names(&[name]).to_client(name), name);
        }
    }

    #[test]
    fn mapped_names_are_readable() {
        let long = "n".repeat(65);
        for (name, begins) in [
            ("fs.read file", "fs_read_file_"),
            ("mcp__git__log", "mcp_git__log_"),
            ("mcp.", "mcp_"),
            ("mcp", "mcp_"),
            ("apply_patch", "apply_patch_"),
            ("天気", "tool_"),
            ("", "tool_"),
            (long.as_str(), "nnnn"),
        ] {
            let names = names(&[name]);
            let codex_name = names.to_codex(name).into_owned();
            assert!(codex_name.starts_with(begins), "{name:?} became {codex_name:?}");
            assert!(is_accepted(&codex_name), "{name:?} became {codex_name:?}");
            assert_eq!(names.to_client(&codex_name), name);
        }
    }

    #[test]
    fn names_of_removed_tools_are_mapped_the_same_way() {
        assert_eq!(names(&[]).to_codex("fs.read"), names(&["fs.read"]).to_codex("fs.read"));
        assert_eq!(names(&[]).to_client("unheard_of"), "unheard_of");
    }

    #[test]
    fn a_tool_that_already_has_the_mapped_name_keeps_it() {
        let new = names(&["fs.read"]).to_codex("fs.read").into_owned();
        let both = names(&["fs.read", &new]);
        assert_eq!(both.to_codex(&new), new);
        assert_ne!(both.to_codex("fs.read"), new);
        assert_eq!(both.to_client(&new), new);
        assert_eq!(both.to_client(&both.to_codex("fs.read")), "fs.read");
    }

    #[test]
    fn codex_tools_are_sorted() {
        assert!(CODEX_TOOLS.is_sorted());
    }

    /// Names like those of clients, often similar.
    fn some_name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z_.]{0,3}",
            "mcp[_.]{0,3}[a-z]{0,2}",
            "[a-z.]{60,70}",
            ".{0,80}",
            prop::sample::select(&CODEX_TOOLS[..]).prop_map(str::to_owned),
        ]
    }

    proptest! {
        #[test]
        fn every_name_round_trips_and_stays_unique(list in prop::collection::btree_set(some_name(), 0..12)) {
            let names = ToolNames::new(list.iter().map(String::as_str));
            let mut seen = BTreeSet::new();
            for name in &list {
                let codex_name = names.to_codex(name).into_owned();
                prop_assert!(is_accepted(&codex_name), "{name:?} became {codex_name:?}");
                prop_assert_eq!(names.to_client(&codex_name), name);
                prop_assert!(seen.insert(codex_name));
            }
        }

        #[test]
        fn a_mapped_name_does_not_depend_on_other_tools(
            name in some_name(),
            list in prop::collection::btree_set(some_name(), 0..12),
        ) {
            let alone = ToolNames::new([name.as_str()].into_iter());
            // Only a malicious client has a tool whose name ends in another one's hash.
            let others = list.iter().map(String::as_str).filter(|other| *other != alone.to_codex(&name));
            let among = ToolNames::new(others.chain([name.as_str()]));
            prop_assert_eq!(among.to_codex(&name), alone.to_codex(&name));
        }
    }
}
