//! The client packages that the proxy's tests drive it with, for Python and for node: OpenAI's own libraries, LangChain and the
//! Vercel AI SDK.
//!
//! They live below the target folder and are made again only when the files that pin them change. What is tested with
//! them stands in the proxy's tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::child;
use crate::system;
use crate::workspace;

/// Written last, with the very content that was installed: it is there only beside a whole install.
const STAMP: &str = ".made-from";
const NODE_FILES: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];

/// Where the tests find the client packages.
pub(crate) struct Clients {
    pub(crate) python: PathBuf,
    pub(crate) node: PathBuf,
}

impl Clients {
    /// The places, whether or not anything is there yet.
    pub(crate) fn places() -> Result<Self> {
        let shelf = workspace::target()?.join("clients");
        let python = if cfg!(windows) { "python/Scripts/python.exe" } else { "python/bin/python" };
        Ok(Self { python: shelf.join(python), node: shelf.join("node") })
    }

    /// Makes whatever is missing or out of date. Node and Python must be there already.
    pub(crate) fn ensure(&self) -> Result<()> {
        let pins = workspace::root()?.join("src-tauri/crates/proxy/tests/clients");
        self.ensure_python(&pins)?;
        self.ensure_node(&pins)
    }

    fn ensure_python(&self, pins: &Path) -> Result<()> {
        let requirements = pins.join("requirements.txt");
        let wanted = read(&requirements)?;
        let venv = workspace::target()?.join("clients/python");
        if self.python.is_file() && is_made_from(&venv, &wanted) {
            return Ok(());
        }
        let mut make = system::python();
        child::run(make.args(["-m", "venv", "--clear"]).arg(&venv), child::INSTALL_LIMIT)?;
        let mut pip = Command::new(&self.python);
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r"]);
        child::run(pip.arg(&requirements), child::INSTALL_LIMIT)?;
        write(&venv.join(STAMP), &wanted)
    }

    fn ensure_node(&self, pins: &Path) -> Result<()> {
        let mut wanted = String::new();
        for file in NODE_FILES {
            wanted.push_str(&read(&pins.join(file))?);
        }
        if self.node.join("node_modules").is_dir() && is_made_from(&self.node, &wanted) {
            return Ok(());
        }
        fs::create_dir_all(&self.node).with_context(|| format!("{} cannot be made", self.node.display()))?;
        // From here until the new stamp is written, the folder counts as not made.
        let _absent = fs::remove_file(self.node.join(STAMP));
        for file in NODE_FILES {
            write(&self.node.join(file), &read(&pins.join(file))?)?;
        }
        let mut npm = child::npm();
        npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&self.node);
        child::run(&mut npm, child::INSTALL_LIMIT)?;
        write(&self.node.join(STAMP), &wanted)
    }
}

fn is_made_from(folder: &Path, wanted: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|made_from| made_from == wanted)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
