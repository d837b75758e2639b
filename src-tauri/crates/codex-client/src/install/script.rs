//! Finds the program behind a script of a Node package manager on Windows.
//!
//! npm's `codex.cmd` starts Node, which starts `codex.exe`. Started directly, there is neither a `cmd` nor a Node process
//! in between, and no argument passes through cmd's quoting. A script or package of another shape is started as it is.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The packages of codex for Windows, each with the folder below `vendor` that has its programs.
const PACKAGES: [(&str, &str); 2] =
    [("codex-win32-x64", "x86_64-pc-windows-msvc"), ("codex-win32-arm64", "aarch64-pc-windows-msvc")];

/// The beginning of a script that is read; npm's has 400 bytes.
const MAX_SCRIPT_BYTES: u64 = 16 * 1024;

/// The `codex.exe` that the script starts, if it is one of npm's or pnpm's for codex.
pub(super) fn program_behind(script: &Path) -> Option<PathBuf> {
    let extension = script.extension()?;
    if !["cmd", "bat"].iter().any(|known| extension.eq_ignore_ascii_case(known)) {
        return None;
    }
    let mut text = Vec::new();
    File::open(script).ok()?.take(MAX_SCRIPT_BYTES).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    let folder = script.parent()?;
    let quoted = text.split('"').skip(1).step_by(2);
    // pnpm's script names its target through a link.
    let real = quoted.filter_map(|quoted| dunce::canonicalize(below(folder, quoted)?).ok());
    let target = real.into_iter().find(|path| path.ends_with("codex.exe") || path.ends_with("codex.js"))?;
    if target.ends_with("codex.exe") {
        return Some(target);
    }
    // Where Node looks for a package: in the `node_modules` of every folder above.
    let package = target.parent()?.parent()?;
    let programs = package.ancestors().flat_map(|folder| {
        PACKAGES.map(|(name, system)| {
            let vendor = folder.join("node_modules").join("@openai").join(name).join("vendor");
            vendor.join(system).join("bin").join("codex.exe")
        })
    });
    programs.into_iter().find(|path| path.is_file())
}

/// The path that a script names relative to its own folder.
fn below(folder: &Path, quoted: &str) -> Option<PathBuf> {
    let relative = quoted.strip_prefix("%dp0%").or_else(|| quoted.strip_prefix("%~dp0"))?;
    let parts = relative.split(['\\', '/']).filter(|part| !part.is_empty());
    Some(parts.fold(folder.to_owned(), |path, part| path.join(part)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What npm 11 writes to its folder for codex.
    const NPM: &str = "@ECHO off\r\nGOTO start\r\n:find_dp0\r\nSET dp0=%~dp0\r\nEXIT /b\r\n:start\r\nSETLOCAL\r\nCALL :find_dp0\r\n\r\n\
        IF EXIST \"%dp0%\\node.exe\" (\r\n  SET \"_prog=%dp0%\\node.exe\"\r\n) ELSE (\r\n  SET \"_prog=node\"\r\n  \
        SET PATHEXT=%PATHEXT:;.JS;=;%\r\n)\r\n\r\nendLocal & goto #_undefined_# 2>NUL || title %COMSPEC% & \
        \"%_prog%\"  \"%dp0%\\node_modules\\@openai\\codex\\bin\\codex.js\" %*\r\n";

    /// What pnpm writes.
    const PNPM: &str = "@SETLOCAL\r\n@IF NOT DEFINED NODE_PATH (\r\n  @SET \"NODE_PATH=C:\\a\\node_modules\"\r\n) ELSE (\r\n  \
        @SET \"NODE_PATH=C:\\a\\node_modules;%NODE_PATH%\"\r\n)\r\n@IF EXIST \"%~dp0\\node.exe\" (\r\n  \
        \"%~dp0\\node.exe\"  \"%~dp0\\global\\5\\node_modules\\@openai\\codex\\bin\\codex.js\" %*\r\n) ELSE (\r\n  \
        @SET PATHEXT=%PATHEXT:;.JS;=;%\r\n  node  \"%~dp0\\global\\5\\node_modules\\@openai\\codex\\bin\\codex.js\" %*\r\n)\r\n";

    const NATIVE: &str = "node_modules/@openai/codex-win32-x64/vendor/x86_64-pc-windows-msvc/bin/codex.exe";

    /// A folder with these files; a script has its text, and the others have none.
    fn folder(files: &[&str], text: &str) -> tempfile::TempDir {
        let folder = tempfile::Builder::new().prefix("Jörg & 100% 'x' ").tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn found(files: &[&str], text: &str) -> Option<String> {
        let folder = folder(files, text);
        let found = program_behind(&folder.path().join(files[0]))?;
        assert!(!found.to_str().unwrap().starts_with(r"\\?\"), "{}", found.display());
        let real = dunce::canonicalize(folder.path()).unwrap();
        let below = found.strip_prefix(real).unwrap();
        Some(below.components().map(|part| part.as_os_str().to_str().unwrap()).collect::<Vec<_>>().join("/"))
    }

    #[test]
    fn the_program_behind_the_scripts_of_npm_and_pnpm_is_found() {
        let script = "node_modules/@openai/codex/bin/codex.js";
        let nested = format!("node_modules/@openai/codex/{NATIVE}");
        assert_eq!(found(&["codex.cmd", script, &nested], NPM), Some(nested));
        assert_eq!(found(&["CODEX.CMD", script, NATIVE], NPM).as_deref(), Some(NATIVE));
        let arm = NATIVE.replace("x64", "arm64").replace("x86_64", "aarch64");
        assert_eq!(found(&["codex.cmd", script, &arm], NPM), Some(arm));
        let native = format!("global/5/{NATIVE}");
        assert_eq!(found(&["codex.cmd", &format!("global/5/{script}"), &native], PNPM), Some(native));
        let direct = "@\"%~dp0\\vendor\\codex.exe\"   %*\r\n";
        assert_eq!(found(&["codex.cmd", "vendor/codex.exe"], direct).as_deref(), Some("vendor/codex.exe"));
    }

    #[test]
    fn other_scripts_and_packages_are_left_alone() {
        let script = "node_modules/@openai/codex/bin/codex.js";
        let other = "node_modules/@openai/codex/vendor/x86_64-pc-windows-msvc/codex/codex.exe";
        assert_eq!(found(&["codex.cmd", script, other], NPM), None);
        assert_eq!(found(&["codex.cmd"], NPM), None);
        assert_eq!(found(&["codex.cmd", script, NATIVE], "@volta run codex %*\r\n"), None);
        assert_eq!(found(&["codex", script, NATIVE], NPM), None);
        assert_eq!(program_behind(Path::new("/no/such/codex.cmd")), None);
    }
}
