use std::net::Ipv4Addr;

use super::*;
use crate::pairing::docker::Docker;
use crate::pairing::input::CANNOT_REACH_LOCALHOST;
use crate::shell::Platform;
use crate::view::Listen;

const REAL: &str = "sk-cp-0123456789abcd";
const BRIDGE: Docker = Docker { installed: true, bridge: Some(Ipv4Addr::new(172, 17, 0, 1)) };

fn input(platform: Platform) -> RecipeInput {
    RecipeInput {
        host: Ipv4Addr::LOCALHOST,
        port: 8000,
        listen: Listen::Loopback,
        docker: BRIDGE,
        key: ShownKey::masked("abcd"),
        platform,
        model: "codex-local".to_owned(),
        models: vec!["gpt-5.5".to_owned(), "gpt-5.5-mini".to_owned()],
    }
}

fn recipe(input: &RecipeInput, id: &str) -> Recipe {
    recipes(input).into_iter().find(|recipe| recipe.id == id).unwrap()
}

/// The text of the piece with this label, with the real key.
fn filled(input: &RecipeInput, id: &str, label: &str) -> String {
    let index = recipe(input, id).pieces.iter().position(|piece| piece.label == label).unwrap();
    piece_text(id, index, input, Some(&Key::new(REAL))).unwrap()
}

#[test]
fn each_system_has_its_recipes() {
    let ids = |platform| recipes(&input(platform)).into_iter().map(|recipe| recipe.id).collect::<Vec<_>>();
    let last = ["curl", "python", "node", "other"];
    assert_eq!(ids(Platform::Linux)[..3], ["openWebUi", "openWebUiDocker", "openWebUiDockerDesktop"]);
    for platform in [Platform::MacOs, Platform::Windows] {
        assert_eq!(ids(platform)[..2], ["openWebUi", "openWebUiDockerDesktop"]);
    }
    for platform in [Platform::Linux, Platform::MacOs, Platform::Windows] {
        let ids = ids(platform);
        assert_eq!(ids[ids.len() - last.len()..], last);
        let once: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(once.len(), ids.len(), "{ids:?}");
    }
}

#[test]
fn every_app_gets_the_address_the_key_and_a_model_that_leaves_it_its_own_tools() {
    for recipe in
        recipes(&input(Platform::Linux)).iter().filter(|recipe| recipe.id.chars().all(char::is_alphabetic))
    {
        let text: String = (0..recipe.pieces.len())
            .filter_map(|index| piece_text(&recipe.id, index, &input(Platform::Linux), Some(&Key::new(REAL))))
            .collect();
        assert!(text.contains(REAL) && text.contains(":8000/v1"), "{}: {text}", recipe.id);
        assert!(!text.contains("{url}") && !text.contains("{key}") && !text.contains("{model}"), "{text}");
    }
    assert_eq!(filled(&input(Platform::Linux), "cline", "Model ID"), "gpt-5.5");
    let vscode: serde_json::Value =
        serde_json::from_str(&filled(&input(Platform::Linux), "vscode", "chatLanguageModels.json")).unwrap();
    assert_eq!(vscode[0]["models"][0]["url"], "http://127.0.0.1:8000/v1/chat/completions");
    let zed: serde_json::Value =
        serde_json::from_str(&filled(&input(Platform::Linux), "zed", "settings.json")).unwrap();
    let provider = &zed["language_models"]["openai_compatible"]["Codex Proxy"];
    assert_eq!(
        (&provider["api_url"], &provider["available_models"][0]["name"]),
        (&"http://127.0.0.1:8000/v1".into(), &"gpt-5.5".into())
    );
    let variables = filled(&input(Platform::Windows), "copilotCli", "Environment variables (PowerShell)");
    assert!(variables.ends_with("\n$env:COPILOT_MODEL = 'gpt-5.5'"), "{variables}");
}

#[test]
fn every_app_that_can_be_found_here_has_a_recipe() {
    let recipes = recipes(&input(Platform::Linux));
    for id in crate::pairing::installed::known() {
        assert!(recipes.iter().any(|recipe| recipe.id == id), "{id}");
    }
}

#[test]
fn on_the_network_every_recipe_but_those_for_containers_has_the_computers_address() {
    let host = Ipv4Addr::new(192, 168, 1, 20);
    let input = RecipeInput { host, listen: Listen::Everywhere, ..input(Platform::Linux) };
    for recipe in recipes(&input) {
        let text: String = recipe.pieces.iter().map(|piece| piece.text.as_str()).collect();
        let expected =
            if recipe.id.contains("Docker") { "host.docker.internal:8000" } else { "192.168.1.20:8000" };
        assert!(text.contains(expected) && !text.contains("127.0.0.1:8000"), "{}: {text}", recipe.id);
    }
}

#[test]
fn base_url_and_key_in_one_are_those_of_the_recipe() {
    let input = input(Platform::Linux);
    let both = |id| both_text(id, &input, Some(&Key::new(REAL)));
    let text = |host| Some(format!("OPENAI_BASE_URL=http://{host}:8000/v1\nOPENAI_API_KEY={REAL}"));
    assert_eq!(both(None), text("127.0.0.1"));
    assert_eq!(both(Some("cline")), text("127.0.0.1"));
    assert_eq!(both(Some("openWebUiDocker")), text("host.docker.internal"));
    assert_eq!(both(Some("curl")), None);
    assert_eq!(both_text(None, &input, None), None, "a placeholder is of no use");
    let off = RecipeInput { key: ShownKey::NotNeeded, ..input.clone() };
    assert!(both_text(None, &off, None).unwrap().ends_with("OPENAI_API_KEY=no-key-needed"));
}

#[test]
fn the_likely_place_of_open_webui_follows_from_docker_and_the_system() {
    let place = |platform, docker| {
        let all = recipes(&RecipeInput { docker, ..input(platform) });
        let suggested: Vec<_> =
            all.into_iter().filter(|recipe| recipe.suggested).map(|recipe| recipe.id).collect();
        assert_eq!(suggested.len(), 1, "{suggested:?}");
        suggested[0].clone()
    };
    let installed = Docker { installed: true, bridge: None };
    assert_eq!(place(Platform::Linux, BRIDGE), "openWebUiDocker");
    assert_eq!(place(Platform::Linux, installed), "openWebUiDockerDesktop");
    assert_eq!(place(Platform::MacOs, installed), "openWebUiDockerDesktop");
    assert_eq!(place(Platform::Windows, Docker::default()), "openWebUi");
}

#[test]
fn only_an_app_in_a_linux_container_needs_the_bridge() {
    let input = RecipeInput { docker: Docker::default(), ..input(Platform::Linux) };
    assert!(unreachable_by_containers("openWebUiDocker", &input).unwrap().contains("Docker wasn't found"));
    assert_eq!(unreachable_by_containers("openWebUi", &input), None);
    assert_eq!(unreachable_by_containers("openWebUiDockerDesktop", &input), None);
}

#[test]
fn only_the_clipboard_gets_the_real_key() {
    for platform in [Platform::Linux, Platform::MacOs, Platform::Windows] {
        let input = input(platform);
        for recipe in recipes(&input) {
            for (index, piece) in recipe.pieces.iter().enumerate() {
                let copied = piece_text(&recipe.id, index, &input, Some(&Key::new(REAL))).unwrap();
                assert_eq!(copied.contains(REAL), piece.text.contains("sk-…abcd"), "{}", piece.text);
                assert!(!copied.contains('…') && !piece.text.contains(REAL), "{copied}");
            }
        }
        assert_eq!(piece_text("curl", 99, &input, None), None);
        assert_eq!(piece_text("nope", 0, &input, None), None);
    }
}

#[test]
fn without_the_secret_texts_have_a_placeholder_and_the_key_cannot_be_copied() {
    let input = input(Platform::Linux);
    assert!(piece_text("curl", 0, &input, None).unwrap().contains("'Authorization: Bearer YOUR_KEY'"));
    assert_eq!(recipe(&input, "other").pieces[1].label, "Key");
    assert_eq!(piece_text("other", 1, &input, None), None);
    let missing = RecipeInput { key: ShownKey::Missing, ..input };
    for recipe in recipes(&missing) {
        let warning = recipe.warning.unwrap_or_default();
        assert!(warning.contains("No keys yet") || recipe.can_open_docker, "{}: {warning}", recipe.id);
    }
}

#[test]
fn recipes_need_no_key_when_keys_are_off() {
    let input = RecipeInput { key: ShownKey::NotNeeded, ..input(Platform::Linux) };
    let list = piece_text("curl", 0, &input, None).unwrap();
    assert_eq!(list, "curl http://127.0.0.1:8000/v1/models");
    // Packages and older versions of Open WebUI require one, and accept any.
    assert!(piece_text("python", 1, &input, None).unwrap().contains("api_key=\"no-key-needed\""));
    assert_eq!(piece_text("openWebUi", 1, &input, None).unwrap(), "no-key-needed");
}

#[test]
fn curl_on_linux() {
    let input = input(Platform::Linux);
    assert_eq!(
        filled(&input, "curl", "Send a prompt"),
        r#"curl -N http://127.0.0.1:8000/v1/chat/completions \
  -H 'Authorization: Bearer sk-cp-0123456789abcd' \
  -H 'Content-Type: application/json' \
  -d '{"model": "codex-local", "stream": true, "messages": [{"role": "user", "content": "Say hello in five words."}]}'"#
    );
}

#[test]
fn curl_on_windows_pipes_the_body_because_powershell_drops_quotes() {
    let input = input(Platform::Windows);
    assert_eq!(
        filled(&input, "curl", "Send a prompt (PowerShell)"),
        r#"'{"model": "codex-local", "stream": true, "messages": [{"role": "user", "content": "Say hello in five words."}]}' | curl.exe -N http://127.0.0.1:8000/v1/chat/completions `
  -H 'Authorization: Bearer sk-cp-0123456789abcd' `
  -H 'Content-Type: application/json' `
  --data-binary '@-'"#
    );
    assert!(filled(&input, "curl", "Send a prompt (Git Bash)").starts_with("curl -N http"));
    assert_eq!(
        filled(&input, "curl", "Send a prompt (Command Prompt)"),
        r#"curl -N http://127.0.0.1:8000/v1/chat/completions ^
  -H "Authorization: Bearer sk-cp-0123456789abcd" ^
  -H "Content-Type: application/json" ^
  -d "{\"model\": \"codex-local\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"Say hello in five words.\"}]}""#
    );
    let variables = filled(&input, "openWebUi", "Or install Open WebUI now (Command Prompt)");
    assert!(
        variables.starts_with("set \"OPENAI_API_BASE_URL=http://127.0.0.1:8000/v1\"\nset \"OPENAI"),
        "{variables}"
    );
    let variables = filled(&input, "other", "Environment variables (PowerShell)");
    assert!(variables.starts_with("$env:OPENAI_BASE_URL = 'http://127.0.0.1:8000/v1'\n"), "{variables}");
}

#[test]
fn a_conversation_as_code_has_all_its_messages_and_the_key_only_when_it_is_known() {
    use crate::pairing::{ChatMessage, ChatRole};
    let message = |role, content: &str| ChatMessage { role, content: content.to_owned() };
    let messages = vec![message(ChatRole::System, "Be brief."), message(ChatRole::User, "Wie geht's?\nOK?")];
    let request = ChatRequest { model: "gpt-5.5".to_owned(), messages };
    let input = input(Platform::Linux);
    let code = |language, key| conversation_code(language, &request, &input, key);
    let real = Key::new(REAL);
    assert_eq!(
        code(CodeLanguage::Curl, Some(&real)),
        r#"curl -N http://127.0.0.1:8000/v1/chat/completions \
  -H 'Authorization: Bearer sk-cp-0123456789abcd' \
  -H 'Content-Type: application/json' \
  -d '{"model": "gpt-5.5", "stream": true, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Wie geht\u0027s?\nOK?"}]}'"#
    );
    let python = code(CodeLanguage::Python, None);
    let lines = r#"    model="gpt-5.5",
    messages=[
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Wie geht's?\nOK?"},
    ],
"#;
    assert!(python.contains(lines) && python.contains("api_key=\"YOUR_KEY\""), "{python}");
    let node = code(CodeLanguage::Node, Some(&real));
    let lines = r#"  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Wie geht's?\nOK?" },
  ],
"#;
    assert!(node.contains(lines) && node.contains(REAL), "{node}");
}

#[test]
fn a_new_container_on_linux() {
    let input = input(Platform::Linux);
    assert_eq!(
        filled(&input, "openWebUiDocker", "Or start a new container"),
        r"docker run -d --name open-webui \
  --add-host=host.docker.internal:host-gateway \
  -p 127.0.0.1:3000:8080 \
  -e OPENAI_API_BASE_URL=http://host.docker.internal:8000/v1 \
  -e OPENAI_API_KEY=sk-cp-0123456789abcd \
  -v open-webui:/app/backend/data \
  --restart always \
  ghcr.io/open-webui/open-webui:main"
    );
    let desktop = filled(&input, "openWebUiDockerDesktop", "Or start a new container");
    assert!(!desktop.contains("--add-host"));
}

#[test]
fn a_warning_explains_why_containers_cannot_connect_and_how_to_fix_it() {
    let none = Docker::default();
    let not_running = Docker { installed: true, bridge: None };
    let masked = ShownKey::masked("abcd");
    for (listen, docker, key, words, can_open) in [
        (Listen::Loopback, BRIDGE, &masked, "also listens on 172.17.0.1", true),
        (Listen::Loopback, BRIDGE, &ShownKey::NotNeeded, "Turn keys on", false),
        (Listen::Loopback, not_running, &masked, "Start it, or choose Docker Desktop", false),
        (Listen::Loopback, none, &masked, "Docker wasn't found", false),
        (Listen::DockerBridge, not_running, &masked, "Start Docker", false),
        (Listen::DockerBridge, BRIDGE, &masked, "", false),
        (Listen::Everywhere, none, &masked, "", false),
    ] {
        let input = RecipeInput { listen, docker, key: key.clone(), ..input(Platform::Linux) };
        let recipe = recipe(&input, "openWebUiDocker");
        assert_eq!(recipe.can_open_docker, can_open, "{listen:?} {docker:?}");
        let warning = recipe.warning.unwrap_or_default();
        assert!(warning.contains(words) && warning.is_empty() == words.is_empty(), "{words}: {warning}");
    }
}

#[test]
fn keys_with_special_characters_are_quoted() {
    let odd = Key::new(r#"it's "odd" \ $HOME"#);
    let text = |id, index| piece_text(id, index, &input(Platform::Linux), Some(&odd)).unwrap();
    assert!(text("curl", 0).contains(r#"'Authorization: Bearer it'\''s "odd" \ $HOME'"#));
    assert!(text("python", 1).contains(r#"api_key="it's \"odd\" \\ $HOME","#));
    assert!(text("node", 1).contains(r#"apiKey: "it's \"odd\" \\ $HOME","#));
    assert_eq!(text("other", 1), odd.reveal());
}

#[test]
fn apps_that_cannot_reach_localhost_are_named() {
    let other = recipe(&input(Platform::Linux), "other");
    assert_eq!(other.warning.as_deref(), Some(CANNOT_REACH_LOCALHOST));
    assert!(CANNOT_REACH_LOCALHOST.contains("Cursor") && !CANNOT_REACH_LOCALHOST.contains("  "));
    let labels: Vec<_> = other.pieces.iter().map(|piece| piece.label.as_str()).collect();
    assert_eq!(labels, ["Base URL", "Key", "Model", "All models", "Environment variables"]);
    assert_eq!(other.pieces[3].text, "gpt-5.5, gpt-5.5-mini");
}

#[test]
fn no_text_has_double_spaces_or_line_breaks() {
    for platform in [Platform::Linux, Platform::MacOs, Platform::Windows] {
        for recipe in recipes(&input(platform)) {
            for text in [recipe.intro, recipe.warning.unwrap_or_default()] {
                assert!(!text.contains("  ") && !text.contains('\n'), "{text}");
            }
        }
    }
}

#[cfg(windows)]
#[test]
fn the_command_prompt_takes_recipes_as_they_are_pasted() {
    use crate::shell::prompt_tests::{pasted, recorder};
    let odd = Key::new(r#"it's "odd" & 50% %PATH%"#);
    for key in [&Key::new(REAL), &odd] {
        let text = |id, label: &str| {
            let input = input(Platform::Windows);
            let index = recipe(&input, id).pieces.iter().position(|piece| piece.label == label).unwrap();
            piece_text(id, index, &input, Some(key)).unwrap()
        };
        let curl = text("curl", "Send a prompt (Command Prompt)").replacen("curl", &recorder(), 1);
        let args = pasted(&curl);
        let header = format!("Authorization: Bearer {}", key.reveal());
        assert_eq!(args[..4], ["-N", "http://127.0.0.1:8000/v1/chat/completions", "-H", header.as_str()]);
        let body: serde_json::Value = serde_json::from_str(args.last().unwrap()).unwrap();
        assert_eq!(body["messages"][0]["content"], "Say hello in five words.");
        let docker = text("openWebUiDockerDesktop", "Or start a new container (Command Prompt)");
        let args = pasted(&docker.replacen("docker", &recorder(), 1));
        let variable = format!("OPENAI_API_KEY={}", key.reveal());
        assert!(args.contains(&variable) && args.last().unwrap().ends_with(":main"), "{args:?}");
        let variables = text("other", "Environment variables (Command Prompt)");
        let args = pasted(&format!("{variables}\n{} \"%OPENAI_BASE_URL%\"", recorder()));
        assert_eq!(args, ["http://127.0.0.1:8000/v1"]);
    }
}
