use std::net::Ipv4Addr;

use super::*;
use crate::pairing::docker::Docker;
use crate::pairing::input::{CANNOT_REACH_LOCALHOST, Platform};
use crate::view::Listen;

const REAL: &str = "sk-cp-0123456789abcd";
const BRIDGE: Docker = Docker { installed: true, bridge: Some(Ipv4Addr::new(172, 17, 0, 1)) };

fn input(platform: Platform) -> RecipeInput {
    RecipeInput {
        port: 8000,
        listen: Listen::Loopback,
        docker: BRIDGE,
        key: ShownKey::masked("abcd"),
        platform,
        model: "codex-local".to_owned(),
        models: vec!["codex-local".to_owned(), "gpt-5.5".to_owned()],
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
fn each_system_gets_its_recipes() {
    let ids = |platform| recipes(&input(platform)).into_iter().map(|recipe| recipe.id).collect::<Vec<_>>();
    let rest = ["curl", "python", "node", "other"];
    assert_eq!(ids(Platform::Linux)[..3], ["openWebUi", "openWebUiDocker", "openWebUiDockerDesktop"]);
    assert_eq!(ids(Platform::Linux)[3..], rest);
    for platform in [Platform::MacOs, Platform::Windows] {
        assert_eq!(ids(platform)[..2], ["openWebUi", "openWebUiDockerDesktop"]);
        assert_eq!(ids(platform)[2..], rest);
    }
}

#[test]
fn the_window_never_gets_the_key_and_the_clipboard_gets_it_wherever_it_belongs() {
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
fn without_the_secret_a_text_says_where_the_key_goes_and_the_key_itself_cannot_be_copied() {
    let input = input(Platform::Linux);
    assert!(piece_text("curl", 0, &input, None).unwrap().contains("'Authorization: Bearer YOUR_KEY'"));
    assert_eq!(recipe(&input, "other").pieces[1].label, "Key");
    assert_eq!(piece_text("other", 1, &input, None), None);
    let missing = RecipeInput { key: ShownKey::Missing, ..input };
    for recipe in recipes(&missing) {
        let warning = recipe.warning.unwrap_or_default();
        assert!(
            warning.contains("There is no key yet") || recipe.can_open_docker,
            "{}: {warning}",
            recipe.id
        );
    }
}

#[test]
fn where_no_key_is_needed_nothing_asks_for_one() {
    let input = RecipeInput { key: ShownKey::NotNeeded, ..input(Platform::Linux) };
    let list = piece_text("curl", 0, &input, None).unwrap();
    assert_eq!(list, "curl http://127.0.0.1:8000/v1/models");
    // Packages and older Open WebUIs insist on one, and any will do.
    assert!(piece_text("python", 1, &input, None).unwrap().contains("api_key=\"no-key-needed\""));
    assert_eq!(piece_text("openWebUi", 1, &input, None).unwrap(), "no-key-needed");
}

#[test]
fn curl_on_linux() {
    let input = input(Platform::Linux);
    assert_eq!(
        filled(&input, "curl", "Ask"),
        r#"curl -N http://127.0.0.1:8000/v1/chat/completions \
  -H 'Authorization: Bearer sk-cp-0123456789abcd' \
  -H 'Content-Type: application/json' \
  -d '{"model": "codex-local", "stream": true, "messages": [{"role": "user", "content": "Say hello in five words."}]}'"#
    );
}

#[test]
fn curl_on_windows_pipes_its_body_since_powershell_would_lose_the_quotes() {
    let input = input(Platform::Windows);
    assert_eq!(
        filled(&input, "curl", "Ask, in PowerShell"),
        r#"'{"model": "codex-local", "stream": true, "messages": [{"role": "user", "content": "Say hello in five words."}]}' | curl.exe -N http://127.0.0.1:8000/v1/chat/completions `
  -H 'Authorization: Bearer sk-cp-0123456789abcd' `
  -H 'Content-Type: application/json' `
  --data-binary '@-'"#
    );
    assert!(filled(&input, "curl", "Ask, in Git Bash").starts_with("curl -N http"));
    let variables = filled(&input, "other", "As variables, in PowerShell");
    assert!(variables.starts_with("$env:OPENAI_BASE_URL = 'http://127.0.0.1:8000/v1'\n"), "{variables}");
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
fn whether_containers_can_come_in_is_said_and_what_opens_the_way() {
    let none = Docker::default();
    let asleep = Docker { installed: true, bridge: None };
    let masked = ShownKey::masked("abcd");
    for (listen, docker, key, words, can_open) in [
        (Listen::Loopback, BRIDGE, &masked, "it also listens on 172.17.0.1", true),
        (Listen::Loopback, BRIDGE, &ShownKey::NotNeeded, "Switch keys on", false),
        (Listen::Loopback, asleep, &masked, "Start Docker and come back", false),
        (Listen::Loopback, none, &masked, "Docker was not found", false),
        (Listen::DockerBridge, asleep, &masked, "restart the proxy", false),
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
fn a_key_of_any_characters_stays_what_it_is() {
    let odd = Key::new(r#"it's "odd" \ $HOME"#);
    let text = |id, index| piece_text(id, index, &input(Platform::Linux), Some(&odd)).unwrap();
    assert!(text("curl", 0).contains(r#"'Authorization: Bearer it'\''s "odd" \ $HOME'"#));
    assert!(text("python", 1).contains(r#"api_key="it's \"odd\" \\ $HOME","#));
    assert!(text("node", 1).contains(r#"apiKey: "it's \"odd\" \\ $HOME","#));
    assert_eq!(text("other", 1), odd.reveal());
}

#[test]
fn clients_that_cannot_work_with_localhost_are_named() {
    let other = recipe(&input(Platform::Linux), "other");
    assert_eq!(other.warning.as_deref(), Some(CANNOT_REACH_LOCALHOST));
    assert!(CANNOT_REACH_LOCALHOST.contains("Cursor") && !CANNOT_REACH_LOCALHOST.contains("  "));
    let labels: Vec<_> = other.pieces.iter().map(|piece| piece.label.as_str()).collect();
    assert_eq!(labels, ["Base URL", "Key", "Model", "All models", "As variables"]);
    assert_eq!(other.pieces[3].text, "codex-local, gpt-5.5");
}

#[test]
fn no_text_has_a_gap_from_a_broken_line() {
    for platform in [Platform::Linux, Platform::MacOs, Platform::Windows] {
        for recipe in recipes(&input(platform)) {
            for text in [recipe.intro, recipe.warning.unwrap_or_default()] {
                assert!(!text.contains("  ") && !text.contains('\n'), "{text}");
            }
        }
    }
}
