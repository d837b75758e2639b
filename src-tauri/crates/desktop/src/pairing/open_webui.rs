//! The recipes for Open WebUI: on this computer, in Docker on Linux, in Docker Desktop.
//!
//! They differ in the proxy's address and its requirements. The commands start a new Open WebUI on loopback only, because its
//! first visitor becomes the administrator. An existing one ignores these variables, so the base URL and the key come first.

use super::code::set_variable;
use super::docker::{BRIDGE_NAME, Docker};
use super::input::{Filled, RecipeInput, Shell, ShownKey, code, line};
use super::types::{Recipe, RecipePiece};
use crate::shell::{self, Platform};
use crate::view::Listen;

/// Where to add the connection in Open WebUI.
const WHERE_TO_CONNECT: &str = "In Open WebUI: Admin Panel → Settings → Connections → OpenAI API → +.";

/// Where to turn images on in Open WebUI.
const WHERE_TO_SET_IMAGES: &str = "In Open WebUI: Admin Panel → Settings → Images. Turn on Image Generation, choose the engine Open AI, paste these \
     and save. Image Edit takes the same. It needs a Codex that is signed in with ChatGPT.";

/// The model to enter there.
pub(super) const IMAGE_MODEL: &str = "gpt-image-1";

/// The end of the id of a recipe for images; the rest is the place.
const IMAGES: &str = "Images";

/// Open WebUI installed on this computer.
pub(super) fn on_this_computer(filled: &Filled<'_>) -> Recipe {
    let url = filled.url("");
    let mut pieces = connection(filled, &url);
    for shell in own_shells(filled) {
        let serve = "uvx --python 3.11 open-webui@latest serve --host 127.0.0.1";
        let variables = [("OPENAI_API_BASE_URL", url.as_str()), ("OPENAI_API_KEY", &filled.key)];
        let lines = variables.map(|(name, value)| match shell {
            Shell::PowerShell | Shell::Cmd => format!("{}\n", set_variable(shell, name, value)),
            Shell::Posix | Shell::GitBash => format!("{name}={} \\\n  ", shell::posix(value)),
        });
        let command = format!("{}{serve}", lines.concat());
        pieces.push(code(&format!("Or install Open WebUI now{}", shell.label_suffix()), command));
    }
    filled.recipe("openWebUi", "Open WebUI on this computer", intro(filled), pieces)
}

/// The shells of the system's own. Git Bash would rewrite a container's path.
fn own_shells(filled: &Filled<'_>) -> impl Iterator<Item = Shell> {
    filled.input.platform.shells().iter().copied().filter(|shell| *shell != Shell::GitBash)
}

/// Open WebUI in a container on Linux, without Docker Desktop.
pub(super) fn in_docker(filled: &Filled<'_>) -> Recipe {
    let host_gateway = format!("--add-host={BRIDGE_NAME}:host-gateway");
    let mut pieces = connection(filled, &container_url(filled));
    let command = docker_run(Shell::Posix, filled, Some(&host_gateway));
    pieces.push(code("Or start a new container", command));
    let compose = format!("extra_hosts:\n  - \"{BRIDGE_NAME}:host-gateway\"");
    pieces.push(code("For Docker Compose, add to the service", compose));
    let intro = format!("{} Start the container with `{host_gateway}`.", intro(filled));
    let recipe = filled.recipe("openWebUiDocker", "Open WebUI in Docker on Linux", intro, pieces);
    match unreachable_reason(filled.input) {
        Some((warning, can_open_docker)) => Recipe { warning: Some(warning), can_open_docker, ..recipe },
        None => recipe,
    }
}

/// Open WebUI in a Docker Desktop container.
pub(super) fn in_docker_desktop(filled: &Filled<'_>) -> Recipe {
    let mut pieces = connection(filled, &container_url(filled));
    for shell in own_shells(filled) {
        let label = format!("Or start a new container{}", shell.label_suffix());
        pieces.push(code(&label, docker_run(shell, filled, None)));
    }
    let route = format!(
        "Docker Desktop routes {BRIDGE_NAME} to this computer, so no other setting is needed. OrbStack, Colima and Rancher \
         Desktop do the same; in Podman, use host.containers.internal instead."
    );
    let intro = format!("{} {route}", intro(filled));
    filled.recipe("openWebUiDockerDesktop", "Open WebUI in Docker Desktop", intro, pieces)
}

/// Why containers cannot connect, if so, and whether one setting fixes it.
pub(super) fn unreachable_reason(input: &RecipeInput) -> Option<(String, bool)> {
    let Docker { installed, bridge } = input.docker;
    let why = match (bridge, input.listen) {
        (_, Listen::Everywhere) | (Some(_), Listen::DockerBridge) => return None,
        (Some(bridge), Listen::Loopback) if input.key != ShownKey::NotNeeded => {
            let warning = format!(
                "Containers can't connect yet, because the proxy accepts only apps on this computer. If you allow them, it \
                 also listens on {bridge}, which is meant for this computer and its containers only."
            );
            return Some((warning, true));
        }
        (Some(_), Listen::Loopback) => {
            "Containers can't connect while keys are off. Turn keys on under Keys, then allow Docker containers."
        }
        (None, Listen::DockerBridge) => {
            "Docker isn't running, so containers can't connect. Start Docker; the proxy then listens for them."
        }
        (None, Listen::Loopback) if installed => "Docker isn't running. Start it, or choose Docker Desktop.",
        (None, Listen::Loopback) => {
            "Docker wasn't found on this computer. Install it, or choose Docker Desktop."
        }
    };
    Some((why.to_owned(), false))
}

fn intro(filled: &Filled<'_>) -> String {
    format!("{WHERE_TO_CONNECT} Paste both, save, then choose {} in a new chat.", filled.input.model)
}

fn connection(filled: &Filled<'_>, url: &str) -> Vec<RecipePiece> {
    vec![line("Base URL", url.to_owned()), line("Key", filled.key.clone())]
}

fn container_url(filled: &Filled<'_>) -> String {
    format!("http://{BRIDGE_NAME}:{}/v1", filled.input.port)
}

fn docker_run(shell: Shell, filled: &Filled<'_>, add_host: Option<&str>) -> String {
    let mut options: Vec<Vec<String>> = Vec::new();
    options.extend(add_host.map(|add_host| vec![add_host.to_owned()]));
    for (option, value) in [
        ("-p", "127.0.0.1:3000:8080"),
        ("-e", &format!("OPENAI_API_BASE_URL={}", container_url(filled))),
        ("-e", &format!("OPENAI_API_KEY={}", filled.key)),
        ("-v", "open-webui:/app/backend/data"),
        ("--restart", "always"),
    ] {
        options.push(vec![option.to_owned(), value.to_owned()]);
    }
    options.push(vec!["ghcr.io/open-webui/open-webui:main".to_owned()]);
    shell.lines(&["docker", "run", "-d", "--name", "open-webui"], &options)
}

/// The settings for images, which are those of the connection again. A model of this family lets the service choose the size.
fn images(filled: &Filled<'_>, place: &Recipe, url: &str) -> Recipe {
    let mut pieces = connection(filled, url);
    pieces.push(line("Model", IMAGE_MODEL.to_owned()));
    let id = format!("{}{IMAGES}", place.id);
    filled.recipe(&id, "Images in Open WebUI", WHERE_TO_SET_IMAGES.to_owned(), pieces)
}

/// The recipes for the system. Docker Desktop exists on Linux too; the Docker bridge only there.
pub(super) fn all(filled: &Filled<'_>) -> Vec<Recipe> {
    let mut recipes = vec![on_this_computer(filled)];
    if filled.input.platform == Platform::Linux {
        recipes.push(in_docker(filled));
    }
    recipes.push(in_docker_desktop(filled));
    let place = likely_place(filled.input);
    for recipe in &mut recipes {
        recipe.suggested = recipe.id == place;
    }
    let urls = [filled.url(""), container_url(filled)];
    let of_images: Vec<Recipe> = recipes
        .iter()
        .map(|place| images(filled, place, &urls[usize::from(place.id != "openWebUi")]))
        .collect();
    recipes.extend(of_images);
    recipes
}

/// Where Open WebUI probably runs: most run it in Docker.
fn likely_place(input: &RecipeInput) -> &'static str {
    match (input.platform, input.docker) {
        (Platform::Linux, Docker { bridge: Some(_), .. }) => "openWebUiDocker",
        (_, Docker { installed: true, .. }) => "openWebUiDockerDesktop",
        _ => "openWebUi",
    }
}
