//! Test support: a running proxy with a temporary home, and a small client. The tests of `proxyd` and `desktop` include
//! this folder too.

pub(crate) mod log;
pub(crate) mod schema;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codex_client::Environment;
use proxy::settings::Settings;
use proxy::store::Store;
use proxy::{ImageFetcher, Key, Limits, Occupancy};
use proxy::{Proxy, ProxyParts, RequestLog, serve};
use reqwest::{Method, RequestBuilder, Response};
use sample_model::{SampleModel, codex_home, under_test};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use log::Log;

/// Longer than anything in these tests takes.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) const KEY: &str = "sk-test-of-the-proxy";

/// A temporary folder.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("proxy-")
        .tempdir_in(under_test::absolute(env!("CARGO_TARGET_TMPDIR")))
        .unwrap()
}

/// The sample model on a free port.
pub(crate) async fn sample_model() -> SampleModel {
    SampleModel::start(TcpListener::bind("127.0.0.1:0").await.unwrap())
}

/// A `CODEX_HOME` in `folder` that points at the model.
pub(crate) fn home_for(folder: &Path, model: &SampleModel) -> PathBuf {
    home_written_by(codex_home::write, folder, model)
}

fn home_written_by(write: WriteHome, folder: &Path, model: &SampleModel) -> PathBuf {
    let home = folder.join(".codex");
    std::fs::create_dir_all(&home).unwrap();
    write(&home, &model.base_url()).unwrap();
    home
}

/// Writes a `CODEX_HOME` for a base URL.
type WriteHome = fn(&Path, &str) -> std::io::Result<()>;

/// Configures and starts a proxy.
pub(crate) struct TestProxyBuilder {
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) codex: PathBuf,
    pub(crate) fake: String,
    /// Replaces the default [`Log`].
    pub(crate) request_log: Option<Arc<dyn RequestLog>>,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) images: ImageFetcher,
    pub(crate) home: WriteHome,
    /// The folder of the data and the working folder, below the test's.
    pub(crate) below: String,
}

/// With the real codex.
pub(crate) fn real() -> TestProxyBuilder {
    TestProxyBuilder {
        settings: Settings { api_keys: vec![Key::new(KEY)], ..Settings::default() },
        limits: Limits::default(),
        codex: under_test::codex_under_test(),
        fake: String::new(),
        request_log: None,
        store: None,
        images: ImageFetcher::default(),
        home: codex_home::write,
        below: String::new(),
    }
}

/// With fake-codex and these directives; `{folder}` in them stands for the test's folder.
pub(crate) fn fake(directives: &str) -> TestProxyBuilder {
    TestProxyBuilder { codex: under_test::fake_codex(), fake: directives.to_owned(), ..real() }
}

impl TestProxyBuilder {
    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(crate) fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Signed in with ChatGPT at the sample model.
    pub(crate) fn signed_in(mut self) -> Self {
        self.home = codex_home::write_signed_in;
        self
    }

    /// The proxy without a server, and its dependencies.
    pub(crate) async fn proxy(self) -> (Proxy, Log, SampleModel, TempDir) {
        let model = sample_model().await;
        let folder = folder();
        let home = home_written_by(self.home, folder.path(), &model);
        let script = self.fake.replace("{folder}", &folder.path().display().to_string());
        let environment = Environment::from_process()
            .with("HOME", folder.path())
            .with("CODEX_HOME", home)
            .with("TMPDIR", codex_home::temp_dir(folder.path()).unwrap())
            .with("FAKE_CODEX", script);
        let mut settings = self.settings;
        settings.codex_path.get_or_insert(self.codex);
        let above = folder.path().join(self.below);
        settings.workspace = settings.workspace.map(|below| above.join(below));
        settings.data_dir = data_dir(&above);
        codex_home::write_installation_id(&settings.data_dir.join("codex-home")).unwrap();
        let log = Log::default();
        let parts = ProxyParts {
            settings,
            environment,
            computer: "laptop".to_owned(),
            limits: self.limits,
            keys: Vec::new(),
            request_log: self.request_log.unwrap_or_else(|| Arc::new(log.clone())),
            store: self.store,
            images: self.images,
            usage_limits: codex_client::SharedLimits::default(),
        };
        (Proxy::new(parts).unwrap(), log, model, folder)
    }

    pub(crate) async fn start(self) -> TestProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.start_on(listener).await
    }

    pub(crate) async fn start_on(self, listener: TcpListener) -> TestProxy {
        let (proxy, log, model, folder) = self.proxy().await;
        let (turns, handle) = (proxy.turns(), proxy.clone());
        let address = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(vec![listener], proxy, stop.clone()));
        TestProxy { log, turns, handle, model, folder, address, stop, server, http: reqwest::Client::new() }
    }
}

/// The proxy's data folder, below the test's.
pub(crate) fn data_dir(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A running proxy.
pub(crate) struct TestProxy {
    pub(crate) log: Log,
    /// The numbers of running and waiting turns.
    pub(crate) turns: tokio::sync::watch::Receiver<Occupancy>,
    pub(crate) handle: Proxy,
    pub(crate) model: SampleModel,
    pub(crate) folder: TempDir,
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    pub(crate) stop: CancellationToken,
    pub(crate) server: JoinHandle<()>,
    pub(crate) http: reqwest::Client,
}

impl TestProxy {
    /// Releases the held model, once it is held: an earlier release would be missed.
    pub(crate) async fn release_model(&self) {
        let held = |event: &sample_model::Event| matches!(event, sample_model::Event::Held { .. });
        assert!(self.model.wait_for(held, TIMEOUT).await.is_some());
        self.model.release();
    }

    /// Sends a request with this key. Returns the status and the body, which must conform to OpenAI's types.
    pub(crate) async fn call_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.anonymous(method, path).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, body) = (response.status().as_u16(), response.json().await.unwrap());
        schema::assert_conforms(&schema::body_violations(&body), &body);
        (status, body)
    }

    /// A request without a key.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address)).timeout(TIMEOUT)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.anonymous(Method::GET, path).bearer_auth(KEY)
    }

    pub(crate) async fn chat(&self, body: &Value) -> Response {
        self.post("/v1/chat/completions", body).await
    }

    /// Checks a response against OpenAI's schema; the events of a stream are checked when they are read.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        let request = self.anonymous(Method::POST, path).bearer_auth(KEY).json(body);
        checked(request.send().await.unwrap()).await
    }

    /// Sends one prompt.
    pub(crate) async fn ask(&self, prompt: &str) -> Response {
        self.chat(&prompt_body(prompt)).await
    }

    /// Sends one prompt, and streams the answer.
    pub(crate) async fn stream(&self, prompt: &str) -> Events {
        let mut body = prompt_body(prompt);
        body["stream"] = true.into();
        self.stream_of(&body).await
    }

    pub(crate) async fn stream_of(&self, body: &Value) -> Events {
        let response = self.chat(body).await;
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        Events::new(response)
    }
}

/// Checks a JSON body against OpenAI's schema, and returns the response.
async fn checked(response: Response) -> Response {
    let kind = response.headers().get("content-type").cloned();
    if kind.is_none_or(|kind| kind != "application/json") {
        return response;
    }
    let mut copy = axum::http::Response::builder().status(response.status());
    copy.headers_mut().unwrap().clone_from(response.headers());
    let body = response.bytes().await.unwrap();
    let sent = serde_json::from_slice(&body).unwrap();
    schema::assert_conforms(&schema::body_violations(&sent), &sent);
    copy.body(body).unwrap().into()
}

pub(crate) fn prompt_body(prompt: &str) -> Value {
    json!({"model":"gpt-5.5","messages":[{"role":"user","content":prompt}]})
}

/// The server-sent events of a stream.
pub(crate) struct Events {
    pub(crate) response: Response,
    buffer: Vec<u8>,
}

impl Events {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, buffer: Vec::new() }
    }

    /// The next block of lines, without the blank line after it.
    pub(crate) async fn next_block(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let mut block: Vec<u8> = self.buffer.drain(..at + 2).collect();
                block.truncate(at);
                return Some(String::from_utf8(block).unwrap());
            }
            // A character may be split between two chunks.
            self.buffer.extend_from_slice(&self.response.chunk().await.unwrap()?);
        }
    }

    /// The next event's data, checked against OpenAI's schema; `[DONE]` as a string. An event's name must be its type.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let block = self.next_block().await?;
        let (name, data) = match block.split_once('\n') {
            Some((name, data)) => (name.strip_prefix("event: "), data),
            None => (None, block.as_str()),
        };
        let data = data.strip_prefix("data: ").unwrap_or_else(|| panic!("not data: {block:?}"));
        if data == "[DONE]" {
            return Some(json!(data));
        }
        let event = serde_json::from_str(data).unwrap();
        schema::assert_conforms(&schema::event_violations(&event), &event);
        assert_eq!(name, event["type"].as_str(), "the event's name and type");
        Some(event)
    }

    /// The next delta of the answer.
    pub(crate) async fn next_text(&mut self) -> String {
        loop {
            let event = self.next().await.expect("the stream has ended");
            match event["choices"][0]["delta"]["content"].as_str() {
                Some("") | None => assert!(event["error"].is_null(), "{event}"),
                Some(text) => return text.to_owned(),
            }
        }
    }

    /// All remaining events.
    pub(crate) async fn rest(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
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

/// The living processes whose environment names `folder`: codex and its children in one test.
#[cfg(target_os = "linux")]
pub(crate) fn processes_of(folder: &Path) -> Vec<u32> {
    let folder = folder.display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if String::from_utf8_lossy(&environment).contains(&folder) {
            found.push(pid);
        }
    }
    found
}
