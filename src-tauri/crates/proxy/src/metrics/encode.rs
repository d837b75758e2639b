//! The counts as text, together with what is only looked at when somebody asks: codex, and this process.

use std::fmt;

use codex_client::{StartCounts, Status, ThreadKind};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::{Labels, Metrics, word};
use crate::models::backends::{Codexes, STATES, state_of};

impl Metrics {
    /// All metrics in the OpenMetrics form: what was counted, and what is read at this moment.
    ///
    /// # Errors
    /// None that a `String` can have.
    pub(crate) fn text(
        &self,
        codex: &Codexes,
        running: u32,
        waiting: u32,
        uptime: u64,
    ) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.0.registry)?;
        encode_registry(&mut text, &read(codex, running, waiting, uptime))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

/// What is only looked at when somebody asks.
fn read(codex: &Codexes, running: u32, waiting: u32, uptime: u64) -> Registry {
    let mut registry = Registry::default();
    let ours = Family::<Labels<1>, Gauge>::default();
    ours.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("codex_proxy_build_info", "The proxy's version", ours);
    for (name, help, count) in [
        ("codex_proxy_turns_running", "Turns that run", running.into()),
        ("codex_proxy_turns_waiting", "Requests that wait for their place", waiting.into()),
        ("codex_proxy_uptime_seconds", "How long the proxy has been running", uptime),
    ] {
        registry.register(name, help, ConstGauge::new(count));
    }
    if let Some(bytes) = resident_bytes() {
        let help = "Memory of the proxy's process, without codex's";
        registry.register("process_resident_memory_bytes", help, ConstGauge::new(bytes));
    }
    let states = Family::<Labels<2>, Gauge>::default();
    let versions = Family::<[(&'static str, String); 2], Gauge>::default();
    let starts = Family::<Labels<1>, Counter>::default();
    let failures = Family::<Labels<1>, Counter>::default();
    let ends = Family::<Labels<1>, Counter>::default();
    for kind in [ThreadKind::Plain, ThreadKind::Agent] {
        let (codex, model) = (codex.of(kind), word(kind));
        let status = codex.status().borrow().clone();
        for state in STATES {
            let is_in_it = state == state_of(&status);
            states.get_or_create(&[("model", model), ("state", state)]).set(is_in_it.into());
        }
        if let Status::Ready(readiness) = status {
            versions.get_or_create(&[("model", model.to_owned()), ("version", readiness.version)]).set(1);
        }
        let StartCounts { started, failed, ended } = codex.counts();
        for (family, count) in [(&starts, started), (&failures, failed), (&ends, ended)] {
            family.get_or_create(&[("model", model)]).inc_by(count);
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

/// The older form: there a counter is declared by the name that its samples have, and there is no end mark.
pub(crate) fn classic(text: &str) -> String {
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
