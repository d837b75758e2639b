//! The recipes for curl, for the OpenAI packages of Python and Node, and for whatever else takes a base URL and a key.

use super::input::{CANNOT_REACH_LOCALHOST, Filled, Shell, code, line};
use super::quote;
use super::types::Recipe;
use crate::text::joined;
use crate::view::Listen;

/// What the examples ask.
const QUESTION: &str = "Say hello in five words.";

/// A request for the list and one for a streamed answer.
pub(super) fn curl(filled: &Filled<'_>) -> Recipe {
    let mut pieces = Vec::new();
    for shell in filled.input.platform.shells() {
        let list = shell.lines(&[curl_of(*shell), &filled.url("/models")], &key_header(filled));
        let named = shell.in_words();
        pieces.push(code(&format!("List the models{named}"), list));
        pieces.push(code(&format!("Ask{named}"), ask(*shell, filled)));
    }
    filled.recipe("curl", "curl", "Paste it into a terminal; the answer streams in.", pieces)
}

fn curl_of(shell: Shell) -> &'static str {
    match shell {
        // Without the ending, Windows' own PowerShell runs a command of its own by that name.
        Shell::Windows => "curl.exe",
        Shell::Posix | Shell::GitBash => "curl",
    }
}

fn key_header(filled: &Filled<'_>) -> Vec<Vec<String>> {
    if filled.key_is_needed() {
        vec![vec!["-H".to_owned(), format!("Authorization: Bearer {}", filled.key)]]
    } else {
        Vec::new()
    }
}

fn ask(shell: Shell, filled: &Filled<'_>) -> String {
    let body = format!(
        r#"{{"model": {}, "stream": true, "messages": [{{"role": "user", "content": {}}}]}}"#,
        quote::literal(&filled.input.model),
        quote::literal(QUESTION),
    );
    let url = filled.url("/chat/completions");
    let mut options = key_header(filled);
    options.push(vec!["-H".to_owned(), "Content-Type: application/json".to_owned()]);
    let words = [curl_of(shell), "-N", &url];
    if shell == Shell::Windows {
        // PowerShell 5 loses the quotes within an argument, and keeps them in what it pipes.
        options.push(vec!["--data-binary".to_owned(), "@-".to_owned()]);
        return format!("{} | {}", quote::powershell(&body), shell.lines(&words, &options));
    }
    options.push(vec!["-d".to_owned(), body]);
    shell.lines(&words, &options)
}

/// OpenAI's package for Python.
pub(super) fn python(filled: &Filled<'_>) -> Recipe {
    let [url, key, model, question] = literals(filled);
    let program = format!(
        r#"from openai import OpenAI

client = OpenAI(
    base_url={url},
    api_key={key},
)

stream = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": {question}}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
"#
    );
    package(filled, ["python", "Python", "pip install openai", "ask.py"], program)
}

/// OpenAI's package for Node.
pub(super) fn node(filled: &Filled<'_>) -> Recipe {
    let [url, key, model, question] = literals(filled);
    let program = format!(
        r#"import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: {url},
  apiKey: {key},
}});

const stream = await client.chat.completions.create({{
  model: {model},
  messages: [{{ role: "user", content: {question} }}],
  stream: true,
}});
for await (const chunk of stream) {{
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}}
process.stdout.write("\n");
"#
    );
    package(filled, ["node", "Node", "npm install openai", "ask.mjs"], program)
}

fn literals(filled: &Filled<'_>) -> [String; 4] {
    [&filled.url(""), &filled.key, &filled.input.model, QUESTION].map(quote::literal)
}

fn package(filled: &Filled<'_>, [id, title, install, file]: [&str; 4], program: String) -> Recipe {
    let intro = format!(
        "OpenAI's own package, pointed at this machine. Save the program as {file} and run `{id} {file}`."
    );
    filled.recipe(id, title, intro, vec![code("Install", install.to_owned()), code(file, program)])
}

/// Any other client.
pub(super) fn other(filled: &Filled<'_>) -> Recipe {
    let mut intro =
        "Look in the client's settings for an OpenAI-compatible API, or a custom base URL.".to_owned();
    if filled.input.listen == Listen::Everywhere {
        intro.push_str(
            " On another machine of your network, put this machine's address in the place of 127.0.0.1.",
        );
    }
    let mut pieces = vec![
        line("Base URL", filled.url("")),
        line("Key", filled.key.clone()),
        line("Model", filled.input.model.clone()),
    ];
    if filled.input.models.len() > 1 {
        pieces.push(line("All models", filled.input.models.join(", ")));
    }
    for shell in filled.input.platform.shells() {
        let set = |name: &str, value: &str| match shell {
            Shell::Windows => format!("$env:{name} = {}", quote::powershell_string(value)),
            Shell::Posix | Shell::GitBash => format!("export {name}={}", quote::posix(value)),
        };
        let lines = [set("OPENAI_BASE_URL", &filled.url("")), set("OPENAI_API_KEY", &filled.key)];
        pieces.push(code(&format!("As variables{}", shell.in_words()), lines.join("\n")));
    }
    let warning = joined([filled.no_key_warning(), Some(CANNOT_REACH_LOCALHOST.to_owned())], " ");
    Recipe { warning, ..filled.recipe("other", "Any other client", intro, pieces) }
}
