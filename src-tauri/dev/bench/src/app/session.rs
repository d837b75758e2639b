//! A virtual screen, a session bus and a home folder to run the app in.

use std::path::Path;
use std::process::Stdio;

use anyhow::Result;

use crate::child::{self, Server, built_binary};
use crate::http::{KEY, client};
use crate::testbed::Testbed;

/// Xvfb and dbus-daemon print their address on the first line.
const FIRST_LINE: Option<&str> = Some("");

pub(super) struct Session {
    _screen: Server,
    _bus: Server,
    http: reqwest::Client,
    /// The app's environment variables.
    environment: Vec<(&'static str, String)>,
    pub(super) display: String,
    port: u16,
}

impl Session {
    pub(super) async fn start(testbed: &Testbed) -> Result<Self> {
        let (home, run) = (testbed.folder("home")?, testbed.folder("run")?);
        let (data, codex_home) = (testbed.folder("app-data")?, testbed.codex_home("app-home", None)?);
        let mut xvfb = child::command("Xvfb");
        xvfb.stderr(Stdio::null()).args("-displayfd 1 -screen 0 1280x900x24 -nolisten tcp".split(' '));
        let screen = Server::start(xvfb, FIRST_LINE).await?;
        let mut daemon = child::command("dbus-daemon");
        daemon.stderr(Stdio::null()).args(["--session", "--nofork", "--print-address"]);
        daemon.env("HOME", &home).env("XDG_RUNTIME_DIR", &run);
        let bus = Server::start(daemon, FIRST_LINE).await?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // Lets the app start hidden without a tray.
        let settings = serde_json::json!({"version": 1, "port": port, "asked_about_background": true});
        std::fs::write(data.join("settings.json"), settings.to_string())?;
        let text = |path: &Path| path.display().to_string();
        let display = format!(":{}", screen.address);
        let environment = vec![
            ("HOME", text(&home)),
            ("XDG_RUNTIME_DIR", text(&run)),
            ("DBUS_SESSION_BUS_ADDRESS", bus.address.clone()),
            ("DISPLAY", display.clone()),
            ("GDK_BACKEND", "x11".to_owned()),
            ("LIBGL_ALWAYS_SOFTWARE", "1".to_owned()),
            // WebKit's sandbox does not work as root.
            ("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("CODEX_HOME", text(&codex_home)),
            ("CODEX_PATH", text(&testbed.codex)),
            ("DATA_DIR", text(&data)),
            ("API_KEYS", KEY.to_owned()),
        ];
        Ok(Self { _screen: screen, _bus: bus, http: client()?, environment, display, port })
    }

    pub(super) async fn app(&self, args: &[&str]) -> Result<Server> {
        let mut app = child::command(built_binary("codex-proxy")?);
        app.args(args).envs(self.environment.iter().cloned()).stderr(Stdio::null());
        Server::start(app, None).await
    }

    /// The proxy's address.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) async fn is_healthy(&self) -> bool {
        let answer = self.http.get(format!("{}/health", self.address())).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

pub(super) mod window {
    use anyhow::{Context, Result};
    use x11rb::connection::Connection;
    use x11rb::protocol::xproto::{
        AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, MapState, Window,
    };

    /// The app's window, if visible.
    pub(crate) fn find(display: &str) -> Result<Option<Window>> {
        let (x, number) = x11rb::connect(Some(display))?;
        let root = x.setup().roots.get(number).context("there is no screen")?.root;
        for window in x.query_tree(root)?.reply()?.children {
            let title = x.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64)?.reply();
            let attributes = x.get_window_attributes(window)?.reply();
            // The window may have closed since it was listed.
            let (Ok(title), Ok(attributes)) = (title, attributes) else { continue };
            if title.value == b"Codex Proxy" && attributes.map_state == MapState::VIEWABLE {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    /// Closes the window like a window manager.
    pub(crate) fn close(display: &str) -> Result<()> {
        let window = find(display)?.context("there is no window")?;
        let (x, _) = x11rb::connect(Some(display))?;
        let protocols = x.intern_atom(false, b"WM_PROTOCOLS")?.reply()?.atom;
        let delete = x.intern_atom(false, b"WM_DELETE_WINDOW")?.reply()?.atom;
        let message = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
        Ok(x.send_event(false, window, EventMask::NO_EVENT, message)?.check()?)
    }
}
