//! The checks: folders, codex, the address and the keys. They leave nothing running, and every wait has a timeout.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use codex_client::{
    CodexConfig, CodexError, Environment, OwnAddresses, SandboxMode, Search, own_folder, probe, probe_agent,
};
use tokio::time::timeout;

use super::{Finding, NextStep, agent_error, cannot_listen, codex_error, location, temporary_home};
use crate::auth::KeyFile;
use crate::changes::has_git;
use crate::models::{backends, catalog};
use crate::settings::Settings;

/// Timeout for finding codex, which may start a login shell.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(20);

/// Timeout for starting codex and probing it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// Timeout for `/health` of the program that listens on the address.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes of `/health` that are read. Ours has about a thousand; anything longer is another program.
const MAX_HEALTH: usize = 64 * 1024;

/// Runs all checks. Creates the data folder if it is missing, as the proxy does when it starts.
pub async fn examine(settings: &Settings, environment: &Environment) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("the settings are valid"), data_folder(&settings.data_dir)];
    let (of_codex, applied) = codex(settings, environment).await;
    findings.extend(of_codex);
    findings.extend(environment.temporary_codex_home().map(|home| temporary_home(&home)));
    findings.push(working_folder(settings, applied));
    findings.extend(folders(settings));
    findings.extend(settings.undo.then(|| undo(environment)));
    findings.push(address(settings.address()).await);
    findings.push(keys(settings));
    findings
}

fn data_folder(folder: &Path) -> Finding {
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::Builder::new().prefix(".doctor-").tempfile_in(folder));
    match written {
        Ok(_) => Finding::ok(format!("the data folder {} is writable", folder.display())),
        Err(error) => Finding::problem(
            format!("the data folder {} is not writable: {error}", folder.display()),
            "Change its permissions, or choose another folder ({data_dir}).",
        ),
    }
}

/// The findings about codex, and the sandbox mode that it chooses for codex-local.
async fn codex(settings: &Settings, environment: &Environment) -> (Vec<Finding>, Option<SandboxMode>) {
    let search = Search {
        setting: settings.codex_path.clone(),
        own: Some(own_folder(&settings.data_dir)),
        environment: environment.clone(),
    };
    let found = match timeout(SEARCH_TIMEOUT, search.run()).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return (vec![codex_error(&error)], None),
        Err(_) => return (vec![codex_error(&CodexError::NotFound)], None),
    };
    let mut findings = vec![location(&found)];
    let own_addresses = OwnAddresses::default();
    own_addresses.add([settings.address()]);
    let (path, data_dir) = (settings.codex_path.as_deref(), &settings.data_dir);
    let config = |config: CodexConfig| CodexConfig { own_addresses: own_addresses.clone(), ..config };
    let plain = probe_within(probe(&config(backends::plain_config(path, environment, data_dir)))).await;
    match &plain {
        Ok(probed) => findings.extend(super::codex(probed)),
        Err(error) => {
            if let Ok(version) = found.version().await {
                findings.push(Finding::note(format!("its version is {version}")));
            }
            findings.push(codex_error(error));
        }
    }
    // codex-local has the user's whole configuration, of which plain models have only a part.
    let (config, profile) =
        (config(backends::agent_config(path, environment, data_dir)), catalog::agent_profile(settings));
    match (plain, probe_within(probe_agent(&config, &profile)).await) {
        (plain, Ok(probed)) => {
            let known = plain.map(|plain| plain.readiness.warnings).unwrap_or_default();
            findings.extend(super::agent(&probed, &known));
            (findings, probed.sandbox)
        }
        (plain, Err(error)) => {
            // Usually both fail for the same reason.
            if plain.err().map(|plain| plain.to_string()) != Some(error.to_string()) {
                findings.push(agent_error(&error));
            }
            (findings, None)
        }
    }
}

async fn probe_within<T>(probe: impl Future<Output = Result<T, CodexError>>) -> Result<T, CodexError> {
    timeout(PROBE_TIMEOUT, probe).await.unwrap_or_else(|_| {
        let reason = format!("no answer within {} s", PROBE_TIMEOUT.as_secs());
        Err(CodexError::StartFailed { reason })
    })
}

/// `applied` is the sandbox mode that codex chooses, which an administrator may have restricted.
fn working_folder(settings: &Settings, applied: Option<SandboxMode>) -> Finding {
    let folder = settings.working_folder();
    let mode = match (applied.unwrap_or(settings.sandbox), settings.sandbox) {
        (applied, set) if applied == set => set.name().to_owned(),
        (SandboxMode::ReadOnly, set) if cfg!(windows) => format!(
            "read-only: codex allows {} once `[windows]` in its config.toml has `sandbox = \"unelevated\"` or `\"elevated\"`",
            set.name()
        ),
        (applied, set) => format!("{}: codex does not allow {} here", applied.name(), set.name()),
    };
    let shown = folder.display();
    match std::fs::metadata(&folder) {
        Ok(found) if !found.is_dir() => Finding::problem(
            format!("the working folder {shown} is not a folder"),
            "Choose a folder ({workspace}).",
        )
        .step(NextStep::ChangePermissions),
        Ok(_) if applied.unwrap_or(settings.sandbox) == SandboxMode::DangerFullAccess => {
            Finding::note(format!("codex-local works in {shown} and may do anything you may ({mode})"))
                .step(NextStep::ChangePermissions)
        }
        Ok(_) => Finding::ok(format!("codex-local works in {shown} ({mode})")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::note(format!("the working folder {shown} ({mode}) will be created at the first start"))
        }
        Err(error) => Finding::problem(
            format!("the working folder {shown} cannot be used: {error}"),
            "Choose another folder ({workspace}).",
        )
        .step(NextStep::ChangePermissions),
    }
}

/// The folders that are models.
fn folders(settings: &Settings) -> impl Iterator<Item = Finding> {
    settings.folders.iter().map(|folder| {
        let (id, shown, mode) =
            (folder.id(), folder.folder.display(), folder.sandbox.unwrap_or(settings.sandbox));
        if !folder.folder.is_dir() {
            let what = format!("{id} cannot be used: the folder {shown} does not exist");
            return Finding::problem(what, "Restore it, or choose another one ({folders}).");
        }
        match mode {
            SandboxMode::DangerFullAccess => {
                Finding::note(format!("{id} works in {shown} and may do anything you may ({})", mode.name()))
            }
            _ => Finding::ok(format!("{id} works in {shown} ({})", mode.name())),
        }
    })
}

fn undo(environment: &Environment) -> Finding {
    if has_git(environment) {
        Finding::ok("git was found; what codex-local changes can be undone")
    } else {
        Finding::note("git isn't installed; what codex-local changes can't be undone without it")
    }
}

async fn address(bind: SocketAddr) -> Finding {
    if bind.port() == 0 {
        return Finding::ok("a free port will be picked");
    }
    // Only for this moment, and without accepting a connection.
    let Err(error) = TcpListener::bind(bind) else {
        return Finding::ok(format!("{bind} is available"));
    };
    let problem = cannot_listen(bind, &error);
    if error.kind() != std::io::ErrorKind::AddrInUse {
        return problem;
    }
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    if is_ours(SocketAddr::new(ip, bind.port())).await.unwrap_or_default() {
        Finding::ok(format!("Codex Proxy is already running on {bind}"))
    } else {
        problem
    }
}

/// Whether Codex Proxy is on `address`; `None` if the program there does not answer in time.
async fn is_ours(address: SocketAddr) -> Option<bool> {
    // Through HTTP_PROXY, the request would reach another computer.
    let client = reqwest::Client::builder().no_proxy().timeout(HEALTH_TIMEOUT).build().ok()?;
    let mut response = client.get(format!("http://{address}/health")).send().await.ok()?;
    // Another program may send an endless body.
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_HEALTH {
            return None;
        }
    }
    let health: serde_json::Value = serde_json::from_slice(&body).ok()?;
    Some(health["status"] == "ok" && health["level"].is_string())
}

fn keys(settings: &Settings) -> Finding {
    if !settings.keys_needed {
        return Finding::note("authentication is off; requests need no key").step(NextStep::OpenKeys);
    }
    let of_file = match KeyFile::in_folder(&settings.data_dir).entries() {
        Ok(entries) => entries.len(),
        Err(error) => {
            let next = "Repair the file, or move it away and create new keys with {new_key}.";
            return Finding::problem(error.to_string(), next).step(NextStep::OpenKeys);
        }
    };
    match settings.api_keys.len() + of_file {
        0 => Finding::note("there is no key yet; the first start creates one and shows it once"),
        1 => Finding::ok("there is 1 key"),
        keys => Finding::ok(format!("there are {keys} keys")),
    }
}
