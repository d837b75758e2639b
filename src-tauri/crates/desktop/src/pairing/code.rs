//! The recipes for curl, the OpenAI packages for Python and Node, and other apps; and a conversation as code.

use super::input::{CANNOT_REACH_LOCALHOST, Filled, Shell, code, line};
use super::types::{ChatMessage, ChatRequest, ChatRole, CodeLanguage, Recipe, RecipePiece};
use crate::shell;
use crate::text::join_some;

/// The prompt in the examples.
const QUESTION: &str = "Say hello in five words.";

/// Lists models and streams an answer.
pub(super) fn curl(filled: &Filled<'_>) -> Recipe {
    let mut pieces = Vec::new();
    for shell in filled.input.platform.shells() {
        let list = shell.lines(&[curl_of(*shell), &filled.url("/models")], &key_header(filled));
        let shell_name = shell.label_suffix();
        pieces.push(code(&format!("List models{shell_name}"), list));
        pieces.push(code(&format!("Send a prompt{shell_name}"), ask(*shell, filled, &example(filled))));
    }
    filled.recipe("curl", "curl", "Run in a terminal. The answer is streamed.", pieces)
}

fn curl_of(shell: Shell) -> &'static str {
    match shell {
        // In Windows PowerShell, plain `curl` is an alias of another command.
        Shell::PowerShell => "curl.exe",
        Shell::Posix | Shell::Cmd | Shell::GitBash => "curl",
    }
}

fn key_header(filled: &Filled<'_>) -> Vec<Vec<String>> {
    if filled.key_is_needed() {
        vec![vec!["-H".to_owned(), format!("Authorization: Bearer {}", filled.key)]]
    } else {
        Vec::new()
    }
}

fn ask(shell: Shell, filled: &Filled<'_>, request: &ChatRequest) -> String {
    let body = format!(
        r#"{{"model": {}, "stream": true, "messages": [{}]}}"#,
        shell::literal(&request.model),
        messages(request).join(", "),
    );
    let url = filled.url("/chat/completions");
    let mut options = key_header(filled);
    options.push(vec!["-H".to_owned(), "Content-Type: application/json".to_owned()]);
    let words = [curl_of(shell), "-N", &url];
    match shell {
        Shell::PowerShell => {
            options.push(vec!["--data-binary".to_owned(), "@-".to_owned()]);
            format!("{} | {}", shell::powershell_json(&body), shell.lines(&words, &options))
        }
        Shell::Cmd => format!("{} ^\n  -d {}", shell.lines(&words, &options), shell::cmd_json(&body)),
        Shell::Posix | Shell::GitBash => {
            format!("{} \\\n  -d {}", shell.lines(&words, &options), shell::posix_json(&body))
        }
    }
}

/// Each message as JSON, which is also Python.
fn messages(request: &ChatRequest) -> Vec<String> {
    let message = |message: &ChatMessage| {
        let content = shell::literal(&message.content);
        format!(r#"{{"role": "{}", "content": {content}}}"#, role(message.role))
    };
    request.messages.iter().map(message).collect()
}

fn role(role: ChatRole) -> &'static str {
    match role {
        ChatRole::System => "system",
        ChatRole::User => "user",
        ChatRole::Assistant => "assistant",
    }
}

/// The messages as a list, one per line if there are several, in code that is indented by `indent`.
fn list(messages: &[String], indent: &str) -> String {
    match messages {
        [one] => format!("[{one}]"),
        several => {
            let lines: String =
                several.iter().map(|message| format!("{indent}{indent}{message},\n")).collect();
            format!("[\n{lines}{indent}]")
        }
    }
}

/// The request in a language.
pub(super) fn conversation(language: CodeLanguage, filled: &Filled<'_>, request: &ChatRequest) -> String {
    match language {
        CodeLanguage::Curl => {
            ask(filled.input.platform.shells().first().copied().unwrap_or(Shell::Posix), filled, request)
        }
        CodeLanguage::Python => python_program(filled, request),
        CodeLanguage::Node => node_program(filled, request),
    }
}

/// The OpenAI package for Python.
pub(super) fn python(filled: &Filled<'_>) -> Recipe {
    let program = python_program(filled, &example(filled));
    package(filled, ["python", "Python", "pip install openai", "ask.py"], program)
}

fn python_program(filled: &Filled<'_>, request: &ChatRequest) -> String {
    let [url, key, model] = literals(filled, request);
    let messages = list(&messages(request), "    ");
    format!(
        r#"from openai import OpenAI

client = OpenAI(
    base_url={url},
    api_key={key},
)

stream = client.chat.completions.create(
    model={model},
    messages={messages},
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
"#
    )
}

/// The OpenAI package for Node.
pub(super) fn node(filled: &Filled<'_>) -> Recipe {
    let program = node_program(filled, &example(filled));
    package(filled, ["node", "Node", "npm install openai", "ask.mjs"], program)
}

fn node_program(filled: &Filled<'_>, request: &ChatRequest) -> String {
    let [url, key, model] = literals(filled, request);
    let message = |message: &ChatMessage| {
        let content = shell::literal(&message.content);
        format!(r#"{{ role: "{}", content: {content} }}"#, role(message.role))
    };
    let messages = list(&request.messages.iter().map(message).collect::<Vec<_>>(), "  ");
    format!(
        r#"import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: {url},
  apiKey: {key},
}});

const stream = await client.chat.completions.create({{
  model: {model},
  messages: {messages},
  stream: true,
}});
for await (const chunk of stream) {{
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}}
process.stdout.write("\n");
"#
    )
}

/// The request in the examples.
fn example(filled: &Filled<'_>) -> ChatRequest {
    let question = ChatMessage { role: ChatRole::User, content: QUESTION.to_owned() };
    ChatRequest { model: filled.input.model.clone(), messages: vec![question] }
}

fn literals(filled: &Filled<'_>, request: &ChatRequest) -> [String; 3] {
    [&filled.url(""), &filled.key, &request.model].map(|text| shell::literal(text))
}

fn package(filled: &Filled<'_>, [id, title, install, file]: [&str; 4], program: String) -> Recipe {
    let intro = format!("Uses the openai package. Save the code as {file} and run `{id} {file}`.");
    filled.recipe(id, title, intro, vec![code("Install", install.to_owned()), code(file, program)])
}

/// Any other app.
pub(super) fn other(filled: &Filled<'_>) -> Recipe {
    let intro =
        "Works with any app that takes an OpenAI base URL and key. If the app adds /v1 itself, leave it out.";
    let mut pieces = vec![
        line("Base URL", filled.url("")),
        line("Key", filled.key.clone()),
        line("Model", filled.input.model.clone()),
    ];
    if filled.input.models.len() > 1 {
        pieces.push(line("All models", filled.input.models.join(", ")));
    }
    let variables = [("OPENAI_BASE_URL", filled.url("")), ("OPENAI_API_KEY", filled.key.clone())];
    pieces.extend(environment_variables(filled, &variables));
    let warning = join_some([filled.no_key_warning(), Some(CANNOT_REACH_LOCALHOST.to_owned())], " ");
    Recipe { warning, ..filled.recipe("other", "Other apps", intro, pieces) }
}

/// Variables to set, for each shell of the system.
pub(super) fn environment_variables(filled: &Filled<'_>, variables: &[(&str, String)]) -> Vec<RecipePiece> {
    let for_shell = |shell: &Shell| {
        let lines: Vec<_> = variables.iter().map(|(name, value)| set_variable(*shell, name, value)).collect();
        code(&format!("Environment variables{}", shell.label_suffix()), lines.join("\n"))
    };
    filled.input.platform.shells().iter().map(for_shell).collect()
}

/// A line that sets a variable.
pub(super) fn set_variable(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::PowerShell => format!("$env:{name} = {}", shell::powershell_string(value)),
        Shell::Cmd => shell::cmd_set(name, value),
        Shell::Posix | Shell::GitBash => format!("export {name}={}", shell::posix(value)),
    }
}
