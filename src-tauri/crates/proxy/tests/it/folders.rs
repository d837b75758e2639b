//! Folders that are models, and folders that requests name, with the real codex and its real sandbox.

use std::path::{Path, PathBuf};

use codex_client::SandboxMode;
use proxy::approvals::ApprovalAnswer;
use proxy::settings::{FolderModel, Settings};
use proxy::{Key, KeyEntry, KeyFile, KeyLimits};
use reqwest::{Method, Response};
use sample_model::{codex_home, not_on_windows};
use serde_json::{Value, json};

use crate::support::{KEY, TIMEOUT, TestProxy, TestProxyBuilder, data_dir, fake, real};

/// A proxy with the working folder `work`, and the model `codex:web` in the folder `web`.
struct Site {
    proxy: TestProxy,
    settings: Settings,
}

impl Site {
    async fn start(plan: TestProxyBuilder, change: impl FnOnce(&mut FolderModel)) -> Self {
        let codex_path = Some(plan.codex.clone());
        let proxy = plan.start().await;
        let folder = proxy.folder.path();
        for below in ["web/src", "work/below", "outside"] {
            std::fs::create_dir_all(folder.join(below)).unwrap();
        }
        let mut web =
            FolderModel { name: "web".to_owned(), folder: folder.join("web"), ..FolderModel::default() };
        change(&mut web);
        let settings = Settings {
            api_keys: vec![Key::new(KEY)],
            codex_path,
            data_dir: data_dir(folder),
            workspace: Some(folder.join("work")),
            folders: vec![web],
            ..Settings::default()
        };
        proxy.handle.apply(settings.clone()).unwrap();
        Self { proxy, settings }
    }

    /// Changes the settings of the running proxy.
    fn apply(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.proxy.handle.apply(self.settings.clone()).unwrap();
    }
}

impl std::ops::Deref for Site {
    type Target = TestProxy;

    fn deref(&self) -> &TestProxy {
        &self.proxy
    }
}

/// The path of a folder in the test's, without links.
fn path(proxy: &TestProxy, below: &str) -> PathBuf {
    proxy.folder.path().canonicalize().unwrap().join(below)
}

fn key(proxy: &TestProxy, limits: KeyLimits) -> (Key, KeyEntry) {
    KeyFile::in_folder(&data_dir(proxy.folder.path())).create_limited("limited", limits, 1).unwrap()
}

fn body(model: &str, prompt: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": prompt}]})
}

async fn send(proxy: &TestProxy, key: &str, body: &Value, folder: Option<&str>) -> Response {
    let request = proxy.anonymous(Method::POST, "/v1/chat/completions").bearer_auth(key).json(body);
    let request = match folder {
        Some(folder) => request.header("x-codex-workspace", folder),
        None => request,
    };
    request.send().await.unwrap()
}

/// The text of an answer, or the status, code and message of an error.
async fn outcome(response: Response) -> Result<String, (u16, String, String)> {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match status {
        200 => Ok(text(&body["choices"][0]["message"]["content"])),
        _ => Err((status, text(&body["error"]["code"]), text(&body["error"]["message"]))),
    }
}

async fn ask(proxy: &TestProxy, model: &str, prompt: &str) -> Result<String, (u16, String, String)> {
    outcome(send(proxy, KEY, &body(model, prompt), None).await).await
}

/// The ids that a key lists.
async fn listed(proxy: &TestProxy, key: &str) -> Vec<String> {
    let request = proxy.anonymous(Method::GET, "/v1/models").bearer_auth(key);
    let list: Value = request.send().await.unwrap().json().await.unwrap();
    let ids = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned());
    ids.collect()
}

/// The folder in the last prompt of codex, without links.
fn prompted_folder(proxy: &TestProxy) -> PathBuf {
    let request = proxy.model.requests().last().unwrap().body().to_string();
    let (_, rest) = request.rsplit_once("<cwd>").unwrap();
    let (cwd, _) = rest.split_once("</cwd>").unwrap();
    let cwd: String = serde_json::from_str(&format!("\"{cwd}\"")).unwrap();
    // As in XML.
    let cwd = cwd.replace("&amp;", "&").replace("&apos;", "'");
    Path::new(&cwd).canonicalize().unwrap()
}

async fn sees(proxy: &TestProxy, key: &str) -> bool {
    listed(proxy, key).await.contains(&"codex:web".to_owned())
}

const TOUCH: &str = "[[shell=\"touch here.txt && pwd\"]]";

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_folder_is_a_model_that_works_in_it_as_its_mode_allows() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let proxy = Site::start(real(), |web| web.sandbox = Some(SandboxMode::WorkspaceWrite)).await;
    assert_eq!(listed(&proxy, KEY).await[..2], ["codex-local", "codex:web"]);
    let web = path(&proxy, "web");
    let answer = ask(&proxy, "codex:web", TOUCH).await.unwrap();
    assert!(answer.contains(&web.display().to_string()), "{answer}");
    assert!(web.join("here.txt").exists());
    // The settings stay read-only.
    let answer = ask(&proxy, "codex-local", TOUCH).await.unwrap();
    assert!(!path(&proxy, "work/here.txt").exists(), "{answer}");
    // What changed is undone in that folder.
    let changes = proxy.log.rows().into_iter().find_map(|row| row.changes).unwrap();
    assert_eq!((changes.count, PathBuf::from(&changes.folder).canonicalize().unwrap()), (1, web));
    let one: Value = proxy.get("/v1/models/codex:web").send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&one["id"], &one["owned_by"], &one["name"]),
        (&json!("codex:web"), &json!("codex"), &json!("web"))
    );
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_folder_without_a_mode_has_that_of_the_settings() {
    not_on_windows!("codex runs no command there before its sandbox is set up");
    let mut proxy = Site::start(real(), |_| {}).await;
    ask(&proxy, "codex:web", TOUCH).await.unwrap();
    assert!(!path(&proxy, "web/here.txt").exists());
    proxy.apply(|settings| settings.sandbox = SandboxMode::WorkspaceWrite);
    ask(&proxy, "codex:web", TOUCH).await.unwrap();
    assert!(path(&proxy, "web/here.txt").exists());
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_folder_asks_by_its_own_rule() {
    not_on_windows!("the commands are those of sh");
    let escalate = "[[escalate=\"touch here.txt\" why=\"May I?\"]]";
    for (rule, key_rule, asks) in [
        (Some(true), None, true),
        (None, None, false),
        (None, Some(true), true),
        (Some(true), Some(false), false),
        (Some(false), Some(true), false),
    ] {
        let proxy = Site::start(real(), |web| web.ask = rule).await;
        let (key, _) = key(&proxy, KeyLimits { may_ask: key_rule, ..KeyLimits::default() });
        let (mut waiting, _attendance) =
            (proxy.handle.approvals().waiting(), proxy.handle.approvals().attend());
        let body = body("codex:web", escalate);
        let answered = send(&proxy, key.reveal(), &body, None);
        if asks {
            let allow = async {
                let asked = waiting.wait_for(|waiting| !waiting.is_empty());
                let asked = tokio::time::timeout(TIMEOUT, asked).await;
                let asked =
                    asked.unwrap_or_else(|_| panic!("{rule:?} {key_rule:?}: {:?}", proxy.log.newest()));
                let asked = asked.unwrap().to_vec();
                assert_eq!(std::fs::canonicalize(&asked[0].folder).unwrap(), path(&proxy, "web"));
                assert_eq!(asked[0].model, "codex:web");
                proxy.handle.approvals().answer(&asked[0].id, ApprovalAnswer::AllowOnce).unwrap();
            };
            let (answer, ()) = tokio::join!(answered, allow);
            assert_eq!(answer.status(), 200);
        } else {
            assert_eq!(answered.await.status(), 200);
        }
        assert_eq!(path(&proxy, "web/here.txt").exists(), asks, "{rule:?} {key_rule:?}");
    }
}

/// A codex home whose configuration has instructions.
fn with_instructions(dir: &Path, base_url: &str) -> std::io::Result<()> {
    codex_home::write(dir, base_url)?;
    let config = std::fs::read_to_string(dir.join("config.toml"))?;
    std::fs::write(dir.join("config.toml"), format!("developer_instructions = \"Mind the user.\"\n{config}"))
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_instructions_of_a_folder_come_before_those_of_the_app() {
    let mut plan = real();
    plan.home = with_instructions;
    let proxy = Site::start(plan, |web| web.instructions = "Use tabs in this folder.".to_owned()).await;
    let mut body = body("codex:web", "[[words=1]]");
    let system = json!({"role": "system", "content": "Answer in French."});
    body["messages"].as_array_mut().unwrap().insert(0, system);
    assert_eq!(send(&proxy, KEY, &body, None).await.status(), 200);
    let sent = proxy.model.requests()[0].body().clone();
    let developer: String = sent["input"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["role"] == "developer")
        .map(ToString::to_string)
        .collect();
    let at = |text: &str| developer.find(text).unwrap_or_else(|| panic!("{text} is missing in {developer}"));
    assert!(at("Use tabs in this folder.") < at("Answer in French."));
    // So do those of the user's configuration, which codex alone would drop.
    assert!(at("Mind the user.") < at("Use tabs in this folder."));
    // codex's own instructions stay.
    assert!(sent["instructions"].as_str().unwrap_or_default().len() + developer.len() > 1000);
    ask(&proxy, "codex-local", "[[words=1]]").await.unwrap();
    assert!(!proxy.model.requests()[1].body().to_string().contains("Use tabs"));
}

#[tokio::test]
async fn a_key_that_a_folder_does_not_name_sees_nothing_of_it() {
    let mut proxy = Site::start(fake(""), |_| {}).await;
    let ((named, entry), (other, _)) = (key(&proxy, KeyLimits::default()), key(&proxy, KeyLimits::default()));
    proxy.apply(|settings| {
        settings.folders[0].keys = vec![entry.id.clone()];
        settings.model_aliases = [("site".to_owned(), "codex:web".to_owned())].into();
    });
    assert!(sees(&proxy, named.reveal()).await && !sees(&proxy, other.reveal()).await);
    assert!(!listed(&proxy, other.reveal()).await.contains(&"site".to_owned()));
    for model in ["codex:web", "site"] {
        let answer = outcome(send(&proxy, named.reveal(), &body(model, "hi"), None).await).await;
        assert!(answer.is_ok(), "{model}: {answer:?}");
        let hidden = outcome(send(&proxy, other.reveal(), &body(model, "hi"), None).await).await.unwrap_err();
        assert_eq!((hidden.0, hidden.1.as_str()), (404, "model_not_found"));
        let one = proxy.anonymous(Method::GET, &format!("/v1/models/{model}"));
        assert_eq!(one.bearer_auth(other.reveal()).send().await.unwrap().status(), 404);
    }
    // Nothing tells a hidden folder from none.
    let none = outcome(send(&proxy, other.reveal(), &body("codex:wxb", "hi"), None).await).await.unwrap_err();
    let hidden =
        outcome(send(&proxy, other.reveal(), &body("codex:web", "hi"), None).await).await.unwrap_err();
    assert_eq!(none.2.replace("wxb", "web"), hidden.2);
}

#[tokio::test]
async fn the_limits_of_a_key_hold_for_folders() {
    let mut proxy = Site::start(fake(""), |_| {}).await;
    let all = proxy.folder.path().to_owned();
    proxy.apply(|settings| settings.workspace = Some(all));
    let limits = KeyLimits::default;
    for (limits, expected) in [
        (limits(), None),
        (KeyLimits { workspace: Some(path(&proxy, "web")), ..limits() }, None),
        (
            KeyLimits { workspace: Some(path(&proxy, "work")), ..limits() },
            Some((403, "workspace_not_allowed")),
        ),
        (KeyLimits { plain_models_only: true, ..limits() }, Some((404, "model_not_found"))),
        (KeyLimits { models: vec!["codex:*".to_owned()], ..limits() }, None),
        (KeyLimits { models: vec!["codex-local".to_owned()], ..limits() }, Some((404, "model_not_found"))),
    ] {
        let words = format!("{limits:?}");
        let (key, _) = key(&proxy, limits);
        let answer = outcome(send(&proxy, key.reveal(), &body("codex:web", "hi"), None).await).await;
        let refused = answer.err().map(|(status, code, _)| (status, code));
        assert_eq!(refused, expected.map(|(status, code)| (status, code.to_owned())), "{words}");
        assert_eq!(sees(&proxy, key.reveal()).await, expected.is_none(), "{words}");
    }
    std::fs::remove_dir_all(path(&proxy, "web")).unwrap();
    let (status, code, message) = ask(&proxy, "codex:web", "hi").await.unwrap_err();
    assert_eq!((status, code.as_str()), (503, "workspace_unavailable"));
    assert!(message.contains("The folder of this model does not exist"), "{message}");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_request_names_the_folder_in_a_header() {
    let proxy = Site::start(real(), |_| {}).await;
    let named = async |model: &str, folder: &str| {
        let response = send(&proxy, KEY, &body(model, "[[shell=pwd]]"), Some(folder)).await;
        let ignored = response.headers().get("x-codex-proxy-ignored").cloned();
        (outcome(response).await, ignored)
    };
    let inside = path(&proxy, "work/below").display().to_string();
    let web = path(&proxy, "web/src").display().to_string();
    for (model, folder, expected) in [
        ("codex-local", &inside, &inside),
        ("codex-local", &web, &web),
        ("codex:web", &"src".to_owned(), &web),
    ] {
        let (answer, ignored) = named(model, folder).await;
        assert_eq!(prompted_folder(&proxy), Path::new(expected));
        // codex runs no command on Windows before its sandbox is set up.
        assert!(
            answer.as_ref().is_ok_and(|answer| cfg!(windows) || answer.contains(expected)),
            "{model} {folder}: {answer:?}"
        );
        assert!(ignored.is_none());
    }
    let outside = path(&proxy, "outside").display().to_string();
    let link = path(&proxy, "work/link");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    for folder in [outside.as_str(), &link.display().to_string(), "/", "../outside", "gone"] {
        let (status, code, message) = named("codex-local", folder).await.0.unwrap_err();
        assert_eq!((status, code.as_str()), (403, "workspace_not_allowed"), "{folder}");
        assert!(message.contains("x-codex-workspace") && !message.contains("outside"), "{message}");
    }
    // Plain models work in no folder.
    let (answer, ignored) = named("gpt-5.5", &outside).await;
    assert!(answer.is_ok());
    assert_eq!(ignored.unwrap(), "x-codex-workspace");
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn codex_works_in_folders_of_all_names() {
    for name in ["with blank", "100% & more", "größe 中文", "it's (a) [b] {c};d^e!"] {
        let plan = real().settings(|settings| settings.workspace = Some("My Projects".into()));
        let plan = TestProxyBuilder { below: name.to_owned(), ..plan };
        let work = Path::new(name).join("My Projects");
        let proxy = plan.start().await;
        let work = proxy.folder.path().join(work);
        std::fs::create_dir_all(&work).unwrap();
        for model in ["gpt-5.5", "codex-local"] {
            assert_eq!(ask(&proxy, model, "[[words=2]]").await.unwrap().trim_end(), "word1 word2", "{name}");
        }
        assert_eq!(prompted_folder(&proxy), work.canonicalize().unwrap());
    }
}
