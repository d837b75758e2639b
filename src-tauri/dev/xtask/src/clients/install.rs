//! Installs the current release of each client into a separate folder, since their dependencies clash.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::list::{Client, Registry};
use crate::child;
use crate::system;
use crate::workspace;

/// Some clients need a newer node than systems have.
const NODE: &str = "node@24";
/// Installs Python packages in seconds, where pip needs minutes.
const UV: &str = "uv";

const BIN: &str = if cfg!(windows) { "Scripts" } else { "bin" };

/// The folder below the target folder with every client, and with what installs them.
pub(super) struct Installer {
    root: PathBuf,
}

impl Installer {
    pub(super) fn new() -> Result<Self> {
        let root = workspace::target()?.join("all-clients");
        let installer = Self { root };
        let mut venv = system::python();
        child::run(venv.args(["-m", "venv"]).arg(installer.folder(UV)), child::INSTALL_TIMEOUT)?;
        let mut pip = Command::new(installer.folder(UV).join(BIN).join(workspace::exe_name("python")));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", UV]);
        child::run(&mut pip, child::INSTALL_TIMEOUT)?;
        installer.npm_install("node", &[NODE.to_owned()])?;
        Ok(installer)
    }

    pub(super) fn folder(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    /// Installs or updates a client, and returns its release.
    pub(super) fn install(&self, client: &Client) -> Result<String> {
        let folder = self.folder(&client.id());
        match client.registry {
            Registry::PyPi => {
                let uv = || Command::new(self.folder(UV).join(BIN).join(workspace::exe_name("uv")));
                let mut venv = uv();
                venv.args(["venv", "--quiet", "--clear", "--python"]).arg(system::python().get_program());
                child::run(venv.arg(&folder), child::INSTALL_TIMEOUT)?;
                let mut pip = uv();
                pip.args(["pip", "install", "--quiet", "--python"]).arg(python(&folder));
                child::run(pip.args(client.packages), child::INSTALL_TIMEOUT)?;
                let name = client.packages[0].split('[').next().unwrap_or_default();
                let version = format!("from importlib import metadata; print(metadata.version('{name}'))");
                child::output(Command::new(python(&folder)).args(["-c", &version]), child::PROBE_TIMEOUT)
            }
            Registry::Npm => {
                let latest = client.packages.iter().map(|package| format!("{package}@latest"));
                self.npm_install(&client.id(), &latest.collect::<Vec<_>>())?;
                let package = folder.join("node_modules").join(client.packages[0]).join("package.json");
                let package: Value = serde_json::from_str(&read(&package)?)?;
                Ok(package["version"].as_str().context("the package has no version")?.to_owned())
            }
        }
    }

    fn npm_install(&self, id: &str, packages: &[String]) -> Result<()> {
        let folder = self.folder(id);
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        // Without one, npm would install into the nearest parent that has one.
        let package = folder.join("package.json");
        fs::write(&package, "{\"private\": true}")
            .with_context(|| format!("cannot write {}", package.display()))?;
        let mut npm = child::npm();
        npm.args(["install", "--no-audit", "--no-fund", "--silent"]).args(packages).current_dir(&folder);
        child::run(npm.env("PATH", self.path(&folder)?), child::INSTALL_TIMEOUT)
    }

    /// Where the programs of a client are found: with npm, which picks releases that run on the node it runs on.
    pub(super) fn path(&self, folder: &Path) -> Result<OsString> {
        let node = self.folder("node").join("node_modules/node/bin");
        let own = [folder.join(BIN), folder.join("node_modules/.bin"), node];
        let inherited = env::var_os("PATH").unwrap_or_default();
        env::join_paths(own.into_iter().chain(env::split_paths(&inherited))).context("cannot set PATH")
    }

    /// The interpreter and its script, which node runs only next to the packages.
    pub(super) fn command(&self, client: &Client) -> Result<Command> {
        let folder = self.folder(&client.id());
        let scripts = workspace::root()?.join("src-tauri/dev/clients");
        let script = scripts.join(client.script);
        let mut command = if client.script.ends_with(".mjs") {
            for name in ["harness.mjs", client.script] {
                fs::copy(scripts.join(name), folder.join(name))
                    .with_context(|| format!("cannot copy {name}"))?;
            }
            let mut node = Command::new(
                self.folder("node").join("node_modules/node/bin").join(workspace::exe_name("node")),
            );
            node.arg(folder.join(client.script));
            node
        } else {
            let mut python = match client.registry {
                Registry::PyPi => Command::new(python(&folder)),
                Registry::Npm => system::python(),
            };
            python.arg(script);
            python
        };
        command.env("PATH", self.path(&folder)?);
        Ok(command)
    }
}

fn python(folder: &Path) -> PathBuf {
    folder.join(BIN).join(workspace::exe_name("python"))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
