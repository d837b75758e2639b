//! Encodes the metrics, reading the state of codex and of this process.

use std::fmt;

use codex_client::{RateLimits, StartCounts, Status, ThreadKind};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::{Labels, Metrics, kind_label};
use crate::clock::unix_now;
use crate::models::backends::{Backends, STATES, state_of};

impl Metrics {
    /// All metrics in the OpenMetrics format.
    ///
    /// # Errors
    /// Never; writing to a `String` cannot fail.
    pub(crate) fn text(
        &self,
        codex: &Backends,
        running: u32,
        waiting: u32,
        uptime: u64,
    ) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.0.registry)?;
        encode_registry(&mut text, &current(codex, running, waiting, uptime))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

/// Metrics read on request.
fn current(codex: &Backends, running: u32, waiting: u32, uptime: u64) -> Registry {
    let mut registry = Registry::default();
    let build_info = Family::<Labels<1>, Gauge>::default();
    build_info.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("codex_proxy_build_info", "The proxy's version", build_info);
    for (name, help, count) in [
        ("codex_proxy_turns_running", "Running turns", running.into()),
        ("codex_proxy_turns_waiting", "Queued requests", waiting.into()),
        ("codex_proxy_uptime_seconds", "Uptime of the proxy", uptime),
    ] {
        registry.register(name, help, ConstGauge::new(count));
    }
    if let Some(bytes) = resident_bytes() {
        let help = "Resident memory of the proxy, without codex";
        registry.register("process_resident_memory_bytes", help, ConstGauge::new(bytes));
    }
    if let Some(limits) = &*codex.usage_limits().watch().borrow() {
        register_limits(&mut registry, limits, unix_now());
    }
    let states = Family::<Labels<2>, Gauge>::default();
    let versions = Family::<[(&'static str, String); 2], Gauge>::default();
    let starts = Family::<Labels<1>, Counter>::default();
    let failures = Family::<Labels<1>, Counter>::default();
    let ends = Family::<Labels<1>, Counter>::default();
    for kind in [ThreadKind::Plain, ThreadKind::Agent] {
        let (codex, model) = (codex.for_kind(kind), kind_label(kind));
        let status = codex.status().borrow().clone();
        for state in STATES {
            let is_current = state == state_of(&status);
            states.get_or_create(&[("model", model), ("state", state)]).set(is_current.into());
        }
        if let Status::Ready(readiness) = status {
            versions.get_or_create(&[("model", model.to_owned()), ("version", readiness.version)]).set(1);
        }
        let StartCounts { started, failed, ended } = codex.counts();
        for (family, count) in [(&starts, started), (&failures, failed), (&ends, ended)] {
            family.get_or_create(&[("model", model)]).inc_by(count);
        }
    }
    let help = "1 for the current state of codex for this kind of model";
    registry.register("codex_proxy_codex_state", help, states);
    registry.register("codex_proxy_codex_info", "Version of each running codex", versions);
    registry.register("codex_proxy_codex_starts", "Successful starts of codex", starts);
    registry.register("codex_proxy_codex_start_failures", "Failed starts of codex", failures);
    registry.register("codex_proxy_codex_ends", "Unexpected exits of codex", ends);
    registry
}

/// The account's usage limits. The number of windows is bounded.
fn register_limits(registry: &mut Registry, limits: &RateLimits, now: u64) {
    let used = Family::<[(&'static str, String); 1], Gauge>::default();
    let resets = Family::<[(&'static str, String); 1], Gauge>::default();
    for window in limits.windows.iter().map(|window| window.at(now)) {
        let length = || [("window_minutes", window.minutes.unwrap_or_default().to_string())];
        used.get_or_create(&length()).set(window.used_percent.into());
        if let Some(at) = window.resets_at {
            resets.get_or_create(&length()).set(i64::try_from(at).unwrap_or(i64::MAX));
        }
    }
    let help = "Used share of the account's usage limit, in percent";
    registry.register("codex_proxy_limit_used_percent", help, used);
    let help = "When the account's usage limit resets, in Unix seconds";
    registry.register("codex_proxy_limit_resets_at_seconds", help, resets);
    let help = "1 while requests are refused because of a usage limit";
    registry.register("codex_proxy_limit_reached", help, ConstGauge::new(u64::from(limits.is_reached(now))));
}

/// Converts to Prometheus' classic format, where a counter is declared with its `_total` suffix and there is no end
/// marker.
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

/// The resident memory of this process, where the system exposes it.
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
