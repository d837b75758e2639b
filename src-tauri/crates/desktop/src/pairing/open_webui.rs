//! The recipes for Open WebUI: on this machine, in Docker on Linux, in Docker Desktop.
//!
//! The three differ in the address by which Open WebUI reaches us, and in what must be so for that. The commands start a new
//! Open WebUI for this machine only: the first who opens it becomes its administrator. One that has run before keeps its
//! own settings and ignores what a command says, so the base URL and the key come first.

use super::docker::{BRIDGE_NAME, Docker};
use super::input::{Filled, Platform, Shell, code, line};
use super::quote;
use super::types::{Recipe, RecipePiece};
use crate::view::Listen;

/// Where Open WebUI is set up for us.
const WHERE: &str = "In Open WebUI: Admin Panel → Settings → Connections → OpenAI API → +.";

/// Open WebUI that was installed on this machine.
pub(super) fn on_this_machine(filled: &Filled<'_>) -> Recipe {
    let url = filled.url("");
    let mut pieces = connection(filled, &url);
    if let Some(shell) = filled.input.platform.shells().first() {
        let serve = "uvx --python 3.11 open-webui@latest serve --host 127.0.0.1";
        let key = &filled.key;
        let command = match shell {
            Shell::Windows => format!(
                "$env:OPENAI_API_BASE_URL = {}\n$env:OPENAI_API_KEY = {}\n{serve}",
                quote::powershell_string(&url),
                quote::powershell_string(key),
            ),
            Shell::Posix | Shell::GitBash => format!(
                "OPENAI_API_BASE_URL={} \\\n  OPENAI_API_KEY={} \\\n  {serve}",
                quote::posix(&url),
                quote::posix(key),
            ),
        };
        pieces.push(code(&format!("Or start a new one{}", shell.in_words()), command));
    }
    filled.recipe("openWebUi", "Open WebUI on this machine", intro(filled), pieces)
}

/// Open WebUI in a container, on Linux without Docker Desktop.
pub(super) fn in_docker(filled: &Filled<'_>) -> Recipe {
    let host_gateway = format!("--add-host={BRIDGE_NAME}:host-gateway");
    let mut pieces = connection(filled, &container_url(filled));
    let command = docker_run(Shell::Posix, filled, Some(&host_gateway));
    pieces.push(code("Or start a new container", command));
    let compose = format!("extra_hosts:\n  - \"{BRIDGE_NAME}:host-gateway\"");
    pieces.push(code("With Docker Compose, add to the service", compose));
    let intro = format!("{} The container must be started with `{host_gateway}`.", intro(filled));
    let recipe = filled.recipe("openWebUiDocker", "Open WebUI in Docker on Linux", intro, pieces);
    match out_of_reach(filled) {
        Some((warning, can_open_docker)) => Recipe { warning: Some(warning), can_open_docker, ..recipe },
        None => recipe,
    }
}

/// Open WebUI in a container of Docker Desktop.
pub(super) fn in_docker_desktop(filled: &Filled<'_>) -> Recipe {
    let mut pieces = connection(filled, &container_url(filled));
    // Only the usual shell: Git Bash would take the container's path for one of its own, and change it.
    if let Some(shell) = filled.input.platform.shells().first() {
        let label = format!("Or start a new container{}", shell.in_words());
        pieces.push(code(&label, docker_run(*shell, filled, None)));
    }
    let lead = format!("Docker Desktop leads {BRIDGE_NAME} to this machine, so nothing has to be opened.");
    let intro = format!("{} {lead}", intro(filled));
    filled.recipe("openWebUiDockerDesktop", "Open WebUI in Docker Desktop", intro, pieces)
}

/// Why no container reaches the proxy, if none does, and whether one setting makes it so.
fn out_of_reach(filled: &Filled<'_>) -> Option<(String, bool)> {
    let Docker { installed, bridge } = filled.input.docker;
    let why = match (bridge, filled.input.listen) {
        (_, Listen::Everywhere) | (Some(_), Listen::DockerBridge) => return None,
        (Some(bridge), Listen::Loopback) if filled.key_is_needed() => {
            let warning = format!(
                "Containers cannot reach the proxy yet: it listens on 127.0.0.1 only. Opened to Docker, it also listens on \
                 {bridge}, which this machine and its containers can reach and nobody else in the network is meant to."
            );
            return Some((warning, true));
        }
        (Some(_), Listen::Loopback) => {
            "Containers cannot reach the proxy: without keys it listens for this machine only. Switch keys on under \
             Keys, then open it to Docker."
        }
        (None, Listen::DockerBridge) => {
            "Docker's bridge (docker0) is not there, so containers cannot reach the proxy. Start Docker, then restart \
             the proxy."
        }
        (None, Listen::Loopback) if installed => {
            "Docker's bridge (docker0) is not there. Start Docker and come back; if yours is Docker Desktop, use its \
             recipe."
        }
        (None, Listen::Loopback) => "Docker was not found on this machine.",
    };
    Some((why.to_owned(), false))
}

fn intro(filled: &Filled<'_>) -> String {
    format!("{WHERE} Save, then choose {} in a new chat.", filled.input.model)
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

/// Which of the three a system has. Docker Desktop is on Linux, too; Docker's own bridge is nowhere else.
pub(super) fn all(filled: &Filled<'_>) -> Vec<Recipe> {
    let mut recipes = vec![on_this_machine(filled)];
    if filled.input.platform == Platform::Linux {
        recipes.push(in_docker(filled));
    }
    recipes.push(in_docker_desktop(filled));
    recipes
}
