//! Folders and programs with unusual names, on the real codex.

use codex_client::{Codex, HomeUsed, Status, ThreadKind};
use sample_model::{codex_home, under_test};

use crate::support::{Real, folder_named, plain_input, real_in, real_with};

/// Everything that a name may hold on Windows and that a shell, TOML or JSON could misread.
const ODD: &str = "Jörg & 100% 'x' ^(1) 文件 ";

/// Both kinds of turn work, and codex has read the arguments that keep its tools from a plain model.
async fn expect_turns(real: &Real) {
    real.ask("[[words=1]]").await.expect_success();
    let plain = real.model.request(0).unwrap();
    assert_eq!(plain.input(), plain_input("[[words=1]]"));
    assert!(plain.tools().is_empty(), "{:?}", plain.tools());
    real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
}

fn home_used(codex: &Codex) -> HomeUsed {
    match &*codex.status().borrow() {
        Status::Ready(readiness) => readiness.home.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn homes_and_working_folders_may_have_any_name() {
    let real = real_in(folder_named(ODD), &under_test::codex_under_test()).await;
    expect_turns(&real).await;
    assert_eq!(home_used(&real.codex), HomeUsed::Private);
    let agent = real.model.request(1).unwrap().body().to_string();
    assert!(agent.contains("文件"), "{agent}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn configuration_saved_by_an_editor_of_windows_is_used() {
    let real = real_with(|dir, base_url| {
        codex_home::write(dir, base_url)?;
        let config = std::fs::read_to_string(dir.join("config.toml"))?;
        let config = config.replace("wire_api", "env_key = \"MY_KEY\"\nwire_api").replace('\n', "\r\n");
        std::fs::write(dir.join("config.toml"), format!("\u{feff}{config}"))?;
        std::fs::write(dir.join(".env"), "MY_KEY=sk-mine\r\nOTHER=x\r\n")
    })
    .await;
    expect_turns(&real).await;
    for n in 0..2 {
        assert_eq!(real.model.request(n).unwrap().header("authorization"), Some("Bearer sk-mine"));
    }
}

// Windows only: npm writes such a script only there, and only cmd runs another.
#[cfg(windows)]
mod scripts {
    use std::fs;

    use codex_client::{FoundBy, Search};

    use super::*;
    use crate::support::folder;

    #[tokio::test]
    #[ignore = "needs the real codex: cargo xtask test"]
    async fn codex_from_npm_is_started_without_cmd_and_node() {
        let npm = folder_named(ODD);
        let package = npm.path().join("node_modules/@openai/codex");
        let native = package.join("node_modules/@openai/codex-win32-x64/vendor/x86_64-pc-windows-msvc/bin");
        for folder in [&package.join("bin"), &native] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(package.join("bin/codex.js"), "").unwrap();
        fs::hard_link(under_test::codex_under_test(), native.join("codex.exe")).unwrap();
        // npm writes all three; only the second one starts.
        fs::write(npm.path().join("codex"), "#!/bin/sh\nexit 1\n").unwrap();
        let target = r"%dp0%\node_modules\@openai\codex\bin\codex.js";
        let script = format!("@ECHO off\r\nSET dp0=%~dp0\r\nno-such-node \"{target}\" %*\r\n");
        fs::write(npm.path().join("codex.cmd"), script).unwrap();
        fs::write(npm.path().join("codex.ps1"), "exit 1\r\n").unwrap();

        let real = real_in(folder(), &npm.path().join("codex.cmd")).await;
        expect_turns(&real).await;
        let environment = real.agent_config.search.environment.clone().with("Path", npm.path());
        let search = Search { setting: None, own: None, environment };
        let found = search.run().await.unwrap();
        assert_eq!((found.path.file_name().unwrap().to_str(), found.by), (Some("codex.exe"), FoundBy::Path));
        assert_eq!(search.glance(), Some(found.path.clone()));
        assert_eq!(found.version().await.unwrap(), "0.169.0");
    }

    #[tokio::test]
    #[ignore = "needs the real codex: cargo xtask test"]
    async fn another_script_passes_codexs_arguments_on() {
        // Wine's cmd expands what it has expanded, so the rest of a line after a `%` is a variable's name.
        let odd = if under_test::is_wine() { ODD.replace('%', "") } else { ODD.to_owned() };
        let scripts = folder_named(&odd);
        fs::hard_link(under_test::codex_under_test(), scripts.path().join("program.exe")).unwrap();
        let script = scripts.path().join("my codex.cmd");
        fs::write(&script, "@echo off\r\n\"%~dp0program.exe\" %*\r\n").unwrap();
        expect_turns(&real_in(folder_named(&odd), &script).await).await;
    }

    #[tokio::test]
    #[ignore = "needs the real codex: cargo xtask test"]
    async fn verbatim_paths_are_understood() {
        let mut real = real_in(folder_named(ODD), &under_test::codex_under_test()).await;
        real.workspace = fs::canonicalize(&real.workspace).unwrap();
        assert!(real.workspace.to_str().unwrap().starts_with(r"\\?\"));
        for kind in [ThreadKind::Plain, ThreadKind::Agent] {
            real.run(real.request(kind, "[[words=1]]")).await.expect_success();
        }
        // As people and programs know it.
        let agent = real.model.request(1).unwrap().body().to_string();
        assert!(!agent.contains(r"\\?\"), "{agent}");
    }
}
