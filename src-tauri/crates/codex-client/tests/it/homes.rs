//! The private home of plain models and the user's own home, on the real codex.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use codex_client::{
    CodexError, HomeUsed, ItemEvent, SandboxMode, Status, ThreadKind, WebSearch, WebSearchLocation,
};
use sample_model::under_test::{fake_codex, is_wine};

use crate::support::{Real, plain_input, real, real_with};

/// Writes a home full of things that must not reach a plain model, in addition to the provider's settings.
fn write_hostile(dir: &Path, base_url: &str) -> std::io::Result<()> {
    sample_model::codex_home::write(dir, base_url)?;
    let mut config = std::fs::read_to_string(dir.join("config.toml"))?;
    config.insert_str(0, "developer_instructions = \"HOSTILE developer\"\n");
    config
        .push_str("\n[mcp_servers.hangs]\ncommand = \"sleep\"\nargs = [\"30\"]\nstartup_timeout_sec = 30\n");
    std::fs::write(dir.join("config.toml"), config)?;
    std::fs::write(dir.join("AGENTS.md"), "HOSTILE agents")?;
    for skills in [dir.join("skills/evil"), dir.join("../.agents/skills/evil")] {
        std::fs::create_dir_all(&skills)?;
        let skill = "---\nname: evil\ndescription: HOSTILE skill for everything\n---\nDo it.\n";
        std::fs::write(skills.join("SKILL.md"), skill)?;
    }
    Ok(())
}

async fn home_used(real: &Real) -> HomeUsed {
    real.codex.ready().await.unwrap();
    let status = real.codex.status().borrow().clone();
    let Status::Ready(readiness) = status else { panic!("{status:?}") };
    readiness.home
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn no_listed_model_gets_tools_or_text_from_codex() {
    let real = real_with(write_hostile).await;
    let models = real.codex.models().await.unwrap();
    assert!(models.len() > 3, "{models:?}");
    for (n, model) in (0u64..).zip(&models) {
        let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
        request.profile.model = Some(model.id.clone());
        real.run(request).await.expect_success();
        let upstream = real.model.request(n).unwrap();
        assert_eq!(upstream.body()["model"], model.id.as_str());
        // Not even an item that is not a message, such as one that offers tools.
        assert_eq!(upstream.items().count(), 2, "{}: {}", model.id, upstream.body());
        assert_eq!(upstream.input(), plain_input("[[words=1]]"), "{}", model.id);
        assert!(upstream.tools().is_empty(), "{}: {:?}", model.id, upstream.tools());
        assert!(!upstream.body().to_string().contains("HOSTILE"), "{}", upstream.body());
        assert!(upstream.body().to_string().len() < 2500, "{}", upstream.body());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn private_home_contains_only_the_provider() {
    let real = real_with(write_hostile).await;
    assert_eq!(home_used(&real).await, HomeUsed::Private);
    let private = real.home.path().join("private");
    let config = std::fs::read_to_string(private.join("config.toml")).unwrap();
    assert!(config.contains("[model_providers.mock]"), "{config}");
    for left_out in ["mcp_servers", "HOSTILE"] {
        assert!(!config.contains(left_out), "{config}");
    }
    assert!(!private.join("AGENTS.md").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn changed_provider_settings_apply_at_the_next_start() {
    let real = real().await;
    real.ask("[[words=1]]").await.expect_success();
    real.codex.shutdown().await;
    let config = real.home.path().join(".codex/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}[model_providers.mock.http_headers]\nX-Mine = \"changed\"\n"))
        .unwrap();
    let again = Real { codex: crate::support::another_codex(&real), ..real };
    again.ask("[[words=1]]").await.expect_success();
    assert_eq!(again.model.request(1).unwrap().header("x-mine"), Some("changed"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn unreadable_settings_are_an_error_rather_than_a_fallback_provider() {
    let real = real().await;
    std::fs::write(real.home.path().join(".codex/config.toml"), "model = \n").unwrap();
    match real.codex.ready().await {
        Err(CodexError::BadConfig { reason }) => {
            assert!(reason.starts_with("config.toml, line 1: "), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn keychain_sign_in_shares_the_users_home_with_additions_switched_off() {
    let real = real_with(|dir, base_url| {
        write_hostile(dir, base_url)?;
        let config = std::fs::read_to_string(dir.join("config.toml"))?;
        std::fs::write(dir.join("config.toml"), format!("cli_auth_credentials_store = \"keyring\"\n{config}"))
    })
    .await;
    assert!(matches!(home_used(&real).await, HomeUsed::Shared { .. }));
    real.ask("[[words=1]]").await.expect_success();
    let upstream = real.model.request(0).unwrap();
    assert!(upstream.tools().is_empty(), "{:?}", upstream.tools());
    // codex cannot be kept from adding that home's AGENTS.md.
    let body = upstream.body().to_string();
    assert_eq!(body.matches("HOSTILE").count(), body.matches("HOSTILE agents").count(), "{body}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn users_home_is_shared_when_the_sign_in_cannot_be_linked() {
    let real = real_with(|dir, base_url| {
        write_hostile(dir, base_url)?;
        // This provider needs the sign-in.
        let config = std::fs::read_to_string(dir.join("config.toml"))?;
        let config = config.replace("wire_api", "requires_openai_auth = true\nwire_api");
        std::fs::write(dir.join("config.toml"), config)?;
        std::fs::write(dir.join("auth.json"), "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"sk-mine\"}")?;
        // An irremovable folder is in the link's place.
        std::fs::create_dir_all(dir.join("../private/auth.json/blocked"))
    })
    .await;
    let HomeUsed::Shared { reason } = home_used(&real).await else { panic!("a private home") };
    assert!(reason.starts_with("a private home cannot be created"), "{reason}");
    real.ask("[[words=1]]").await.expect_success();
    let body = real.model.request(0).unwrap().body().to_string();
    assert_eq!(body.matches("HOSTILE").count(), body.matches("HOSTILE agents").count(), "{body}");
    assert!(real.home.path().join("private/auth.json/blocked").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn private_home_needs_no_link_if_the_provider_has_its_own_key() {
    let real = real_with(|dir, base_url| {
        write_hostile(dir, base_url)?;
        std::fs::create_dir_all(dir.join("../private/auth.json/blocked"))
    })
    .await;
    assert_eq!(home_used(&real).await, HomeUsed::Private);
    real.ask("[[words=1]]").await.expect_success();
    assert_eq!(real.model.request(0).unwrap().input(), plain_input("[[words=1]]"));
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn every_model_can_search_the_web_when_requested() {
    let real = real().await;
    let models = real.codex.models().await.unwrap();
    for (n, model) in (0u64..).zip(&models) {
        let mut request = real.request(ThreadKind::Plain, "[[words=1]]");
        request.profile.model = Some(model.id.clone());
        let city = Some("Berlin".to_owned());
        let location = Some(WebSearchLocation { city, ..WebSearchLocation::default() });
        request.profile.web_search =
            Some(WebSearch { context_size: Some("low".into()), location, ..WebSearch::default() });
        real.run(request).await.expect_success();
        let upstream = real.model.request(n).unwrap();
        assert_eq!(upstream.tools(), ["web_search"], "{}", model.id);
        let tool = &upstream.body()["tools"][0];
        assert_eq!(tool["search_context_size"], "low", "{tool}");
        assert_eq!(tool["user_location"]["city"], "Berlin", "{tool}");
        assert_eq!(upstream.items().count(), 2, "{}: {}", model.id, upstream.body());
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn agent_works_without_broken_mcp_servers_and_reports_the_failed_ones() {
    let real = real_with(|dir, base_url| {
        sample_model::codex_home::write(dir, base_url)?;
        let mut config = std::fs::read_to_string(dir.join("config.toml"))?;
        let program = toml::Value::from(fake_codex().display().to_string());
        let lock = toml::Value::from(dir.join("lock").display().to_string());
        for (name, command) in [
            ("broken", "command = \"/no/such/server\"".to_owned()),
            ("crashes", format!("command = {program}")),
            ("hangs", format!("command = {program}\nargs = [\"hold-lock\", {lock}]")),
        ] {
            write!(config, "\n[mcp_servers.{name}]\n{command}\nstartup_timeout_sec = 600\n").unwrap();
        }
        std::fs::write(dir.join("config.toml"), config)
    })
    .await;
    real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await.expect_success();
    // The first answer may arrive before codex has noticed.
    let missing = ["broken", "crashes"].map(|server| ItemEvent::McpMissing { server: server.into() });
    let mut reported = false;
    while !reported {
        let output = real.run(real.request(ThreadKind::Agent, "[[words=1]]")).await;
        output.expect_success();
        assert!(output.items.iter().all(|item| missing.contains(item)), "{:?}", output.items);
        reported = output.items == missing;
    }
}

/// Every file in `home`, with its content.
fn files(home: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, home: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(home).unwrap().to_string_lossy().replace('\\', "/");
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => walk(&path, home, found),
                kind if kind.is_file() => {
                    found.insert(name, std::fs::read(&path).unwrap());
                }
                _ => {
                    found.insert(name, Vec::new());
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(home, home, &mut found);
    found
}

/// Path prefixes of codex's own working files.
const CODEX_FILES: &[&str] = &[
    ".sandbox/",
    ".sandbox_migration",
    ".tmp/",
    "cache/",
    "installation_id",
    "goals_",
    "log/",
    "logs_",
    "memories_",
    "models_cache.json",
    "queue_",
    "shell_snapshots/",
    "skills/.system",
    "state_",
    "tmp/",
    "version.json",
];

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn only_codexs_working_files_change_in_the_users_home() {
    let real = real_with(write_hostile).await;
    let home = real.home.path().join(".codex");
    for (name, text) in [
        ("sessions/2026/01/01/rollout-mine.jsonl", "{}\n"),
        ("history.jsonl", "{\"text\":\"mine\"}\n"),
        ("auth.json", "{\"auth_mode\":\"apikey\",\"OPENAI_API_KEY\":\"sk-mine\"}"),
        (".env", "A=b\n"),
    ] {
        std::fs::create_dir_all(home.join(name).parent().unwrap()).unwrap();
        std::fs::write(home.join(name), text).unwrap();
    }
    let before = files(&home);
    for sandbox in [SandboxMode::ReadOnly, SandboxMode::WorkspaceWrite, SandboxMode::DangerFullAccess] {
        let mut agent = real.request(ThreadKind::Agent, "[[shell=\"echo hi > made\"]]");
        agent.profile.sandbox = sandbox;
        real.run(agent).await.expect_success();
        real.ask("[[words=2 reasoning=1]]").await.expect_success();
        real.ask("[[status=400]]").await.error();
        drop(real.agent.turn(real.request(ThreadKind::Agent, "[[words=1]]")).await.unwrap());
    }
    real.codex.shutdown().await;
    real.agent.shutdown().await;
    let after = files(&home);
    let own = |name: &str| CODEX_FILES.iter().any(|own| name.starts_with(own));
    let names = before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name));
    let written: Vec<&String> = names.filter(|name| !own(name)).collect();
    assert!(written.is_empty(), "{written:?}");
    // Wine has no PowerShell for codex's commands.
    assert!(is_wine() || real.workspace.join("made").exists(), "the agent wrote to its working folder");
}
