//! The counts as text, together with what is only looked at when somebody asks: codex, and this process.

use std::fmt;

use codex_client::{Codex, Counts, Status, ThreadKind};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::{Metrics, OfModel, word};
use crate::models::backends::Codexes;

/// The two forms that scrapers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// OpenMetrics 1.0, which Prometheus asks for.
    OpenMetrics,
    /// Prometheus' own older form, for everybody else.
    Classic,
}

impl Form {
    /// The form for an `Accept` header.
    pub(crate) fn of(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Classic }
    }

    /// Its content type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What is read at this moment.
pub(crate) struct Reading<'a> {
    /// What was counted.
    pub(crate) metrics: &'a Metrics,
    /// Turns that run.
    pub(crate) running: u32,
    /// Requests that wait.
    pub(crate) waiting: u32,
    /// Both codexes.
    pub(crate) codex: &'a Codexes,
    /// When the proxy was made, in Unix seconds.
    pub(crate) started: u64,
    /// What time it is, in Unix seconds.
    pub(crate) now: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    model: &'static str,
    state: &'static str,
}

/// A version is codex's word or ours, and there is one of each at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfVersion {
    model: &'static str,
    version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ours {
    version: &'static str,
}

/// The states of a codex, so that each has a series and a change is a change of two.
const STATES: [&str; 5] = ["idle", "starting", "ready", "failed", "stopped"];

impl Reading<'_> {
    /// All metrics in this form.
    ///
    /// # Errors
    /// None that a `String` can have.
    pub(crate) fn text(&self, form: Form) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.metrics.0.registry)?;
        encode_registry(&mut text, &self.now())?;
        encode_eof(&mut text)?;
        Ok(match form {
            Form::OpenMetrics => text,
            Form::Classic => classic(&text),
        })
    }

    fn now(&self) -> Registry {
        let mut registry = Registry::default();
        let ours = Family::<Ours, Gauge>::default();
        ours.get_or_create(&Ours { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("codex_proxy_build_info", "The proxy's version", ours);
        let uptime = ConstGauge::new(self.now.saturating_sub(self.started));
        for (name, help, count) in [
            ("codex_proxy_turns_running", "Turns that run", self.running),
            ("codex_proxy_turns_waiting", "Requests that wait for their place", self.waiting),
        ] {
            registry.register(name, help, ConstGauge::new(u64::from(count)));
        }
        registry.register("codex_proxy_uptime_seconds", "How long the proxy has been running", uptime);
        if let Some(bytes) = resident_bytes() {
            let help = "Memory of the proxy's process, without codex's";
            registry.register("process_resident_memory_bytes", help, ConstGauge::new(bytes));
        }
        let states = Family::<OfState, Gauge>::default();
        let versions = Family::<OfVersion, Gauge>::default();
        let starts = Family::<OfModel, Counter>::default();
        let failures = Family::<OfModel, Counter>::default();
        let ends = Family::<OfModel, Counter>::default();
        for kind in [ThreadKind::Plain, ThreadKind::Agent] {
            let (codex, model): (&Codex, _) = (self.codex.of(kind), word(kind));
            let (state, version) = match &*codex.status().borrow() {
                Status::Idle => ("idle", None),
                Status::Starting => ("starting", None),
                Status::Ready(readiness) => ("ready", Some(readiness.version.clone())),
                Status::Failed(_) => ("failed", None),
                Status::Stopped => ("stopped", None),
            };
            for each in STATES {
                states.get_or_create(&OfState { model, state: each }).set((each == state).into());
            }
            if let Some(version) = version {
                versions.get_or_create(&OfVersion { model, version }).set(1);
            }
            let Counts { started, failed, ended } = codex.counts();
            for (family, count) in [(&starts, started), (&failures, failed), (&ends, ended)] {
                family.get_or_create(&OfModel { model }).inc_by(count);
            }
        }
        let help = "1 for the state that the codex for this kind of model is in";
        registry.register("codex_proxy_codex_state", help, states);
        registry.register("codex_proxy_codex_info", "The version of each codex that runs", versions);
        registry.register("codex_proxy_codex_starts", "Starts of codex that went well", starts);
        registry.register("codex_proxy_codex_start_failures", "Starts of codex that failed", failures);
        registry.register("codex_proxy_codex_ends", "Times that codex ended by itself", ends);
        registry
    }
}

/// The older form: there a counter is declared by the name that its samples have, and there is no end mark.
fn classic(text: &str) -> String {
    let is_counter = |name: &str| text.contains(&format!("# TYPE {name} counter\n"));
    let mut classic = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "# EOF") {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["#", what @ ("HELP" | "TYPE"), name, rest @ ..] if is_counter(name) => {
                classic.push_str(&format!("# {what} {name}_total {}", rest.join(" ")));
            }
            _ => classic.push_str(line),
        }
        classic.push('\n');
    }
    classic
}

/// How much memory this process has in use, where the system tells in a file.
#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> Option<u64> {
    None
}
