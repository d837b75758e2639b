//! Names of apps by their `User-Agent`: the only place that knows them.

/// The name of the window's connection check.
pub const CHECK: &str = "Connection check";

/// The name of the window's test prompt.
pub const TEST_PROMPT: &str = "Test prompt";

/// The name of the window's playground.
pub const PLAYGROUND: &str = "Playground";

/// Apps that are the window itself; today's numbers leave them out.
pub const OWN: [&str; 3] = [CHECK, TEST_PROMPT, PLAYGROUND];

/// How a word of the `User-Agent` begins, in lower case, and the app's name. The first one in the table counts: apps name
/// themselves before or after the library they use.
const APPS: &[(&str, &str)] = &[
    ("codex-proxy-check", CHECK),
    ("codex-proxy-test-prompt", TEST_PROMPT),
    ("codex-proxy-playground", PLAYGROUND),
    ("open-webui", "Open WebUI"),
    ("openwebui", "Open WebUI"),
    ("cline", "Cline"),
    ("roocode", "Roo Code"),
    ("roo-code", "Roo Code"),
    ("kilo-code", "Kilo Code"),
    ("kilocode", "Kilo Code"),
    ("zed", "Zed"),
    ("continue", "Continue"),
    ("githubcopilot", "GitHub Copilot"),
    ("cursor", "Cursor"),
    ("jetbrains", "JetBrains AI"),
    ("codex_", "Codex"),
    ("opencode", "OpenCode"),
    ("aider", "Aider"),
    ("goose", "Goose"),
    ("jan", "Jan"),
    ("librechat", "LibreChat"),
    ("anythingllm", "AnythingLLM"),
    ("cherrystudio", "Cherry Studio"),
    ("chatbox", "Chatbox"),
    ("msty", "Msty"),
    ("lobechat", "LobeChat"),
    ("raycast", "Raycast"),
    ("obsidian", "Obsidian"),
    ("homeassistant", "Home Assistant"),
    ("n8n", "n8n"),
    ("langchainjs", "LangChain JS"),
    ("litellm", "LiteLLM"),
    ("llamaindex", "LlamaIndex"),
    ("ai-sdk/", "Vercel AI SDK"),
    ("ai/", "Vercel AI SDK"),
    ("openai/python", "OpenAI Python"),
    ("asyncopenai/python", "OpenAI Python"),
    ("agents/python", "OpenAI Agents"),
    ("agents/javascript", "OpenAI Agents"),
    ("openai/js", "OpenAI Node"),
    ("openai/go", "OpenAI Go"),
    ("openai/java", "OpenAI Java"),
    ("openai/", "OpenAI SDK"),
    // Open WebUI does not name itself, and few other clients use this library.
    ("aiohttp", "Open WebUI"),
    ("python-httpx", "Python"),
    ("python-requests", "Python"),
    ("python-urllib", "Python"),
    ("curl", "curl"),
    ("wget", "Wget"),
    ("httpie", "HTTPie"),
    ("postmanruntime", "Postman"),
    ("insomnia", "Insomnia"),
    ("bruno", "Bruno"),
    ("powershell", "PowerShell"),
    ("windowspowershell", "PowerShell"),
    ("go-http-client", "Go"),
    ("okhttp", "OkHttp"),
    ("reqwest", "Rust"),
    ("bun/", "Bun"),
    ("deno/", "Deno"),
    ("node", "Node.js"),
    ("undici", "Node.js"),
    ("electron", "Desktop app"),
    ("mozilla/", "Browser"),
];

/// The name of the app with this `User-Agent`: from the table, or else what precedes its version.
#[must_use]
pub fn client_name(user_agent: &str) -> String {
    let lower = user_agent.to_ascii_lowercase();
    let known = |(start, _): &&(&str, &str)| lower.split([' ', '(', ';']).any(|word| begins(word, start));
    if let Some((_, name)) = APPS.iter().find(known) {
        return (*name).to_owned();
    }
    match user_agent.split(['/', '(', ';']).next().unwrap_or_default().trim() {
        "" => "Unknown app".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether a word is this name, with or without a version: `zed/1.0` and `zed-editor`, not `zedtool`.
fn begins(word: &str, start: &str) -> bool {
    let whole = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphabetic());
    word.strip_prefix(start).is_some_and(|rest| start.ends_with(['/', '_']) || whole(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_have_names_instead_of_user_agents() {
        for (agent, name) in [
            ("Python/3.11 aiohttp/3.14.5", "Open WebUI"),
            ("Python/3.11 aiohttp/3.14.5 codex-proxy-check", "Connection check"),
            ("codex-proxy-test-prompt/0.3.0", "Test prompt"),
            ("OpenAI/Python 2.8.1", "OpenAI Python"),
            ("AsyncOpenAI/Python 2.8.1", "OpenAI Python"),
            ("Agents/Python 0.5.0", "OpenAI Agents"),
            ("OpenAI/JS 6.1.0", "OpenAI Node"),
            ("langchainjs-openai/1.0.0 (node/v22.1.0)", "LangChain JS"),
            (
                "ai-sdk/openai-compatible/1.0.2 ai-sdk/provider-utils/3.0.1 runtime/node.js/22",
                "Vercel AI SDK",
            ),
            ("Cline/3.35.0", "Cline"),
            ("Zed/0.212.0 (linux; x86_64)", "Zed"),
            ("curl/8.14.1", "curl"),
            ("node", "Node.js"),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 CherryStudio/1.5.0 Chrome/138.0 Electron/37.2",
                "Cherry Studio",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "Browser"),
            ("my-script/1.2 (beta)", "my-script"),
            ("zedtool/1.0", "zedtool"),
            ("My tool", "My tool"),
            ("", "Unknown app"),
        ] {
            assert_eq!(client_name(agent), name, "{agent}");
        }
    }
}
