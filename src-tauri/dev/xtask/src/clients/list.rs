//! The clients that `cargo xtask clients` drives, in the order of the table.

use Registry::{Npm, PyPi};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Registry {
    PyPi,
    Npm,
}

pub(super) struct Client {
    pub(super) name: &'static str,
    pub(super) registry: Registry,
    /// The release of the first is in the table.
    pub(super) packages: &'static [&'static str],
    /// In `src-tauri/dev/clients`.
    pub(super) script: &'static str,
}

const fn client(
    name: &'static str,
    registry: Registry,
    packages: &'static [&'static str],
    script: &'static str,
) -> Client {
    Client { name, registry, packages, script }
}

pub(super) const CLIENTS: [Client; 22] = [
    client("openai, Python", PyPi, &["openai"], "openai_client.py"),
    client("openai, Node", Npm, &["openai", "zod"], "openai_client.mjs"),
    client("openai-agents, Python", PyPi, &["openai-agents"], "agents_client.py"),
    client("openai-agents, JavaScript", Npm, &["@openai/agents", "openai", "zod"], "agents_client.mjs"),
    client("langchain-openai", PyPi, &["langchain-openai"], "langchain_client.py"),
    client("pydantic-ai", PyPi, &["pydantic-ai-slim[openai]"], "pydantic_ai_client.py"),
    client("instructor", PyPi, &["instructor"], "instructor_client.py"),
    client(
        "llama-index",
        PyPi,
        &["llama-index-core", "llama-index-llms-openai-like", "llama-index-llms-openai"],
        "llama_index_client.py",
    ),
    client("litellm", PyPi, &["litellm"], "litellm_client.py"),
    client("llm", PyPi, &["llm"], "llm.py"),
    client("aider", PyPi, &["aider-chat"], "aider.py"),
    client("dspy", PyPi, &["dspy"], "dspy_client.py"),
    client("smolagents", PyPi, &["smolagents[openai]"], "smolagents_client.py"),
    client("haystack", PyPi, &["haystack-ai"], "haystack_client.py"),
    client("AI SDK", Npm, &["ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible", "zod"], "ai_sdk_client.mjs"),
    client("opencode", Npm, &["opencode-ai"], "opencode.py"),
    client("cline", Npm, &["cline"], "cline.py"),
    client("continue", Npm, &["@continuedev/cli"], "continue.py"),
    client("qwen-code", Npm, &["@qwen-code/qwen-code"], "qwen_code.py"),
    client("Copilot CLI", Npm, &["@github/copilot"], "copilot.py"),
    client("codex", Npm, &["@openai/codex"], "codex.py"),
    client("promptfoo", Npm, &["promptfoo"], "promptfoo.py"),
];

impl Client {
    /// Names its folder and, on the command line, the client.
    pub(super) fn id(&self) -> String {
        self.name.to_lowercase().replace(", ", "-").replace(' ', "-")
    }
}
