//! Metrics for `GET /metrics`.
//!
//! Events are counted in [`Metrics`] as they happen; the state of codex and of this process is read on request, in
//! `encode`. Labels are `&'static str`, so no client text or key can become one, and the number of series is bounded.

mod encode;

use std::sync::Arc;
use std::time::Duration;

use codex_client::{ThreadKind, Usage};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub(crate) use encode::classic;

/// Seconds to the first token, including codex, its upstream and queueing.
const FIRST_TOKEN_BUCKETS: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The proxy's share of it, in seconds.
const PROXY_TIME_BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// Seconds to the end of the answer.
const TURN_BUCKETS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// The counters. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    turns: Family<Labels<2>, Counter>,
    first: Family<Labels<1>, Histogram, Buckets>,
    own: Family<Labels<1>, Histogram, Buckets>,
    total: Family<Labels<1>, Histogram, Buckets>,
    deltas: Family<Labels<1>, Counter>,
    tokens: Family<Labels<2>, Counter>,
    approvals: Family<Labels<2>, Counter>,
}

/// The labels of a series.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Creates histograms with these bucket bounds.
#[derive(Clone, Debug)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// Measurements of the turns of one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TurnStats {
    /// Text, reasoning and call events from codex.
    pub(crate) deltas: u64,
    /// Time from arrival to the first of these, and the proxy's share.
    pub(crate) first: Option<(Duration, Duration)>,
    /// Time from arrival to the end.
    pub(crate) total: Duration,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("codex_proxy");
        let inner = Inner {
            requests: Family::default(),
            turns: Family::default(),
            first: Family::new_with_constructor(Buckets(FIRST_TOKEN_BUCKETS)),
            own: Family::new_with_constructor(Buckets(PROXY_TIME_BUCKETS)),
            total: Family::new_with_constructor(Buckets(TURN_BUCKETS)),
            deltas: Family::default(),
            tokens: Family::default(),
            approvals: Family::default(),
            registry: Registry::default(),
        };
        let help = "Requests by endpoint, kind of model (none if unknown) and status class";
        registry.register("requests", help, inner.requests.clone());
        let help = "Requests sent to codex, by kind of model and outcome";
        registry.register("turns", help, inner.turns.clone());
        let help = "Time from a request's arrival to the first token of its answer";
        registry.register("first_token_seconds", help, inner.first.clone());
        let help = "The proxy's share of the time to the first token";
        registry.register("first_token_own_seconds", help, inner.own.clone());
        let help = "Time from a request's arrival to the end of its answer";
        registry.register("turn_seconds", help, inner.total.clone());
        registry.register("deltas", "Deltas received from codex", inner.deltas.clone());
        let help = "Tokens by kind: input, of which cached; output, of which reasoning";
        registry.register("tokens", help, inner.tokens.clone());
        let help = "Questions of codex for the owner, by what they are about and how they ended";
        registry.register("approvals", help, inner.approvals.clone());
        Self(Arc::new(Inner { registry, ..inner }))
    }
}

impl Metrics {
    /// Counts a response, or a client that disconnected before its status (`None`).
    pub(crate) fn count_response(
        &self,
        endpoint: &'static str,
        model: Option<ThreadKind>,
        status: Option<u16>,
    ) {
        let status = match status.map(|status| status / 100) {
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(_) => "5xx",
            None => "gone",
        };
        let model = model.map_or("none", kind_label);
        let labels = [("endpoint", endpoint), ("model", model), ("status", status)];
        self.0.requests.get_or_create(&labels).inc();
    }

    /// Counts the end of a question.
    pub(crate) fn count_approval(&self, kind: &'static str, outcome: &'static str) {
        self.0.approvals.get_or_create(&[("kind", kind), ("outcome", outcome)]).inc();
    }

    /// Counts the end of a request's turns: `done`, `failed` (including to start), `cancelled` by the owner, or `client_gone`.
    pub(crate) fn count_turn(
        &self,
        model: ThreadKind,
        outcome: &'static str,
        usage: Option<Usage>,
        figures: &TurnStats,
    ) {
        let model = ("model", kind_label(model));
        let TurnStats { deltas, first, total } = *figures;
        self.0.turns.get_or_create(&[model, ("outcome", outcome)]).inc();
        if let Some((first, own)) = first {
            self.0.first.get_or_create(&[model]).observe(first.as_secs_f64());
            self.0.own.get_or_create(&[model]).observe(own.as_secs_f64());
        }
        self.0.total.get_or_create(&[model]).observe(total.as_secs_f64());
        self.0.deltas.get_or_create(&[model]).inc_by(deltas);
        let Some(Usage { input, cached, output, reasoning }) = usage else { return };
        for (kind, tokens) in
            [("input", input), ("cached", cached), ("output", output), ("reasoning", reasoning)]
        {
            self.0.tokens.get_or_create(&[model, ("kind", kind)]).inc_by(tokens);
        }
    }
}

fn kind_label(kind: ThreadKind) -> &'static str {
    match kind {
        ThreadKind::Plain => "plain",
        ThreadKind::Agent => "agent",
    }
}
