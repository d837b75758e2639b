//! The Python and node client packages that the proxy's tests use: OpenAI's libraries, LangChain and the Vercel AI SDK.
//!
//! `cargo xtask clients` drives more of them, in their current releases.
//!
//! They are installed below the target folder, and reinstalled only when the files that pin their versions change.

mod drive;
mod install;
mod list;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;
use crate::system;
use crate::workspace;

pub(crate) use drive::drive;

const NODE_FILES: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];

pub(crate) struct Clients {
    pub(crate) python: PathBuf,
    pub(crate) node: PathBuf,
}

impl Clients {
    /// Where the packages go, whether or not they are installed.
    pub(crate) fn paths() -> Result<Self> {
        let folder = workspace::target()?.join("clients");
        let python = if cfg!(windows) { "python/Scripts/python.exe" } else { "python/bin/python" };
        Ok(Self { python: folder.join(python), node: folder.join("node") })
    }

    /// Checks the spelling of the whole project. The checker comes from the same package index as the Python clients.
    pub(crate) fn check_spelling(&self) -> Result<()> {
        let mut typos = Command::new(self.python.with_file_name(workspace::exe_name("typos")));
        child::run(typos.current_dir(workspace::root()?), child::INSTALL_TIMEOUT)
    }

    /// Installs what is missing or out of date. Node and Python must be installed already.
    pub(crate) fn ensure(&self) -> Result<()> {
        let pins = workspace::root()?.join("src-tauri/crates/proxy/tests/clients");
        self.ensure_python(&pins)?;
        self.ensure_node(&pins)
    }

    fn ensure_python(&self, pins: &Path) -> Result<()> {
        let requirements = pins.join("requirements.txt");
        let venv = workspace::target()?.join("clients/python");
        workspace::make_if_changed(&read(&requirements)?, &venv, || {
            child::run(system::python().args(["-m", "venv", "--clear"]).arg(&venv), child::INSTALL_TIMEOUT)?;
            let mut pip = Command::new(&self.python);
            pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r"]);
            child::run(pip.arg(&requirements), child::INSTALL_TIMEOUT)
        })
    }

    fn ensure_node(&self, pins: &Path) -> Result<()> {
        let files = NODE_FILES.map(|file| Ok((file, read(&pins.join(file))?)));
        let files = files.into_iter().collect::<Result<Vec<_>>>()?;
        let wanted: String = files.iter().map(|(_, text)| text.as_str()).collect();
        workspace::make_if_changed(&wanted, &self.node.join("node_modules"), || {
            fs::create_dir_all(&self.node)
                .with_context(|| format!("cannot create {}", self.node.display()))?;
            for (file, text) in &files {
                let path = self.node.join(file);
                fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            }
            let mut npm = child::npm();
            npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&self.node);
            child::run(&mut npm, child::INSTALL_TIMEOUT)
        })
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
