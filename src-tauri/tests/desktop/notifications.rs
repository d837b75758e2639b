//! Notifications, with a stand-in for the desktop's service.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sample_model::under_test;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, interface};

use crate::approvals;
use crate::driver::Window;
use crate::session::{Session, USUAL, eventually};

const PATH: &str = "/org/freedesktop/Notifications";

#[derive(Clone, Debug)]
pub(crate) struct Notification {
    id: u32,
    title: String,
    body: String,
    pub(crate) actions: Vec<String>,
}

struct Service(Arc<Mutex<Vec<Notification>>>);

#[interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &self,
        _app: &str,
        _replaces: u32,
        _icon: &str,
        title: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let mut shown = self.0.lock().unwrap();
        let id = u32::try_from(shown.len()).unwrap() + 1;
        shown.push(Notification { id, title, body, actions });
        id
    }

    fn get_capabilities(&self) -> Vec<&str> {
        vec!["actions", "body"]
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str) -> zbus::Result<()>;
}

pub(crate) struct Notifications {
    bus: Connection,
    shown: Arc<Mutex<Vec<Notification>>>,
}

impl Notifications {
    pub(crate) async fn of(session: &Session) -> Self {
        let shown = Arc::default();
        let bus = zbus::connection::Builder::address(session.bus.as_str())
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .serve_at(PATH, Service(Arc::clone(&shown)))
            .unwrap()
            .build()
            .await
            .unwrap();
        Self { bus, shown }
    }

    fn all(&self) -> Vec<Notification> {
        self.shown.lock().unwrap().clone()
    }

    pub(crate) async fn shows(&self, title: &str) -> Notification {
        let find = || self.all().into_iter().find(|shown| shown.title.contains(title));
        eventually(title, || async { find().is_some() }).await;
        find().unwrap()
    }

    pub(crate) async fn click(&self, notification: &Notification, action: &str) {
        let emitter = SignalEmitter::new(&self.bus, PATH).unwrap();
        Service::action_invoked(&emitter, notification.id, action).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn the_first_close_says_once_that_the_app_stays_in_the_tray_and_can_quit_instead() {
    let session = Session::start(USUAL).await;
    let notifications = Notifications::of(&session).await;
    let (screen, tray) = (session.screen(), session.tray.as_ref().unwrap());
    let mut app = session.app(&[]);
    screen.shows_window().await;
    screen.close_window();
    let shown = notifications.shows("keeps running in the tray").await;
    assert!(shown.actions.contains(&"Quit instead".to_owned()), "{shown:?}");
    assert!(shown.body.contains("menu of the tray icon"), "{shown:?}");
    screen.shows_no_window().await;

    tray.click("Open Codex Proxy").await;
    screen.shows_window().await;
    screen.close_window();
    screen.shows_no_window().await;
    // A click on the notification opens the window.
    notifications.click(&shown, "default").await;
    screen.shows_window().await;
    assert_eq!(notifications.all().len(), 1);
    notifications.click(&shown, "quit").await;
    app.ends().await;
    eventually("nothing is left", || async { session.processes_of_app().is_empty() }).await;
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_codex_that_is_gone_is_notified_once_and_never_when_switched_off() {
    for wanted in [true, false] {
        let session = Session::start_with(USUAL, &[("API_KEYS", "sk-demo")]).await;
        let codex = session.home.path().join("my-codex");
        std::fs::copy(under_test::fake_codex(), &codex).unwrap();
        let settings = serde_json::json!({"version": 1, "port": session.port, "codex_path": codex, "notify_codex": wanted});
        session.write_settings(&settings.to_string());
        let notifications = Notifications::of(&session).await;
        let _app = session.app(&["--hidden"]);
        let tray = session.tray.as_ref().unwrap();
        eventually("it runs", || async { tray.lines(1).await[0].starts_with("Running") }).await;
        std::fs::remove_file(&codex).unwrap();
        tray.click("Restart Codex").await;
        eventually("the tray shows it", || async { tray.lines(1).await == ["Can't use the chosen Codex"] })
            .await;
        if wanted {
            let shown = notifications.shows("Codex can't be used any more").await;
            assert!(shown.body.contains("my-codex"), "{shown:?}");
        }
        for _ in 0..2 {
            assert_eq!(session.chat("sk-demo", "hi").await.status(), 503);
        }
        assert_eq!(notifications.all().len(), usize::from(wanted));
    }
}

#[tokio::test]
#[ignore = "needs the real codex: cargo xtask test"]
async fn a_question_is_notified_without_the_command_and_a_click_opens_its_card() {
    let session = approvals::asking(&[]).await;
    let notifications = Notifications::of(&session).await;
    let window = Window::open(&session).await;
    window.says("Running on port").await;
    let answer = approvals::ask(&session, "[[escalate=\"touch here.txt\"]]");
    let shown = notifications.shows("Codex asks for approval").await;
    assert_eq!(shown.body, "Requested by Zed, key API_KEYS #1.");
    window.click(&format!("{}//button[normalize-space(.)='Decide later']", approvals::CARD)).await;
    notifications.click(&shown, "default").await;
    window.find(approvals::CARD).await;
    approvals::press(&window, "Deny").await;
    answer.await.unwrap();
    assert_eq!(notifications.all().len(), 1);
}
