//! Recipes of apps that need only text to paste: a table. Each field is named as in the app's own documentation or source.

use super::code::environment_variables;
use super::input::{Filled, code, line};
use super::types::{Recipe, RecipePiece};
use crate::shell;

/// An app. In its texts, `{url}`, `{chat}`, `{key}` and `{model}` stand for the base URL, the address of chat completions, the key
/// and the model.
struct App {
    id: &'static str,
    title: &'static str,
    intro: &'static str,
    pieces: &'static [Piece],
}

/// What to paste.
enum Piece {
    /// A value for the field with this label.
    Field(&'static str, &'static str),
    /// Part of a file, where each value is a quoted string.
    File(&'static str, &'static str),
    /// Variables to set before the app starts.
    Variables(&'static [(&'static str, &'static str)]),
}

use Piece::{Field, File, Variables};

const APPS: &[App] = &[
    App {
        id: "cline",
        title: "Cline",
        intro: "In Cline's settings, choose the API provider OpenAI Compatible.",
        pieces: &[Field("Base URL", "{url}"), Field("API Key", "{key}"), Field("Model ID", "{model}")],
    },
    App {
        id: "continue",
        title: "Continue",
        intro: "Add the entry under `models` in `~/.continue/config.yaml`. In a new file, paste everything.",
        pieces: &[File(
            "config.yaml",
            "name: My Config
version: 0.0.1
schema: v1
models:
  - name: Codex Proxy
    provider: openai
    model: {model}
    apiBase: {url}
    apiKey: {key}",
        )],
    },
    App {
        id: "zed",
        title: "Zed",
        intro: "Add the provider to Zed's `settings.json`, then paste the key under Settings → AI → LLM Providers.",
        pieces: &[
            File(
                "settings.json",
                r#"{
  "language_models": {
    "openai_compatible": {
      "Codex Proxy": {
        "api_url": {url},
        "available_models": [{ "name": {model}, "max_tokens": 200000 }]
      }
    }
  }
}"#,
            ),
            Field("API key", "{key}"),
        ],
    },
    App {
        id: "vscode",
        title: "VS Code",
        intro: "For GitHub Copilot in VS Code 1.122 or later: run Chat: Open Language Models (JSON) in the command palette and \
                add the entry.",
        pieces: &[File(
            "chatLanguageModels.json",
            r#"[
  {
    "name": "Codex Proxy",
    "vendor": "customendpoint",
    "apiKey": {key},
    "apiType": "chat-completions",
    "models": [
      {
        "id": {model},
        "name": {model},
        "url": {chat},
        "toolCalling": true,
        "vision": true,
        "maxInputTokens": 200000,
        "maxOutputTokens": 32000
      }
    ]
  }
]"#,
        )],
    },
    App {
        id: "copilotCli",
        title: "GitHub Copilot CLI",
        intro: "Set these variables, then start `copilot` in the same terminal.",
        pieces: &[Variables(&[
            ("COPILOT_PROVIDER_BASE_URL", "{url}"),
            ("COPILOT_PROVIDER_API_KEY", "{key}"),
            ("COPILOT_MODEL", "{model}"),
        ])],
    },
    App {
        id: "jan",
        title: "Jan",
        intro: "In Jan: Settings → Model Providers → Add Provider, with the API format OpenAI-compatible. Then add the model.",
        pieces: &[Field("Base URL", "{url}"), Field("API Key", "{key}"), Field("Model", "{model}")],
    },
    App {
        id: "anythingLlm",
        title: "AnythingLLM",
        intro: "In AnythingLLM's settings, choose the LLM provider Generic OpenAI.",
        pieces: &[
            Field("Base URL", "{url}"),
            Field("API Key", "{key}"),
            Field("Selected Model", "{model}"),
            Field("Model context window", "200000"),
        ],
    },
    App {
        id: "libreChat",
        title: "LibreChat",
        intro: "Add the endpoint to `librechat.yaml` and restart LibreChat. In Docker, write host.docker.internal for \
                127.0.0.1 and allow Docker containers under Open WebUI.",
        pieces: &[File(
            "librechat.yaml",
            "endpoints:
  custom:
    - name: \"Codex Proxy\"
      apiKey: {key}
      baseURL: {url}
      models:
        default: [{model}]
        fetch: true
      titleConvo: true
      titleModel: {model}",
        )],
    },
    App {
        id: "n8n",
        title: "n8n",
        intro: "Create a credential of the type OpenAI, and choose it in the OpenAI Chat Model node.",
        pieces: &[Field("API Key", "{key}"), Field("Base URL", "{url}"), Field("Model", "{model}")],
    },
    App {
        id: "homeAssistant",
        title: "Home Assistant",
        intro: "Install the integration Extended OpenAI Conversation with HACS, and add it under Settings → Devices & \
                Services. On another device, turn on network access in Settings first.",
        pieces: &[Field("API Key", "{key}"), Field("Base Url", "{url}"), Field("Model", "{model}")],
    },
];

/// The recipes of the table.
pub(super) fn all(filled: &Filled<'_>) -> impl Iterator<Item = Recipe> {
    APPS.iter().map(|app| {
        let pieces = app.pieces.iter().flat_map(|piece| pieces_of(piece, filled)).collect();
        filled.recipe(app.id, app.title, app.intro, pieces)
    })
}

fn pieces_of(piece: &Piece, filled: &Filled<'_>) -> Vec<RecipePiece> {
    match piece {
        Field(label, text) => vec![line(label, fill(text, filled, str::to_owned))],
        File(label, text) => vec![code(label, fill(text, filled, shell::literal))],
        Variables(variables) => {
            let filled_in = |(name, text): &(&'static str, &str)| (*name, fill(text, filled, str::to_owned));
            environment_variables(filled, &variables.iter().map(filled_in).collect::<Vec<_>>())
        }
    }
}

/// The text with its values, in one pass: a value may look like a placeholder.
fn fill(text: &str, filled: &Filled<'_>, quote: impl Fn(&str) -> String) -> String {
    // These apps bring tools of their own, which codex-local would not use.
    let model = filled.input.models.first().unwrap_or(&filled.input.model);
    let values = [
        ("{url}", filled.url("")),
        ("{chat}", filled.url("/chat/completions")),
        ("{key}", filled.key.clone()),
        ("{model}", model.clone()),
    ];
    let (mut rest, mut out) = (text, String::new());
    let next = |rest: &str| {
        let found = values.iter().filter_map(|value| Some((rest.find(value.0)?, value)));
        found.min_by_key(|(at, _)| *at).map(|(at, (name, value))| (at, at + name.len(), quote(value)))
    };
    while let Some((start, end, value)) = next(rest) {
        out.push_str(rest.get(..start).unwrap_or_default());
        out.push_str(&value);
        rest = rest.get(end..).unwrap_or_default();
    }
    out + rest
}
