//! The script in `FAKE_CODEX`, parsed. The README lists the directives.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sample_model::directive::{self, Directive};
use serde_json::Value;

/// The version whose message shapes are copied.
const VERSION: &str = "0.169.0";

#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) version: Option<String>,
    pub(crate) crash_on: Vec<String>,
    pub(crate) crash_after_delta: Option<usize>,
    pub(crate) crash_once: Option<PathBuf>,
    pub(crate) hang_on: Vec<String>,
    pub(crate) hang_after_delta: Option<usize>,
    pub(crate) late: Vec<(String, Duration)>,
    pub(crate) nonsense: bool,
    pub(crate) big_delta: Option<usize>,
    pub(crate) stderr_flood: usize,
    pub(crate) close_stdout_on: Vec<String>,
    pub(crate) ignore_eof: bool,
    pub(crate) spawn_child: bool,
    pub(crate) locking_child: Option<PathBuf>,
    pub(crate) ask: Vec<String>,
    pub(crate) old: Option<String>,
    pub(crate) unknown: Vec<String>,
    pub(crate) error: Option<Value>,
    pub(crate) retrying: usize,
    pub(crate) retry_every: Option<Duration>,
    pub(crate) refuse_threads: Option<String>,
    pub(crate) not_signed_in: bool,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) methods_file: Option<PathBuf>,
    pub(crate) resident: Option<u64>,
}

impl Script {
    pub(crate) fn from_text(text: &str) -> Result<Self, String> {
        let mut script = Self::default();
        for item in directive::parse_list(text).map_err(|error| error.to_string())? {
            script.apply(&item)?;
        }
        Ok(script)
    }

    fn apply(&mut self, item: &Directive) -> Result<(), String> {
        match item.key.as_str() {
            "version" => self.version = Some(text(item)?),
            "crash-on" => self.crash_on.push(text(item)?),
            "crash-after-delta" => self.crash_after_delta = Some(number(item)?),
            "crash-once" => self.crash_once = Some(text(item)?.into()),
            "hang-on" => self.hang_on.push(text(item)?),
            "hang-after-delta" => self.hang_after_delta = Some(number(item)?),
            "late" => self.late.push(late(item)?),
            "nonsense" => self.nonsense = true,
            "big-delta" => self.big_delta = Some(number(item)?),
            "stderr-flood" => self.stderr_flood = number(item)?,
            "close-stdout-on" => self.close_stdout_on.push(text(item)?),
            "ignore-eof" => self.ignore_eof = true,
            "spawn-child" => self.spawn_child = true,
            "locking-child" => self.locking_child = Some(text(item)?.into()),
            "ask" => self.ask.push(text(item)?),
            "old" => self.old = Some(text(item)?),
            "unknown" => self.unknown.push(text(item)?),
            "error" => self.error = Some(json_or_string(text(item)?)),
            "refuse-threads" => self.refuse_threads = Some(text(item)?),
            "retrying" => self.retrying = number(item)?,
            "retry-every" => self.retry_every = Some(Duration::from_millis(number(item)?)),
            "not-signed-in" => self.not_signed_in = true,
            "resident" => self.resident = Some(number(item)?),
            "pid-file" => self.pid_file = Some(text(item)?.into()),
            "methods-file" => self.methods_file = Some(text(item)?.into()),
            other => return Err(format!("unknown directive `{other}`")),
        }
        Ok(())
    }

    /// The version to print.
    pub(crate) fn version(&self) -> String {
        match (&self.version, &self.old) {
            (Some(version), _) => version.clone(),
            (None, Some(old)) => format!("{old}.0"),
            (None, None) => VERSION.to_owned(),
        }
    }

    /// The minor version to imitate: 44 for `old=0.44`.
    pub(crate) fn minor(&self) -> u32 {
        let old = self.old.as_deref().unwrap_or(VERSION);
        old.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(u32::MAX)
    }

    pub(crate) fn deltas(&self) -> Vec<String> {
        match self.big_delta {
            Some(bytes) => vec!["x".repeat(bytes)],
            None => ["Hello", " from", " fake"].map(str::to_owned).to_vec(),
        }
    }

    /// Whether to crash: always, or with `crash-once` only the first time.
    pub(crate) fn should_crash(&self) -> bool {
        self.crash_once
            .as_ref()
            .is_none_or(|path| OpenOptions::new().write(true).create_new(true).open(path).is_ok())
    }

    /// Notes a method that has arrived.
    pub(crate) fn note(&self, method: &str) {
        let Some(path) = &self.methods_file else { return };
        let file = OpenOptions::new().create(true).append(true).open(path);
        // A test that reads the file notices what is missing.
        let _ = file.and_then(|mut file| writeln!(file, "{method}"));
    }

    /// How long to delay the answer to a method.
    pub(crate) fn delay(&self, method: &str) -> Option<Duration> {
        self.late.iter().find(|(late, _)| late == method).map(|(_, by)| *by)
    }
}

fn text(item: &Directive) -> Result<String, String> {
    item.value.clone().ok_or_else(|| format!("`{}` needs a value", item.key))
}

fn number<T: FromStr>(item: &Directive) -> Result<T, String> {
    text(item)?.parse().map_err(|_| format!("`{}` needs a number", item.key))
}

fn late(item: &Directive) -> Result<(String, Duration), String> {
    let value = text(item)?;
    let (method, ms) = value.rsplit_once(':').ok_or("`late` needs METHOD:MS")?;
    let ms = ms.parse().map_err(|_| "`late` needs METHOD:MS")?;
    Ok((method.to_owned(), Duration::from_millis(ms)))
}

fn json_or_string(value: String) -> Value {
    match serde_json::from_str(&value) {
        Ok(json @ Value::Object(_)) => json,
        _ => Value::String(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_script_is_parsed() {
        let text = r#"crash-on=turn/start late=model/list:30 error={"httpConnectionFailed": {"httpStatusCode":401}}"#;
        let script = Script::from_text(text).unwrap();
        assert_eq!(script.crash_on, ["turn/start"]);
        assert_eq!(script.delay("model/list"), Some(Duration::from_millis(30)));
        assert_eq!(script.error, Some(json!({"httpConnectionFailed": {"httpStatusCode": 401}})));
        assert_eq!(Script::from_text("error=other").unwrap().error, Some(json!("other")));
        assert_eq!((script.version().as_str(), script.minor()), ("0.169.0", 169));
        let old = Script::from_text("old=0.44").unwrap();
        assert_eq!((old.version().as_str(), old.minor()), ("0.44.0", 44));
        assert!(Script::from_text("crash").is_err());
    }
}
