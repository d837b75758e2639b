//! Test support: codex with a temporary home, and helpers that read a turn.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use codex_client::{
    Codex, CodexConfig, CodexError, Content, Environment, Home, Item, ItemEvent, KeptThreads, MaxTurns,
    OwnAddresses, Picture, Retention, Role, Search, SharedLimits, ThreadKind, ThreadProfile, ToolCall, Turn,
    TurnEnd, TurnEvent, TurnFailure, TurnRequest,
};
use sample_model::{SampleModel, codex_home, under_test};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Longer than anything in these tests takes.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A temporary folder.
pub(crate) fn folder() -> TempDir {
    folder_named("codex-client-")
}

/// The same with a name that begins like this.
pub(crate) fn folder_named(prefix: &str) -> TempDir {
    tempfile::Builder::new()
        .prefix(prefix)
        .tempdir_in(under_test::absolute(env!("CARGO_TARGET_TMPDIR")))
        .unwrap()
}

/// The real codex with the sample model.
pub(crate) struct Real {
    /// For plain models, with a private home.
    pub(crate) codex: Codex,
    /// For the agent, with the user's home.
    pub(crate) agent: Codex,
    pub(crate) model: SampleModel,
    pub(crate) home: TempDir,
    pub(crate) workspace: PathBuf,
    /// How the agent's codex is started.
    pub(crate) agent_config: CodexConfig,
    /// The addresses that both take for the proxy's.
    pub(crate) own_addresses: OwnAddresses,
    /// Where both report the usage limits.
    pub(crate) limits: SharedLimits,
}

pub(crate) async fn real() -> Real {
    real_with(codex_home::write).await
}

/// The same with other limits for the thread cache.
pub(crate) async fn real_with_retention(retention: Retention) -> Real {
    start(codex_home::write, retention).await
}

/// The same with a configuration written by `write`.
pub(crate) async fn real_with(write: fn(&Path, &str) -> std::io::Result<()>) -> Real {
    start(write, Retention::default()).await
}

/// The same with additional environment variables.
pub(crate) async fn real_with_env(
    write: fn(&Path, &str) -> std::io::Result<()>,
    variables: &[(&str, &str)],
) -> Real {
    start_at(folder(), under_test::codex_under_test(), write, Retention::default(), variables).await
}

async fn start(write: fn(&Path, &str) -> std::io::Result<()>, retention: Retention) -> Real {
    start_at(folder(), under_test::codex_under_test(), write, retention, &[]).await
}

/// The same with another codex binary, in this folder.
pub(crate) async fn real_in(home: TempDir, binary: &Path) -> Real {
    start_at(home, binary.to_owned(), codex_home::write, Retention::default(), &[]).await
}

/// The same with `top` before the first table of the configuration and `tables` after the last one.
pub(crate) async fn real_with_config(top: &str, tables: &str) -> Real {
    let real = real().await;
    let path = real.config();
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{top}\n{config}\n{tables}\n")).unwrap();
    real
}

/// The same with another codex binary.
pub(crate) async fn real_with_binary(binary: &Path) -> Real {
    start_at(folder(), binary.to_owned(), codex_home::write, Retention::default(), &[]).await
}

/// The same, signed in with ChatGPT.
pub(crate) async fn real_with_binary_signed_in(binary: &Path) -> Real {
    start_at(folder(), binary.to_owned(), codex_home::write_signed_in, Retention::default(), &[]).await
}

async fn start_at(
    home: TempDir,
    binary: PathBuf,
    write: fn(&Path, &str) -> std::io::Result<()>,
    retention: Retention,
    variables: &[(&str, &str)],
) -> Real {
    let model = SampleModel::start(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let codex_home = home.path().join(".codex");
    std::fs::create_dir_all(&codex_home).unwrap();
    write(&codex_home, &model.base_url()).unwrap();
    let issuer = model.login_issuer();
    let variables = [variables, &[("CODEX_APP_SERVER_LOGIN_ISSUER", &issuer)]].concat();
    let variables = variables.as_slice();
    let workspace = home.path().join("workspace");
    std::fs::create_dir_all(&workspace).unwrap();
    let plain_config = config_in(home.path(), private(home.path()), retention, binary.clone(), variables);
    let own_addresses = plain_config.own_addresses.clone();
    let limits = plain_config.limits.clone();
    let agent_config = CodexConfig {
        own_addresses: own_addresses.clone(),
        limits: limits.clone(),
        ..config_in(home.path(), Home::Users, retention, binary, variables)
    };
    let (codex, agent) = (Codex::new(plain_config), Codex::new(agent_config.clone()));
    Real { codex, agent, model, home, workspace, agent_config, own_addresses, limits }
}

/// Another handle with the same home.
pub(crate) fn another_codex(real: &Real) -> Codex {
    another_codex_with(real, &under_test::codex_under_test())
}

/// The same with another binary.
pub(crate) fn another_codex_with(real: &Real, binary: &Path) -> Codex {
    let binary = binary.to_owned();
    Codex::new(config_in(real.home.path(), private(real.home.path()), Retention::default(), binary, &[]))
}

fn private(home: &Path) -> Home {
    let private = home.join("private");
    codex_home::write_installation_id(&private).unwrap();
    Home::Private(private)
}

fn config_in(
    home: &Path,
    private_or_users: Home,
    retention: Retention,
    binary: PathBuf,
    variables: &[(&str, &str)],
) -> CodexConfig {
    let environment = Environment::from_process().with("HOME", home).with("CODEX_HOME", home.join(".codex"));
    let environment = environment.with("TMPDIR", codex_home::temp_dir(home).unwrap());
    let environment = variables.iter().fold(environment, |all, (name, value)| all.with(name, *value));
    CodexConfig {
        search: Search { setting: Some(binary), own: None, environment },
        home: private_or_users,
        folder: home.join("workspace"),
        own_addresses: OwnAddresses::default(),
        limits: SharedLimits::default(),
        client_version: "0.0.0".into(),
        retention,
        max_turns: MaxTurns::default(),
        kept_threads: KeptThreads::default(),
    }
}

/// The scripted fake-codex.
pub(crate) struct Fake {
    pub(crate) codex: Codex,
    config: CodexConfig,
    pub(crate) folder: TempDir,
}

/// fake-codex with these directives; `{folder}` in them stands for its folder.
pub(crate) fn fake(directives: &str) -> Fake {
    fake_with_binary(&under_test::fake_codex(), directives)
}

/// The same with another binary.
pub(crate) fn fake_with_binary(binary: &Path, directives: &str) -> Fake {
    let folder = folder();
    let script = directives.replace("{folder}", &folder.path().display().to_string());
    let script = format!("pid-file={} {script}", folder.path().join("pids").display());
    let environment = Environment::from_process().with("FAKE_CODEX", script);
    let config = CodexConfig {
        search: Search { setting: Some(binary.to_owned()), own: None, environment },
        home: Home::Users,
        folder: folder.path().to_owned(),
        own_addresses: OwnAddresses::default(),
        limits: SharedLimits::default(),
        client_version: "0.0.0".into(),
        retention: Retention::default(),
        max_turns: MaxTurns::default(),
        kept_threads: KeptThreads::default(),
    };
    Fake { codex: Codex::new(config.clone()), config, folder }
}

impl Fake {
    /// How it is started.
    pub(crate) fn config(&self) -> CodexConfig {
        self.config.clone()
    }

    /// The ids of the started processes, in order.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(self.folder.path().join("pids")).unwrap_or_default();
        text.lines().map(|line| line.trim().parse().unwrap()).collect()
    }

    /// Runs one turn to its end.
    pub(crate) async fn ask(&self, prompt: &str) -> TurnOutput {
        let request = request(ThreadKind::Plain, self.folder.path().to_owned(), prompt);
        match self.codex.turn(request).await {
            Ok(turn) => collect(turn).await,
            Err(error) => TurnOutput { end: Some(Err(error)), ..TurnOutput::default() },
        }
    }
}

impl Real {
    /// The user's `config.toml`.
    pub(crate) fn config(&self) -> PathBuf {
        self.home.path().join(".codex/config.toml")
    }

    pub(crate) fn request(&self, kind: ThreadKind, prompt: &str) -> TurnRequest {
        request(kind, self.workspace.clone(), prompt)
    }

    pub(crate) async fn ask(&self, prompt: &str) -> TurnOutput {
        self.run(self.request(ThreadKind::Plain, prompt)).await
    }

    pub(crate) async fn run(&self, request: TurnRequest) -> TurnOutput {
        let codex = match request.profile.kind {
            ThreadKind::Plain => &self.codex,
            ThreadKind::Agent => &self.agent,
        };
        collect(codex.turn(request).await.unwrap()).await
    }
}

pub(crate) fn request(kind: ThreadKind, workspace: PathBuf, prompt: &str) -> TurnRequest {
    TurnRequest {
        profile: ThreadProfile { kind, model: Some("gpt-5.5".into()), ..ThreadProfile::plain(workspace) },
        owner: "me".into(),
        items: vec![message(Role::User, prompt)],
        turn_instructions: None,
        one_call_at_a_time: false,
        one_shot: false,
        unseen_items: 0,
        effort: None,
        reasoning_summary: true,
        output_schema: None,
    }
}

/// The complete input of a plain model for a prompt without instructions.
pub(crate) fn plain_input(prompt: &str) -> [(String, String); 2] {
    [("developer", "You are a helpful assistant."), ("user", prompt)]
        .map(|(role, text)| (role.to_owned(), text.to_owned()))
}

pub(crate) fn message(role: Role, text: &str) -> Item {
    Item::Message { role, content: vec![Content::Text(text.into())] }
}

/// All events of a turn.
#[derive(Debug, Default)]
pub(crate) struct TurnOutput {
    pub(crate) texts: Vec<String>,
    pub(crate) reasoning: String,
    pub(crate) items: Vec<ItemEvent>,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) reviews: Vec<String>,
    /// How many pictures were begun.
    pub(crate) begun: usize,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) failed_pictures: Vec<TurnFailure>,
    pub(crate) retries: usize,
    pub(crate) models: Vec<String>,
    pub(crate) kept: Vec<String>,
    pub(crate) end: Option<Result<TurnEnd, CodexError>>,
}

impl TurnOutput {
    pub(crate) fn text(&self) -> String {
        self.texts.concat()
    }

    pub(crate) fn expect_success(&self) -> &TurnEnd {
        match &self.end {
            Some(Ok(end)) => end,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn error(&self) -> &CodexError {
        match &self.end {
            Some(Err(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn collect(mut turn: Turn) -> TurnOutput {
    let mut output = TurnOutput::default();
    while let Some(event) = next(&mut turn).await {
        match event {
            TurnEvent::Model(model) => output.models.push(model),
            TurnEvent::Kept(chat) => output.kept.push(chat.thread),
            TurnEvent::Text(text) => output.texts.push(text),
            TurnEvent::Reasoning(text) => output.reasoning.push_str(&text),
            TurnEvent::Call(call) => output.calls.push(call),
            TurnEvent::Item(item) => output.items.push(item),
            // A dropped question is declined.
            TurnEvent::Asked(_) | TurnEvent::Checkpoint | TurnEvent::Citations(_) | TurnEvent::Diff(_) => {}
            TurnEvent::Reviewed(text) => output.reviews.push(text),
            TurnEvent::PictureStarted(_) => output.begun += 1,
            TurnEvent::Picture(picture) => output.pictures.push(picture),
            TurnEvent::PictureFailed(failure) => output.failed_pictures.push(failure),
            TurnEvent::Retrying(_) => output.retries += 1,
            TurnEvent::Ended(end) => output.end = Some(end),
        }
    }
    output
}

/// The next event; fails if none arrives in time.
pub(crate) async fn next(turn: &mut Turn) -> Option<TurnEvent> {
    tokio::time::timeout(TIMEOUT, turn.next()).await.expect("no event arrived")
}

/// The next delta of the answer.
pub(crate) async fn next_text(turn: &mut Turn) -> String {
    loop {
        match next(turn).await {
            Some(TurnEvent::Text(text)) => return text,
            Some(TurnEvent::Ended(end)) => panic!("ended before any text: {end:?}"),
            Some(_) => {}
            None => panic!("no text"),
        }
    }
}

/// Polls for something that cannot be awaited.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(TIMEOUT, wait).await.is_ok(), "timed out waiting: {what}");
}

/// Runs `work`, and lets time pass as fast as possible meanwhile.
///
/// A paused clock advances by itself only where nothing is read from a pipe on a thread, as it is on Windows.
pub(crate) async fn in_passing_time<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    tokio::time::pause();
    let done = loop {
        tokio::select! {
            biased;
            done = &mut work => break done,
            () = tokio::time::advance(Duration::from_secs(1)) => {}
        }
    };
    tokio::time::resume();
    done
}
