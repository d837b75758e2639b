//! The recipes for Open WebUI: on this machine, in Docker on Linux, in Docker Desktop.
//!
//! The three differ in the address by which Open WebUI reaches us, and in what must be so for that. The commands start a new
//! Open WebUI for this machine only: the first who opens it becomes its administrator. One that has run before keeps its
//! own settings and ignores what a command says, so the base URL and the key come first.

use super::docker::BRIDGE_NAME;
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
    Recipe {
        id: "openWebUi".to_owned(),
        title: "Open WebUI on this machine".to_owned(),
        intro: intro(filled),
        pieces,
        warning: filled.no_key_warning(),
        can_open_docker: false,
    }
}

/// Open WebUI in a container, on Linux without Docker Desktop.
pub(super) fn in_docker(filled: &Filled<'_>) -> Recipe {
    let host_gateway = format!("--add-host={BRIDGE_NAME}:host-gateway");
    let mut pieces = connection(filled, &container_url(filled));
    let command = docker_run(Shell::Posix, filled, Some(&host_gateway));
    pieces.push(code("Or start a new container", command));
    let compose = format!("extra_hosts:\n  - \"{BRIDGE_NAME}:host-gateway\"");
    pieces.push(code("With Docker Compose, add to the service", compose));
    let (warning, can_open_docker) = match reach(filled) {
        Reach::Fine => (filled.no_key_warning(), false),
        Reach::CanBeOpened(warning) => (Some(warning), true),
        Reach::No(warning) => (Some(warning), false),
    };
    Recipe {
        id: "openWebUiDocker".to_owned(),
        title: "Open WebUI in Docker on Linux".to_owned(),
        intro: format!("{} The container must be started with `{host_gateway}`.", intro(filled)),
        pieces,
        warning,
        can_open_docker,
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
    Recipe {
        id: "openWebUiDockerDesktop".to_owned(),
        title: "Open WebUI in Docker Desktop".to_owned(),
        intro: format!("{} {lead}", intro(filled)),
        pieces,
        warning: filled.no_key_warning(),
        can_open_docker: false,
    }
}

/// Whether a container reaches the proxy.
enum Reach {
    Fine,
    /// Not yet, and one setting makes it so.
    CanBeOpened(String),
    No(String),
}

fn reach(filled: &Filled<'_>) -> Reach {
    let input = filled.input;
    if input.listen == Listen::Everywhere {
        return Reach::Fine;
    }
    match (input.docker.bridge, input.listen) {
        (Some(_), Listen::DockerBridge) => Reach::Fine,
        (Some(_), _) if !filled.key_is_needed() => Reach::No(
            "Containers cannot reach the proxy: without keys it listens for this machine only. Switch keys on under \
             Keys, then open it to Docker."
                .to_owned(),
        ),
        (Some(bridge), _) => Reach::CanBeOpened(format!(
            "Containers cannot reach the proxy yet: it listens on 127.0.0.1 only. Opened to Docker, it also listens on \
             {bridge}, which this machine and its containers can reach and nobody else in the network is meant to."
        )),
        (None, Listen::DockerBridge) => Reach::No(
            "Docker's bridge (docker0) is not there, so containers cannot reach the proxy. Start Docker, then restart \
             the proxy."
                .to_owned(),
        ),
        (None, _) if input.docker.installed => Reach::No(
            "Docker's bridge (docker0) is not there. Start Docker and come back; if yours is Docker Desktop, use its \
             recipe."
                .to_owned(),
        ),
        (None, _) => Reach::No("Docker was not found on this machine.".to_owned()),
    }
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
