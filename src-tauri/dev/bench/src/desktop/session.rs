//! A screen, a session bus and a home for the app, and the app in them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::timeout;

use crate::child;
use crate::folder::Folder;
use crate::processes::{self, Private};
use crate::proxyd::KEY;
use crate::run::built;

/// For a program that says where it is once it is ready.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// An app that was asked to end lets go of codex first.
const END_LIMIT: Duration = Duration::from_secs(20);

/// The session; its programs end when it is dropped.
pub(super) struct Session {
    _screen: Child,
    _bus: Child,
    /// What the app lives in.
    pub(super) environment: Vec<(&'static str, String)>,
    display: String,
    port: u16,
}

impl Session {
    pub(super) async fn start(folder: &Folder, codex: &Path, codex_home: PathBuf) -> Result<Self> {
        let (home, run, data) = (folder.room("home")?, folder.room("run")?, folder.room("app-data")?);
        let mut xvfb = child::command("Xvfb");
        xvfb.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"]);
        let (screen, number) = spoken(xvfb, "Xvfb").await?;
        let mut daemon = child::command("dbus-daemon");
        daemon
            .args(["--session", "--nofork", "--print-address"])
            .env("HOME", &home)
            .env("XDG_RUNTIME_DIR", &run);
        let (bus, address) = spoken(daemon, "dbus-daemon").await?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // There is no tray here; with this answer the app starts hidden all the same.
        let settings = serde_json::json!({"version": 1, "port": port, "asked_about_background": true});
        std::fs::write(data.join("settings.json"), settings.to_string())?;
        let text = |path: &Path| path.display().to_string();
        let display = format!(":{number}");
        let environment = vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", text(&home)),
            ("XDG_RUNTIME_DIR", text(&run)),
            ("XDG_DATA_HOME", text(&home.join(".local/share"))),
            ("XDG_CONFIG_HOME", text(&home.join(".config"))),
            ("XDG_CACHE_HOME", text(&home.join(".cache"))),
            ("DBUS_SESSION_BUS_ADDRESS", address),
            ("DISPLAY", display.clone()),
            ("GDK_BACKEND", "x11".to_owned()),
            ("LIBGL_ALWAYS_SOFTWARE", "1".to_owned()),
            // As root WebKit's own sandbox does not start.
            ("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
            ("CODEX_HOME", text(&codex_home)),
            ("CODEX_PATH", text(codex)),
            ("DATA_DIR", text(&data)),
            ("API_KEYS", KEY.to_owned()),
        ];
        Ok(Self { _screen: screen, _bus: bus, environment, display, port })
    }

    /// Starts the app.
    pub(super) fn app(&self, args: &[&str]) -> Result<App> {
        let mut app = child::command(built("codex-proxy")?);
        app.args(args).env_clear().envs(self.environment.iter().cloned());
        app.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = app.spawn().context("the app cannot be started")?;
        let pid = child.id().context("the app ended at once")?;
        Ok(App { child, pid })
    }

    /// Where its proxy listens.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether `/health` answers. Without a client's own delays: a refused connection is known at once.
    pub(super) async fn is_healthy(&self) -> bool {
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            let request = b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await?;
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await?;
            std::io::Result::Ok(answer == *b"HTTP/1.1 200")
        };
        ask.await.unwrap_or(false)
    }

    #[cfg(target_os = "linux")]
    pub(super) fn has_window(&self) -> bool {
        window::find(&self.display).is_ok_and(|found| found.is_some())
    }

    /// Clicks the window's close button.
    #[cfg(target_os = "linux")]
    pub(super) fn close_window(&self) -> Result<()> {
        window::close(&self.display)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn has_window(&self) -> bool {
        self.display.is_empty()
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn close_window(&self) -> Result<()> {
        anyhow::bail!("only on Linux")
    }
}

/// The app, running.
pub(super) struct App {
    child: Child,
    pid: u32,
}

impl App {
    /// The processes that it has started.
    pub(super) fn children(&self) -> Vec<u32> {
        processes::children(self.pid)
    }

    /// Its memory, that of its web view included.
    pub(super) fn private(&self) -> Option<Private> {
        super::private(std::iter::once(self.pid).chain(self.children()))
    }

    /// How often threads of it, and of what is left of its web view, were put on a CPU.
    pub(super) fn switches(&self) -> Option<u64> {
        std::iter::once(self.pid).chain(self.children()).map(processes::switches).sum()
    }

    /// Asks it to end and waits until it has.
    pub(super) async fn end(mut self) -> Result<()> {
        child::ask_to_end(&mut self.child)?;
        timeout(END_LIMIT, self.child.wait()).await.context("the app does not end")??;
        Ok(())
    }
}

/// Starts a program whose first line says where it is.
async fn spoken(mut command: tokio::process::Command, name: &str) -> Result<(Child, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
    let mut lines = BufReader::new(child.stdout.take().context("a piped stdout is there")?).lines();
    let line =
        timeout(READY_LIMIT, lines.next_line()).await.with_context(|| format!("{name} is not ready"))??;
    Ok((child, line.with_context(|| format!("{name} says nothing"))?))
}

#[cfg(target_os = "linux")]
mod window {
    use anyhow::{Context, Result};
    use x11rb::connection::Connection;
    use x11rb::protocol::xproto::{
        AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, MapState, Window,
    };

    /// The app's window, while it is on the screen.
    pub(super) fn find(display: &str) -> Result<Option<Window>> {
        let (x, number) = x11rb::connect(Some(display))?;
        let root = x.setup().roots.get(number).context("there is no screen")?.root;
        for window in x.query_tree(root)?.reply()?.children {
            let title = x.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64)?.reply();
            let attributes = x.get_window_attributes(window)?.reply();
            // A window may be gone between two questions about it; then it is none.
            let (Ok(title), Ok(attributes)) = (title, attributes) else { continue };
            if title.value == b"Codex Proxy" && attributes.map_state == MapState::VIEWABLE {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    /// Asks it to close, as a window manager does.
    pub(super) fn close(display: &str) -> Result<()> {
        let window = find(display)?.context("there is no window")?;
        let (x, _) = x11rb::connect(Some(display))?;
        let protocols = x.intern_atom(false, b"WM_PROTOCOLS")?.reply()?.atom;
        let delete = x.intern_atom(false, b"WM_DELETE_WINDOW")?.reply()?.atom;
        let message = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
        Ok(x.send_event(false, window, EventMask::NO_EVENT, message)?.check()?)
    }
}
