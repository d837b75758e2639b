//! A minimal WebDriver client.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::screen::Screen;
use crate::session::{Kill, LONG, Session};

/// WebDriver's key of an element id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The app's window, controlled by WebDriver.
pub(crate) struct Window {
    http: Client,
    base: String,
    screen: Screen,
    _driver: Kill,
}

impl Window {
    /// Starts the app in `session` and connects to its window.
    pub(crate) async fn open(session: &Session) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = session.web_driver(port);
        let http = Client::builder().timeout(LONG).build().unwrap();
        let server = format!("http://127.0.0.1:{port}");
        crate::session::eventually("the driver answers", || {
            let request = http.get(format!("{server}/status")).send();
            async { request.await.is_ok() }
        })
        .await;
        let wanted = json!({"capabilities":{"alwaysMatch":{"webkitgtk:browserOptions":{
            "binary": env!("CARGO_BIN_EXE_codex-proxy"), "args": []}}}});
        let response = http.post(format!("{server}/session")).json(&wanted).send().await.unwrap();
        let answer: Value = response.json().await.unwrap();
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        Self { http, base: format!("{server}/session/{id}"), screen: session.screen(), _driver: driver }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, Value> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if method == Method::POST {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let ok = response.status().is_success();
        let answer: Value = response.json().await.unwrap();
        if ok { Ok(answer["value"].clone()) } else { Err(answer["value"].clone()) }
    }

    /// Waits until an element matches the XPath, and returns its id.
    pub(crate) async fn find(&self, xpath: &str) -> String {
        let wait = async {
            loop {
                let query = json!({"using":"xpath","value":xpath});
                if let Ok(found) = self.call(Method::POST, "/element", query).await {
                    return found[ELEMENT].as_str().unwrap().to_owned();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(LONG, wait).await {
            Ok(id) => id,
            Err(_) => panic!("nothing matches {xpath} in: {}", self.text().await),
        }
    }

    /// Clicks the matching element as soon as it is clickable.
    pub(crate) async fn click(&self, xpath: &str) {
        let mut error_value = Value::Null;
        let wait = async {
            loop {
                let id = self.find(xpath).await;
                match self.call(Method::POST, &format!("/element/{id}/click"), json!({})).await {
                    Ok(_) => return,
                    Err(error) => error_value = error,
                }
                // It may be behind the bar at the bottom.
                let script = "arguments[0].scrollIntoView({ block: 'center' })";
                let scroll = json!({"script":script,"args":[{ELEMENT:id}]});
                let _gone = self.call(Method::POST, "/execute/sync", scroll).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(LONG, wait).await.is_err() {
            self.picture("not-clickable").await;
            panic!("not clickable: {xpath}: {error_value}");
        }
    }

    /// Types into the matching element.
    pub(crate) async fn type_into(&self, xpath: &str, text: &str) {
        let id = self.find(xpath).await;
        self.call(Method::POST, &format!("/element/{id}/value"), json!({"text":text})).await.unwrap();
    }

    /// The text of the matching element.
    pub(crate) async fn text_of(&self, xpath: &str) -> String {
        let id = self.find(xpath).await;
        let text = self.call(Method::GET, &format!("/element/{id}/text"), Value::Null).await.unwrap();
        text.as_str().unwrap().to_owned()
    }

    /// The text of the whole window.
    pub(crate) async fn text(&self) -> String {
        let script = json!({"script":"return document.body.innerText","args":[]});
        let text = self.call(Method::POST, "/execute/sync", script).await;
        text.map(|text| text.as_str().unwrap_or_default().to_owned()).unwrap_or_default()
    }

    /// Waits until the window contains this text.
    pub(crate) async fn says(&self, words: &str) {
        let wait = async {
            while !self.text().await.contains(words) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(LONG, wait).await.is_err() {
            panic!("{words:?} is not in: {}", self.text().await);
        }
    }

    /// Opens a view from the sidebar.
    pub(crate) async fn go_to(&self, view: &str) {
        self.click(&format!("//nav//*[normalize-space(.)='{view}']")).await;
        self.find(&format!("//h1[contains(., '{view}')]")).await;
    }

    /// Opens a page of the settings.
    pub(crate) async fn go_to_settings(&self, page: &str) {
        self.go_to("Settings").await;
        self.click(&format!("//button[@role='tab'][normalize-space(.)='{page}']")).await;
        self.find(&format!("//*[@role='tabpanel'][@aria-label='{page}']")).await;
    }

    /// Replaces the text of a field and presses Enter.
    pub(crate) async fn enter(&self, xpath: &str, text: &str) {
        self.fill(xpath, text).await;
        self.type_into(xpath, "\u{e007}").await;
    }

    /// Replaces the text of a field.
    pub(crate) async fn fill(&self, xpath: &str, text: &str) {
        let id = self.find(xpath).await;
        self.call(Method::POST, &format!("/element/{id}/clear"), json!({})).await.unwrap();
        self.type_into(xpath, text).await;
    }

    /// Creates a key in the Keys view, and returns its secret.
    pub(crate) async fn create_key(&self, name: &str) -> String {
        self.go_to("Keys").await;
        self.click("//button[normalize-space(.)='New key']").await;
        self.type_into("//*[@role='dialog']//input | //dialog//input", name).await;
        self.click("//button[normalize-space(.)='Create']").await;
        let secret = self.text_of("//code[@aria-label='The key']").await;
        assert!(secret.starts_with("sk-"), "{secret}");
        secret
    }

    /// Chooses an item of the menu whose button has this name.
    pub(crate) async fn choose(&self, menu: &str, item: &str) {
        self.click(&format!("//button[@aria-label='{menu}']")).await;
        self.click(&format!("//*[@role='menu']//*[normalize-space(.)='{item}']")).await;
    }

    /// Presses a key with Ctrl while a view's button in the sidebar has the focus.
    pub(crate) async fn ctrl(&self, key: char) {
        /// WebDriver's code of the Control key.
        const CONTROL: char = '\u{E009}';
        let id = self.find("//nav//button[@aria-current]").await;
        // It may close the window, and is then not confirmed.
        let keys = json!({"text": format!("{CONTROL}{key}")});
        let _ = self.call(Method::POST, &format!("/element/{id}/value"), keys).await;
    }

    /// Clicks the matching element with the right button.
    pub(crate) async fn right_click(&self, xpath: &str) {
        let id = self.find(xpath).await;
        let at = json!({"type":"pointerMove","duration":0,"x":0,"y":0,"origin":{ELEMENT: id}});
        let actions = json!([at, {"type":"pointerDown","button":2}, {"type":"pointerUp","button":2}]);
        let mouse = json!({"actions":[{"type":"pointer","id":"mouse","actions":actions}]});
        self.call(Method::POST, "/actions", mouse).await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Clicks an element that closes the window, so the click may not be confirmed.
    pub(crate) async fn click_to_close(&self, xpath: &str) {
        let id = self.find(xpath).await;
        let _ = self.call(Method::POST, &format!("/element/{id}/click"), json!({})).await;
    }

    /// Runs a script and returns the value passed to its callback, the last argument.
    pub(crate) async fn script(&self, script: &str) -> Value {
        let timeouts = json!({"script": LONG.as_millis()});
        self.call(Method::POST, "/timeouts", timeouts).await.unwrap();
        let answer = self.call(Method::POST, "/execute/async", json!({"script":script,"args":[]})).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Saves a screenshot if `DESKTOP_PICTURES` is set.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("DESKTOP_PICTURES") else { return };
        // Waits for colour transitions.
        tokio::time::sleep(Duration::from_millis(600)).await;
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.ppm")), self.screen.picture())
            .unwrap();
    }
}
