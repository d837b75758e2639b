//! Goes and sees: folders, codex, the address and the keys. Nothing is left running, and every wait has a limit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use codex_client::{CodexError, Environment, SandboxMode, Search, probe};
use tokio::time::timeout;

use super::{Finding, cannot_listen, of_codex, of_error, of_place, of_temporary_home};
use crate::auth::KeyFile;
use crate::models::backends;
use crate::settings::Settings;

/// How long the search for codex may take; a login shell may be asked.
const SEARCH_LIMIT: Duration = Duration::from_secs(20);

/// How long codex may take to start and tell what it is.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// How long whoever listens on our address may take to say who it is.
const GREETING_LIMIT: Duration = Duration::from_secs(3);

/// Bytes of a greeting; ours has a thousand. A longer one is not ours.
const MAX_GREETING: usize = 64 * 1024;

/// Makes every check. The data folder is made if it is not there, as a start does.
pub async fn examine(settings: &Settings, environment: &Environment) -> Vec<Finding> {
    let mut findings = vec![Finding::good("the settings can be used"), data_folder(&settings.data_dir)];
    findings.extend(codex(settings, environment).await);
    findings.extend(environment.temporary_codex_home().map(|home| of_temporary_home(&home)));
    findings.push(working_folder(settings));
    findings.push(address(settings.address()).await);
    findings.push(keys(settings));
    findings
}

fn data_folder(folder: &Path) -> Finding {
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::Builder::new().prefix(".doctor-").tempfile_in(folder));
    match written {
        Ok(_) => Finding::good(format!("the data folder {} can be written", folder.display())),
        Err(error) => Finding::wrong(
            format!("the data folder {} cannot be written: {error}", folder.display()),
            "Allow yourself to write there, or name another with --data-dir.",
        ),
    }
}

async fn codex(settings: &Settings, environment: &Environment) -> Vec<Finding> {
    // As in a start: our keys are none of codex's business.
    let environment = environment.clone().without("API_KEYS");
    let search = Search { setting: settings.codex_path.clone(), environment: environment.clone() };
    let found = match timeout(SEARCH_LIMIT, search.run()).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return vec![of_error(&error)],
        Err(_) => return vec![of_error(&CodexError::NotFound)],
    };
    let mut findings = vec![of_place(&found)];
    // The working folder may not have been made yet.
    let working_folder = settings.working_folder();
    let folder = [working_folder.as_path(), &settings.data_dir].into_iter().find(|folder| folder.is_dir());
    let Some(folder) = folder.or_else(|| found.path.parent()) else { return findings };
    let config =
        backends::plain_config(settings.codex_path.as_deref(), &environment, folder, &settings.data_dir);
    match timeout(PROBE_LIMIT, probe(&config)).await {
        Ok(Ok(probed)) => findings.extend(of_codex(&probed)),
        Ok(Err(error)) => {
            if let Ok(version) = found.version().await {
                findings.push(Finding::aside(format!("it calls itself codex {version}")));
            }
            findings.push(of_error(&error));
        }
        Err(_) => {
            let reason = format!("it was silent for {} s", PROBE_LIMIT.as_secs());
            findings.push(of_error(&CodexError::StartFailed { reason }));
        }
    }
    findings
}

fn working_folder(settings: &Settings) -> Finding {
    let (folder, mode) = (settings.working_folder(), settings.sandbox.name());
    let shown = folder.display();
    match std::fs::metadata(&folder) {
        Ok(found) if !found.is_dir() => Finding::wrong(
            format!("the working folder {shown} is no folder"),
            "Name a folder with --workspace or CODEX_WORKSPACE.",
        ),
        Ok(_) if settings.sandbox == SandboxMode::DangerFullAccess => {
            Finding::aside(format!("codex-local works in {shown} and may do whatever you may ({mode})"))
        }
        Ok(_) => Finding::good(format!("codex-local works in {shown} ({mode})")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::aside(format!("the working folder {shown} ({mode}) is made at the first start"))
        }
        Err(error) => Finding::wrong(
            format!("the working folder {shown} cannot be used: {error}"),
            "Name another with --workspace or CODEX_WORKSPACE.",
        ),
    }
}

async fn address(bind: SocketAddr) -> Finding {
    if bind.port() == 0 {
        return Finding::good("a start takes a port that is free");
    }
    // It is listened on for this moment only, and nobody is let in.
    let Err(error) = TcpListener::bind(bind) else {
        return Finding::good(format!("{bind} is free to listen on"));
    };
    let (what, next) = cannot_listen(bind, &error);
    if error.kind() != std::io::ErrorKind::AddrInUse {
        return Finding::wrong(what, format!("{next}."));
    }
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    match our_version(SocketAddr::new(ip, bind.port())).await {
        Some(version) => Finding::good(format!("Codex Proxy {version} already answers on {bind}")),
        None => Finding::wrong(what, format!("End that program, or: {}.", lower_first(next))),
    }
}

/// The version of the Codex Proxy that listens on `address`; `None` for another program, or one that does not answer in time.
async fn our_version(address: SocketAddr) -> Option<String> {
    // Past the user's HTTP_PROXY, which would ask another machine.
    let client = reqwest::Client::builder().no_proxy().timeout(GREETING_LIMIT).build().ok()?;
    let mut response = client.get(format!("http://{address}/health")).send().await.ok()?;
    // Whoever listens may send without end.
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_GREETING {
            return None;
        }
    }
    let health: serde_json::Value = serde_json::from_slice(&body).ok()?;
    let version = health["version"].as_str().filter(|_| health["codex"]["state"].is_string())?;
    Some(version.chars().take(20).collect())
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn keys(settings: &Settings) -> Finding {
    if !settings.keys_needed {
        return Finding::aside("no keys are needed (--no-auth)");
    }
    let of_file = match KeyFile::in_folder(&settings.data_dir).entries() {
        Ok(entries) => entries.len(),
        Err(error) => {
            let next = "Mend the file, or move it away and make keys anew with `codex-proxyd key new NAME`.";
            return Finding::wrong(error.to_string(), next);
        }
    };
    match settings.api_keys.len() + of_file {
        0 => Finding::aside("there is no key yet; the first start makes one and shows it once"),
        1 => Finding::good("there is 1 key"),
        keys => Finding::good(format!("there are {keys} keys")),
    }
}
