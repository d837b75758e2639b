//! The tray's icon, tooltip and menu, line by line. The shell shows them.

use proxy::health::{FixAction, Health, Level};
use proxy::{local_time, unix_now};

use super::{AccountView, App, LimitView, Overview};
use crate::gateway::ProxyState;
use crate::keychain::KeyRow;
use crate::request_log::{ExchangeQuery, ExchangeRow, ExchangeState};

/// How many recent requests the menu shows.
const MAX_RECENT: u32 = 5;

/// The names of the lines of the account's limits, which bound their number.
const LIMIT_ITEMS: [&str; 4] = ["limit-1", "limit-2", "limit-3", "limit-4"];

/// Everything that the tray shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrayMenu {
    /// The state, for the icon.
    pub level: Level,
    /// The menu, whose first line is also the tooltip.
    pub items: Vec<TrayItem>,
}

/// A line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrayItem {
    /// What a click does. Two items of a menu have different actions.
    pub action: TrayAction,
    /// The text; empty for a separator.
    pub label: String,
    /// Whether it can be clicked or opened.
    pub enabled: bool,
    /// What it looks like.
    pub kind: TrayItemKind,
}

/// What an item looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrayItemKind {
    /// Text.
    Plain,
    /// Text with or without a check mark.
    Check(bool),
    /// A line between two groups.
    Separator,
    /// A menu within the menu.
    Submenu(Vec<TrayItem>),
}

/// What a click on an item does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrayAction {
    /// Nothing. The name tells such items apart.
    Nothing(&'static str),
    /// Applies the fix of the first line's problem.
    Fix(FixAction),
    /// Copies the base URL.
    CopyBaseUrl,
    /// Copies the key with this id.
    CopyKey(String),
    /// Opens the window at Connect.
    Connect,
    /// Opens the window at Requests, for the request with this number of the list.
    ShowRequest(usize),
    /// Starts or stops the proxy.
    Toggle,
    /// Starts codex again.
    RestartCodex,
    /// Opens the window.
    Open,
    /// Opens the window at Settings.
    Settings,
    /// Changes start at login.
    StartAtLogin,
    /// Quits.
    Quit,
}

impl TrayMenu {
    /// The menu from a click on Quit until the app has quit; its icon shows that, too.
    #[must_use]
    pub fn quitting() -> Self {
        let items = vec![text("title", "Quitting…"), separator("quit"), item(TrayAction::Quit, "Quit now")];
        Self { level: Level::Working, items }
    }

    /// The first line.
    #[must_use]
    pub fn title(&self) -> &str {
        self.items.first().map_or("", |item| &item.label)
    }

    fn of(overview: &Overview, keys: &[KeyRow], recent: &[ExchangeRow], now: u64) -> Self {
        let health = &overview.health;
        let mut items = vec![text("title", title(overview, now))];
        items.extend(fix(health));
        items.extend(
            overview.codex.account.as_ref().map(|account| text("account", describe_account(account))),
        );
        let windows = overview.limits.iter().flat_map(|limits| &limits.windows);
        items.extend(
            LIMIT_ITEMS.into_iter().zip(windows).map(|(name, window)| text(name, limit(window, now))),
        );
        let owns_port = !matches!(overview.proxy, ProxyState::PortTaken { .. } | ProxyState::Failed { .. });
        let copied: Vec<TrayItem> = keys
            .iter()
            .filter(|key| key.can_copy)
            .map(|key| item(TrayAction::CopyKey(key.id.clone()), &key.name))
            .collect();
        let requests: Vec<TrayItem> = recent
            .iter()
            .enumerate()
            .map(|(number, row)| item(TrayAction::ShowRequest(number), request(row, now)))
            .collect();
        items.extend([
            separator("use"),
            item(TrayAction::CopyBaseUrl, "Copy base URL").enabled(owns_port),
            submenu("keys", "Copy key", copied, owns_port),
            item(TrayAction::Connect, "Connect an app…"),
            submenu("requests", "Recent requests", requests, true),
            separator("run"),
            toggle(&overview.proxy),
            item(TrayAction::RestartCodex, "Restart Codex").enabled(is_running(&overview.proxy)),
            item(TrayAction::Open, "Open Codex Proxy"),
            item(TrayAction::Settings, "Settings…"),
            TrayItem {
                kind: TrayItemKind::Check(overview.starts_at_login),
                ..item(TrayAction::StartAtLogin, "Start at login")
            },
            separator("quit"),
            item(TrayAction::Quit, "Quit Codex Proxy"),
        ]);
        Self { level: health.level, items }
    }
}

impl TrayItem {
    fn enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }
}

impl App {
    /// What the tray shows now.
    pub async fn tray_menu(&self) -> TrayMenu {
        let keys = self.0.keys.rows().await.unwrap_or_default();
        let query = ExchangeQuery { limit: Some(MAX_RECENT), ..ExchangeQuery::default() };
        let recent = self.0.request_log.query(query).await;
        TrayMenu::of(&self.overview(), &keys, &recent, unix_now())
    }
}

fn item(action: TrayAction, label: impl Into<String>) -> TrayItem {
    TrayItem { action, label: label.into(), enabled: true, kind: TrayItemKind::Plain }
}

fn text(name: &'static str, label: impl Into<String>) -> TrayItem {
    item(TrayAction::Nothing(name), label).enabled(false)
}

fn separator(name: &'static str) -> TrayItem {
    TrayItem { kind: TrayItemKind::Separator, ..text(name, "") }
}

fn submenu(name: &'static str, label: &str, items: Vec<TrayItem>, enabled: bool) -> TrayItem {
    let enabled = enabled && !items.is_empty();
    TrayItem { enabled, kind: TrayItemKind::Submenu(items), ..text(name, label) }
}

fn is_running(proxy: &ProxyState) -> bool {
    matches!(proxy, ProxyState::Running { .. })
}

/// The state, and how much there is to do.
fn title(Overview { health, answering, waiting, .. }: &Overview, now: u64) -> String {
    if let Some(until) = health.until {
        return format!("{} · resets {}", health.title, local_time(until, now));
    }
    let traffic = match (answering, waiting) {
        _ if health.level != Level::Ok => return health.title.clone(),
        (0, 0) => return health.title.clone(),
        (answering, 0) => format!("{answering} running"),
        (0, waiting) => format!("{waiting} queued"),
        (answering, waiting) => format!("{answering} running, {waiting} queued"),
    };
    format!("{} · {traffic}", health.title)
}

/// `me@example.com (Plus)`.
fn describe_account(account: &AccountView) -> String {
    match &account.plan {
        Some(plan) => format!("{} ({plan})", account.name),
        None => account.name.clone(),
    }
}

/// `5 hours: 29% left, resets 14:20`.
fn limit(window: &LimitView, now: u64) -> String {
    let left = 100_u8.saturating_sub(window.used_percent);
    let resets = window.resets_at.map(|at| format!(", resets {}", local_time(at, now)));
    format!("{}: {left}% left{}", window.label, resets.unwrap_or_default())
}

/// The fix as the second line. Start has its own item.
fn fix(health: &Health) -> Option<TrayItem> {
    let fix = health.fix.as_ref().filter(|fix| fix.action != FixAction::StartProxy)?;
    Some(item(TrayAction::Fix(fix.action), &fix.label))
}

fn toggle(proxy: &ProxyState) -> TrayItem {
    let label = match proxy {
        ProxyState::Running { .. } => "Stop",
        ProxyState::Stopping => "Stopping…",
        ProxyState::Stopped | ProxyState::PortTaken { .. } | ProxyState::Failed { .. } => "Start",
    };
    item(TrayAction::Toggle, label).enabled(*proxy != ProxyState::Stopping)
}

/// `14:20 · Open WebUI · gpt-5.5 · done`.
fn request(row: &ExchangeRow, now: u64) -> String {
    let state = match row.state {
        ExchangeState::Waiting => "waiting",
        ExchangeState::Streaming => "running",
        ExchangeState::Done => "done",
        ExchangeState::Failed => "failed",
        ExchangeState::Stopped | ExchangeState::Cancelled => "stopped",
    };
    let parts = [&local_time(row.at / 1000, now), &row.app, &row.model, state];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use proxy::health::Fix;

    use super::*;
    use crate::app::{AccountKind, CodexView, LimitsView};

    fn running() -> Overview {
        Overview {
            health: Health {
                level: Level::Ok,
                title: "Running on port 8000".to_owned(),
                ..Health::default()
            },
            proxy: ProxyState::Running { since: 0 },
            ..Overview::default()
        }
    }

    fn labels(menu: &TrayMenu) -> Vec<&str> {
        menu.items.iter().map(|item| item.label.as_str()).collect()
    }

    fn is_enabled(menu: &TrayMenu, label: &str) -> bool {
        menu.items.iter().find(|item| item.label == label).unwrap().enabled
    }

    #[test]
    fn the_menu_says_the_state_once_and_then_offers_what_to_do() {
        let menu = TrayMenu::of(&running(), &[], &[], 0);
        let expected = [
            "Running on port 8000",
            "",
            "Copy base URL",
            "Copy key",
            "Connect an app…",
            "Recent requests",
            "",
            "Stop",
            "Restart Codex",
            "Open Codex Proxy",
            "Settings…",
            "Start at login",
            "",
            "Quit Codex Proxy",
        ];
        assert_eq!(labels(&menu), expected);
        assert!(!is_enabled(&menu, "Running on port 8000") && is_enabled(&menu, "Copy base URL"));
        assert!(
            !is_enabled(&menu, "Copy key") && !is_enabled(&menu, "Recent requests"),
            "nothing in them yet"
        );
    }

    #[test]
    fn a_problem_is_the_first_line_and_its_fix_the_second() {
        let fix = Some(Fix { action: FixAction::UseFreePort, label: "Use port 8001".to_owned() });
        let health = Health {
            level: Level::Blocked,
            title: "Port 8000 is taken".to_owned(),
            fix,
            ..Health::default()
        };
        let proxy = ProxyState::PortTaken { port: 8000, free: Some(8001) };
        let menu = TrayMenu::of(&Overview { health, proxy, ..running() }, &[], &[], 0);
        assert_eq!(labels(&menu)[..2], ["Port 8000 is taken", "Use port 8001"]);
        assert_eq!((menu.level, menu.title()), (Level::Blocked, "Port 8000 is taken"));
        assert!(!is_enabled(&menu, "Copy base URL"), "another program answers there");
        assert!(is_enabled(&menu, "Start") && !is_enabled(&menu, "Restart Codex"));
    }

    #[test]
    fn a_stopped_proxy_offers_start_once() {
        let fix = Some(Fix { action: FixAction::StartProxy, label: "Start".to_owned() });
        let health = Health { level: Level::Off, title: "Stopped".to_owned(), fix, ..Health::default() };
        let menu = TrayMenu::of(&Overview { health, proxy: ProxyState::Stopped, ..running() }, &[], &[], 0);
        assert_eq!(labels(&menu).iter().filter(|label| **label == "Start").count(), 1);
        assert!(is_enabled(&menu, "Copy base URL"), "an app can be set up meanwhile");
    }

    #[test]
    fn the_first_line_counts_running_and_queued_requests() {
        let title = |answering, waiting| title(&Overview { answering, waiting, ..running() }, 0);
        assert_eq!(title(0, 0), "Running on port 8000");
        assert_eq!(title(2, 0), "Running on port 8000 · 2 running");
        assert_eq!(title(1, 3), "Running on port 8000 · 1 running, 3 queued");
    }

    #[test]
    fn the_account_and_what_is_left_of_its_limits_follow_the_state() {
        let (now, until) = (1_800_000_000, 1_800_003_600);
        let window = LimitView {
            label: "5 hours".to_owned(),
            minutes: 300,
            used_percent: 71,
            resets_at: Some(until),
            exhausted_at: None,
        };
        let limits = LimitsView { windows: vec![window], ..LimitsView::default() };
        let account = AccountView {
            kind: AccountKind::ChatGpt,
            name: "me@example.com".to_owned(),
            email: None,
            plan: Some("Plus".to_owned()),
            workspace: None,
        };
        let codex = CodexView { account: Some(account), ..CodexView::default() };
        let overview = Overview { codex, limits: Some(limits), ..running() };
        let menu = TrayMenu::of(&overview, &[], &[], now);
        let at = local_time(until, now);
        let limit = format!("5 hours: 29% left, resets {at}");
        assert_eq!(labels(&menu)[..3], ["Running on port 8000", "me@example.com (Plus)", limit.as_str()]);
        let health =
            Health { title: "Usage limit reached".to_owned(), until: Some(until), ..Health::default() };
        let menu = TrayMenu::of(&Overview { health, ..overview }, &[], &[], now);
        assert_eq!(menu.title(), format!("Usage limit reached · resets {at}"));
    }

    #[test]
    fn recent_requests_show_time_app_model_and_state() {
        let now = 1_800_000_000;
        let row = ExchangeRow {
            at: now * 1000,
            app: "Open WebUI".to_owned(),
            model: "gpt-5.5".to_owned(),
            state: ExchangeState::Failed,
            ..ExchangeRow::default()
        };
        assert_eq!(request(&row, now), format!("{} · Open WebUI · gpt-5.5 · failed", local_time(now, now)));
        let menu = TrayMenu::of(&running(), &[], &[row], now);
        assert!(is_enabled(&menu, "Recent requests"));
    }
}
