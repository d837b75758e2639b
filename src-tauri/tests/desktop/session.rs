//! A test's own session: screen, bus, optional keychain, home, sample model and the app.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sample_model::{SampleModel, codex_home, under_test};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::screen::Screen;
use crate::tray::TrayHost;

/// Timeout of all waits, generous for a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// What a session includes.
#[derive(Clone, Copy)]
pub(crate) struct With {
    pub(crate) keychain: bool,
    pub(crate) tray: bool,
}

/// A keychain and a tray, like most desktops.
pub(crate) const USUAL: With = With { keychain: true, tray: true };

/// The session. Dropping it stops everything in it.
pub(crate) struct Session {
    // Stopped last to first.
    children: Vec<Kill>,
    pub(crate) tray: Option<TrayHost>,
    pub(crate) model: SampleModel,
    pub(crate) home: TempDir,
    pub(crate) bus: String,
    pub(crate) display: String,
    /// The port that the app's proxy uses.
    pub(crate) port: u16,
    more: Vec<(String, String)>,
}

/// A child killed on drop.
pub(crate) struct Kill(pub(crate) Child);

impl Kill {
    /// Waits until it has exited.
    pub(crate) async fn ends(&mut self) {
        eventually("the app has ended", || {
            let ended = self.0.try_wait().unwrap().is_some();
            async move { ended }
        })
        .await;
    }
}

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

impl Session {
    pub(crate) async fn start(with: With) -> Self {
        Self::start_with(with, &[]).await
    }

    /// The same with more environment variables.
    pub(crate) async fn start_with(with: With, more: &[(&str, &str)]) -> Self {
        let home =
            tempfile::Builder::new().prefix("desktop-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::create_dir_all(home.path().join("run")).unwrap();
        let (screen, display) = screen();
        let mut children = vec![screen];
        let (bus_child, bus) = bus(home.path());
        children.push(bus_child);
        if with.keychain {
            children.push(keychain(home.path(), &bus));
        }
        let tray = if with.tray { Some(TrayHost::start(&bus).await) } else { None };
        let model = SampleModel::start(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let codex = home.path().join(".codex");
        std::fs::create_dir_all(&codex).unwrap();
        codex_home::write(&codex, &model.base_url()).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let session = Self { children, tray, model, home, bus, display, port, more };
        session.write_settings(&format!(
            "{{\"version\":1,\"port\":{port},\"log_level\":\"debug\",\"setup_done\":true}}"
        ));
        session
    }

    /// The app's data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Writes a settings file.
    pub(crate) fn write_settings(&self, text: &str) {
        std::fs::create_dir_all(self.data()).unwrap();
        std::fs::write(self.data().join("settings.json"), text).unwrap();
    }

    /// The app's environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.display().to_string();
        let home = self.home.path();
        [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", text(home)),
            ("XDG_RUNTIME_DIR", text(&home.join("run"))),
            ("XDG_DATA_HOME", text(&home.join(".local/share"))),
            ("XDG_CONFIG_HOME", text(&home.join(".config"))),
            ("XDG_CACHE_HOME", text(&home.join(".cache"))),
            ("DBUS_SESSION_BUS_ADDRESS", self.bus.clone()),
            ("DISPLAY", self.display.clone()),
            ("GDK_BACKEND", "x11".to_owned()),
            ("LIBGL_ALWAYS_SOFTWARE", "1".to_owned()),
            ("WEBKIT_DISABLE_COMPOSITING_MODE", "1".to_owned()),
            // WebKit's sandbox does not start as root.
            ("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            // `Adwaita:dark` for dark screenshots.
            ("GTK_THEME", std::env::var("DESKTOP_THEME").unwrap_or_else(|_| "Adwaita".to_owned())),
            ("CODEX_HOME", text(&home.join(".codex"))),
            ("TMPDIR", text(&sample_model::codex_home::temp_dir(home).unwrap())),
            ("CODEX_PATH", text(&under_test::codex_under_test())),
            ("CODEX_APP_SERVER_LOGIN_ISSUER", self.model.login_issuer()),
            ("DATA_DIR", text(&self.data())),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain(self.more.iter().cloned())
        .collect()
    }

    /// Starts the app without WebDriver.
    pub(crate) fn app(&self, args: &[&str]) -> Kill {
        let mut app = command(env!("CARGO_BIN_EXE_codex-proxy"));
        app.args(args).env_clear().envs(self.environment()).stdin(Stdio::null());
        Kill(app.spawn().unwrap())
    }

    /// Starts WebKitWebDriver on `port`, which starts the app.
    pub(crate) fn web_driver(&self, port: u16) -> Kill {
        let mut driver = command("WebKitWebDriver");
        driver.args([format!("--port={port}"), "--host=127.0.0.1".to_owned()]);
        driver.env_clear().envs(self.environment());
        // Enables automation of the web view.
        driver.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
        Kill(driver.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// Whether the proxy answers.
    pub(crate) async fn answers(&self) -> bool {
        reqwest::get(format!("http://127.0.0.1:{}/health", self.port)).await.is_ok()
    }

    /// Waits until the model holds an answer.
    pub(crate) async fn model_holds(&self) {
        let held = |event: &sample_model::Event| matches!(event, sample_model::Event::Held { .. });
        assert!(self.model.wait_for(held, LONG).await.is_some());
    }

    /// The screen and its clipboard.
    pub(crate) fn screen(&self) -> Screen {
        Screen::of(&self.display)
    }

    /// Runs a program in the session, and returns its success and output.
    pub(crate) async fn run(&self, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> (bool, String) {
        let mut child = command(program);
        child.args(args).env_clear().envs(self.environment()).stdin(Stdio::null());
        let mut child = tokio::process::Command::from(child);
        let output = tokio::time::timeout(LONG, child.kill_on_drop(true).output()).await.unwrap().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Sends a chat request.
    pub(crate) async fn chat(&self, key: &str, prompt: &str) -> reqwest::Response {
        self.ask(key, prompt, false).await
    }

    /// Sends a streaming chat request.
    pub(crate) async fn stream(&self, key: &str, prompt: &str) -> reqwest::Response {
        self.ask(key, prompt, true).await
    }

    /// Sends a chat request for this model.
    pub(crate) async fn ask_model(&self, key: &str, model: &str) -> reqwest::Response {
        let messages = serde_json::json!([{"role":"user","content":"hi"}]);
        self.send(key, &serde_json::json!({"model":model,"messages":messages})).await
    }

    /// Sends a chat request to Codex itself.
    pub(crate) async fn agent(&self, key: &str, prompt: &str) -> reqwest::Response {
        let messages = serde_json::json!([{"role":"user","content":prompt}]);
        self.send(key, &serde_json::json!({"model":"codex-local","messages":messages})).await
    }

    async fn ask(&self, key: &str, prompt: &str, stream: bool) -> reqwest::Response {
        let messages = serde_json::json!([{"role":"user","content":prompt}]);
        let body = serde_json::json!({"model":"gpt-5.5","messages":messages,"stream":stream});
        self.send(key, &body).await
    }

    async fn send(&self, key: &str, body: &serde_json::Value) -> reqwest::Response {
        let request =
            reqwest::Client::new().post(format!("http://127.0.0.1:{}/v1/chat/completions", self.port));
        request.bearer_auth(key).json(body).timeout(LONG).send().await.unwrap()
    }

    /// The app's processes, by `DATA_DIR` in their environment.
    pub(crate) fn processes_of_app(&self) -> Vec<String> {
        let wanted = format!("DATA_DIR={}", self.data().display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environment).contains(&wanted) {
                let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
                let is_zombie =
                    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'));
                if !is_zombie {
                    found.push(name.trim().to_owned());
                }
            }
        }
        found
    }

    /// The environment of the app's process with this name.
    pub(crate) fn environment_of(&self, name: &str) -> Option<Vec<String>> {
        let wanted = format!("DATA_DIR={}", self.data().display());
        std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let comm = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let found = comm.trim() == name && environment.contains(&wanted);
            found.then(|| environment.split('\0').map(str::to_owned).collect())
        })
    }

    /// Puts a shell script first on the `PATH`; returns the file `opened` in the home, for its output.
    pub(crate) fn stub_program(&mut self, name: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = self.home.path().join("stubs");
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join(name);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        self.more.push(("PATH".to_owned(), path));
        self.home.path().join("opened")
    }

    /// All files in the home that contain `secret`.
    pub(crate) fn files_with(&self, secret: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let bytes = std::fs::read(entry.path()).unwrap_or_default();
                    if bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) {
                        found.push(entry.path());
                    }
                }
            }
        }
        found
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for entry in std::fs::read_dir(self.data().join("logs")).into_iter().flatten().flatten() {
                eprintln!("{}", std::fs::read_to_string(entry.path()).unwrap_or_default());
            }
        }
        while let Some(child) = self.children.pop() {
            drop(child);
        }
    }
}

/// Starts Xvfb on a free display.
fn screen() -> (Kill, String) {
    let mut xvfb = command("Xvfb");
    xvfb.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]);
    let mut child = xvfb.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let number = first_line(&mut child);
    (Kill(child), format!(":{number}"))
}

fn bus(home: &Path) -> (Kill, String) {
    let mut daemon = command("dbus-daemon");
    daemon.args(["--session", "--nofork", "--print-address"]).env("HOME", home);
    daemon.env("XDG_RUNTIME_DIR", home.join("run"));
    let mut child = daemon.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let address = first_line(&mut child);
    (Kill(child), address)
}

fn keychain(home: &Path, bus: &str) -> Kill {
    let mut daemon = command("gnome-keyring-daemon");
    daemon.args(["--unlock", "--components=secrets", "--foreground"]);
    daemon
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("XDG_DATA_HOME", home.join(".local/share"));
    daemon.env("DBUS_SESSION_BUS_ADDRESS", bus);
    let mut child = daemon.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"password\n").unwrap();
    Kill(child)
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// Polls until `is_so` is true.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, wait).await.is_ok(), "timed out: {what}");
}
