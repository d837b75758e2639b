//! `cargo xtask clients`: runs every client against the daemon, behind which is the sample model.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::install::Installer;
use super::list::{CLIENTS, Client};
use super::table::{self, Driven};
use crate::child::{self, KillOnDrop};
use crate::demo::{self, Demo};
use crate::system::{self, Need};
use crate::workspace::{self, Profile};

/// A client needs up to a minute for all its checks.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Drives the clients whose name contains one of `names`, or all, which also writes the table in docs/clients.md.
pub(crate) fn drive(names: &[String]) -> Result<ExitCode> {
    let chosen = |client: &&Client| names.is_empty() || names.iter().any(|name| client.id().contains(name));
    let clients: Vec<&Client> = CLIENTS.iter().filter(chosen).collect();
    if clients.is_empty() {
        bail!("there are only {}", CLIENTS.iter().map(Client::id).collect::<Vec<_>>().join(", "));
    }
    system::ensure(&[Need::CCompiler, Need::Node, Need::Python])?;
    let mut build = workspace::cargo()?;
    build.args(["build", "--bins", "--package", "proxyd", "--package", "sample-model"]);
    child::run(&mut build, child::BUILD_TIMEOUT)?;
    let installer = Installer::new()?;
    let daemon = Daemon::start(&installer.folder("run"))?;
    let driven = clients.into_iter().map(|client| {
        eprintln!("\n== {}", client.name);
        let outcome = installer.install(client).and_then(|release| daemon.drive(&installer, client, release));
        outcome.unwrap_or_else(|error| {
            eprintln!("{} failed: {error:#}", client.name);
            Driven::failed(client.name)
        })
    });
    let driven: Vec<Driven> = driven.collect();
    let text = table::markdown(&driven)?;
    println!("\n{text}");
    if names.is_empty() {
        table::write(&text)?;
    }
    let failed = driven.iter().filter(|driven| !driven.passed()).count();
    println!("{} clients, {failed} failed", driven.len());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The daemon, which stops when dropped; the sample model behind it ends with us.
struct Daemon {
    address: String,
    /// Its working folder, and that of what the clients write. Not the system's temporary folder, below which codex has no
    /// sandbox.
    folder: PathBuf,
    _process: KillOnDrop,
    _demo: Demo,
}

impl Daemon {
    fn start(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let args = ["--port".into(), "0".into()];
        let mut program = Command::new(workspace::built_binary(Profile::Dev, "codex-proxyd")?);
        let demo = Demo::prepare(&mut program, &args, false)?;
        program.args(args).env("API_KEYS", demo::KEY).current_dir(folder).stdout(Stdio::piped());
        program.stderr(create(&folder.join("codex-proxyd.log"))?);
        child::print_command(&program);
        let mut process = KillOnDrop(program.spawn().context("cannot start codex-proxyd")?);
        let lines = child::read_lines(process.0.stdout.take().context("stdout was not piped")?);
        let address = demo::read_address(&lines)?;
        // A full pipe would block it.
        thread::spawn(move || lines.into_iter().for_each(drop));
        Ok(Self { address, folder: folder.to_owned(), _process: process, _demo: demo })
    }

    fn drive(&self, installer: &Installer, client: &Client, release: String) -> Result<Driven> {
        let log = installer.folder(&format!("{}.log", client.id()));
        let mut command = installer.command(client)?;
        command
            .env("BASE_URL", format!("{}/v1", self.address))
            .env("API_KEY", demo::KEY)
            .env("PYTHONUTF8", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .current_dir(&self.folder)
            .stderr(create(&log)?);
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(variable);
        }
        let mut driven = Driven::new(client.name, release);
        let status = child::stream_lines(&mut command, CLIENT_TIMEOUT, |line| {
            let line = String::from_utf8_lossy(line);
            print!("{line}");
            driven.record(&line);
        });
        // The checks until then count, and it fails as a whole.
        if !status.is_ok_and(|status| status.success()) {
            driven.broke();
        }
        if !driven.passed() {
            eprintln!("{} failed; see {}", client.name, log.display());
        }
        Ok(driven)
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}
