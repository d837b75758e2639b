//! The rules of a key on the command line: their flags, and their description in `key list`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use proxy::{KeyEntry, KeyLimits, KeyUse, end_of_date, end_of_day, local_date, unix_now};

/// The rules that a command sets; the others stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct KeyRules {
    /// Last day on which the key works, such as 2027-01-31, or a number of days from now, such as 30d; or never
    #[arg(long, value_name = "DATE|DAYSd|never", value_parser = expires)]
    expires: Option<Rule<u64>>,
    /// Tokens that the key may use per day of this computer's clock, input and output together; or none
    #[arg(long, value_name = "N|none", value_parser = number::<u64>)]
    tokens_per_day: Option<Rule<u64>>,
    /// Requests for answers that the key may make within a minute; or none
    #[arg(long, value_name = "N|none", value_parser = number::<u32>)]
    requests_per_minute: Option<Rule<u32>>,
    /// Model or alias that the key may use, in which * stands for any characters; repeatable. Use '*' for all
    #[arg(id = "allow_model", long = "allow-model", value_name = "PATTERN")]
    models: Vec<String>,
    /// Percentage of the account's weekly limit at which the key stops, so that the rest is left for other keys; or none. Needs
    /// a ChatGPT sign-in
    #[arg(id = "reserve", long = "reserve", value_name = "PERCENT|none", value_parser = percent)]
    reserve_percent: Option<Rule<u8>>,
    /// Whether the key may use web search; by default, all but keys for plain models may
    #[arg(id = "key_web_search", long = "web-search", value_name = "on|off|default", value_parser = switch)]
    web_search: Option<Rule<bool>>,
    /// Whether codex-local uses your MCP servers, apps and plugins for this key
    #[arg(id = "mcp", long = "mcp", value_name = "on|off", value_parser = ["on", "off"])]
    mcp_servers: Option<String>,
    /// Whether codex asks you before it leaves the sandbox for this key; by default, as the settings say
    #[arg(long, value_name = "on|off|default", value_parser = switch)]
    may_ask: Option<Rule<bool>>,
    /// Whether chats of this key are kept in your Codex; by default, as the settings say
    #[arg(id = "keep", long = "keep", value_name = "on|off|default", value_parser = switch)]
    keep_chats: Option<Rule<bool>>,
}

/// A rule's value; `None` takes the rule away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule<T>(Option<T>);

fn expires(text: &str) -> Result<Rule<u64>, String> {
    if text == "never" {
        return Ok(Rule(None));
    }
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
    let ends = match days {
        Some(days) => end_of_day(unix_now(), days),
        None => end_of_date(text),
    };
    match ends {
        Some(at) if at <= unix_now() => Err("this day has passed".to_owned()),
        Some(at) => Ok(Rule(Some(at))),
        None => Err("expected a date such as 2027-01-31, days such as 30d, or never".to_owned()),
    }
}

fn number<T: FromStr>(text: &str) -> Result<Rule<T>, String> {
    if text == "none" {
        return Ok(Rule(None));
    }
    text.parse().map(|number| Rule(Some(number))).map_err(|_| "expected a number or none".to_owned())
}

fn percent(text: &str) -> Result<Rule<u8>, String> {
    number(text.strip_suffix('%').unwrap_or(text))
}

fn switch(text: &str) -> Result<Rule<bool>, String> {
    match text {
        "on" => Ok(Rule(Some(true))),
        "off" => Ok(Rule(Some(false))),
        "default" => Ok(Rule(None)),
        _ => Err("expected on, off or default".to_owned()),
    }
}

impl KeyRules {
    /// Whether it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it sets a reserve.
    pub(crate) fn needs_weekly_limit(&self) -> bool {
        matches!(self.reserve_percent, Some(Rule(Some(_))))
    }

    /// The limits with these rules.
    pub(crate) fn apply(&self, mut limits: KeyLimits) -> Result<KeyLimits, String> {
        fn set<T: Copy>(limit: &mut Option<T>, rule: Option<Rule<T>>) {
            if let Some(Rule(value)) = rule {
                *limit = value;
            }
        }
        set(&mut limits.expires, self.expires);
        set(&mut limits.tokens_per_day, self.tokens_per_day);
        set(&mut limits.requests_per_minute, self.requests_per_minute);
        set(&mut limits.reserve_percent, self.reserve_percent);
        set(&mut limits.web_search, self.web_search);
        set(&mut limits.may_ask, self.may_ask);
        set(&mut limits.keep_chats, self.keep_chats);
        if let Some(mcp) = &self.mcp_servers {
            limits.no_mcp_servers = mcp == "off";
        }
        if !self.models.is_empty() {
            limits.models.clone_from(&self.models);
        }
        limits.check_values().map_err(|error| error.to_string())
    }
}

/// The limits of a key, to print after its name; empty if it has none. `used` is what it has used today, if that is known.
pub(crate) fn describe(entry: &KeyEntry, used: Option<u64>, now: u64) -> String {
    let limits = &entry.limits;
    let mode = limits.sandbox.map(|mode| mode.name().to_owned());
    let folder = limits.workspace.as_ref().map(|folder| format!("in {}", folder.display()));
    let place: Vec<String> = mode.into_iter().chain(folder).collect();
    let expires = limits.expires.map(|at| {
        let verb = if limits.has_expired(now) { "expired" } else { "until" };
        format!("{verb} {}", local_date(at.saturating_sub(1)))
    });
    let tokens = limits.tokens_per_day.map(|limit| match used {
        Some(used) => format!("{used} of {limit} tokens today"),
        None => format!("{limit} tokens per day"),
    });
    let switch = |what: &str, on: bool| format!("{what} {}", if on { "on" } else { "off" });
    let parts = [
        limits.plain_models_only.then(|| "plain models".to_owned()),
        (!place.is_empty()).then(|| place.join(" ")),
        (!limits.models.is_empty()).then(|| format!("models {}", limits.models.join(" "))),
        expires,
        tokens,
        limits.requests_per_minute.map(|limit| format!("{limit} requests per minute")),
        limits.reserve_percent.map(|percent| format!("stops at {percent} % of the week")),
        limits.web_search.map(|on| switch("web search", on)),
        limits.no_mcp_servers.then(|| switch("MCP servers", false)),
        limits.may_ask.map(|on| switch("asking", on)),
        limits.keep_chats.map(|on| switch("keeping chats", on)),
    ];
    match parts.into_iter().flatten().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        parts => format!("  [{}]", parts.join(", ")),
    }
}

/// What the key has used today, if the file can be read.
pub(crate) fn used_today(data_dir: &Path, entry: &KeyEntry) -> Option<u64> {
    KeyUse::in_folder(data_dir).tokens_today(&entry.sha256.to_hex(), unix_now()).ok()
}

/// A folder, or `default` for that of the settings.
pub(crate) fn folder(text: PathBuf) -> Option<PathBuf> {
    Some(text).filter(|text| text.as_os_str() != "default")
}
