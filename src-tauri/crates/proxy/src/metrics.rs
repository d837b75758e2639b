//! What the proxy counts of itself, for `GET /metrics`.
//!
//! Whoever does something tells [`Metrics`] as it is done. What has a state of its own (codex, this process) is not told but
//! read when somebody asks, in `encode`. A label is a word of ours, `&'static str` by type: nothing that a client chose, no key
//! and no text can become one, so there are only as many series as this crate has words.
//!
//! Deliberately not here: the route and who may ask, which are `server`'s, and any history. That is Prometheus' business.

mod encode;

use std::sync::Arc;
use std::time::Duration;

use codex_client::{ThreadKind, Usage};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub(crate) use encode::classic;

/// Seconds until the first piece of an answer: codex, its upstream and the wait for a place included.
const FIRST: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Seconds of that which the proxy itself took.
const OWN: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// Seconds until the end of an answer.
const WHOLE: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// What is counted. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    turns: Family<Labels<2>, Counter>,
    first: Family<Labels<1>, Histogram, Buckets>,
    own: Family<Labels<1>, Histogram, Buckets>,
    whole: Family<Labels<1>, Histogram, Buckets>,
    deltas: Family<Labels<1>, Counter>,
    tokens: Family<Labels<2>, Counter>,
}

/// So many labels of a series, each with its value.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Makes histograms of these upper bounds.
#[derive(Clone, Debug)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// What was measured of a turn, or of several of one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TurnFigures {
    /// Pieces of text, reasoning and calls that codex sent.
    pub(crate) deltas: u64,
    /// From the request's arrival to the first of these, and the proxy's own share of it.
    pub(crate) first: Option<(Duration, Duration)>,
    /// From the request's arrival to its end.
    pub(crate) whole: Duration,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("codex_proxy");
        let inner = Inner {
            requests: Family::default(),
            turns: Family::default(),
            first: Family::new_with_constructor(Buckets(FIRST)),
            own: Family::new_with_constructor(Buckets(OWN)),
            whole: Family::new_with_constructor(Buckets(WHOLE)),
            deltas: Family::default(),
            tokens: Family::default(),
            registry: Registry::default(),
        };
        let help = "Requests by endpoint, kind of model (none where none was found) and class of the status";
        registry.register("requests", help, inner.requests.clone());
        let help = "Requests that were given to codex, by kind of model and how they ended";
        registry.register("turns", help, inner.turns.clone());
        let help = "From a request's arrival to the first piece of its answer";
        registry.register("first_token_seconds", help, inner.first.clone());
        let help = "The proxy's own share of the time to the first piece";
        registry.register("first_token_own_seconds", help, inner.own.clone());
        let help = "From a request's arrival to the end of its answer";
        registry.register("turn_seconds", help, inner.whole.clone());
        registry.register("deltas", "Pieces that codex sent", inner.deltas.clone());
        let help = "Tokens: in, of these cached; out, of these reasoning";
        registry.register("tokens", help, inner.tokens.clone());
        Self(Arc::new(Inner { registry, ..inner }))
    }
}

impl Metrics {
    /// A request was answered, or its client went away before the answer's status (`None`).
    pub(crate) fn answered(&self, endpoint: &'static str, model: Option<ThreadKind>, status: Option<u16>) {
        let status = match status.map(|status| status / 100) {
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(_) => "5xx",
            None => "gone",
        };
        let model = model.map_or("none", word);
        let labels = [("endpoint", endpoint), ("model", model), ("status", status)];
        self.0.requests.get_or_create(&labels).inc();
    }

    /// What a request asked of codex has come to an end: it is `done`, it has `failed` or could not begin, or its client is gone.
    pub(crate) fn turn_ended(
        &self,
        model: ThreadKind,
        outcome: &'static str,
        usage: Option<Usage>,
        figures: &TurnFigures,
    ) {
        let model = ("model", word(model));
        let TurnFigures { deltas, first, whole } = *figures;
        self.0.turns.get_or_create(&[model, ("outcome", outcome)]).inc();
        if let Some((first, own)) = first {
            self.0.first.get_or_create(&[model]).observe(first.as_secs_f64());
            self.0.own.get_or_create(&[model]).observe(own.as_secs_f64());
        }
        self.0.whole.get_or_create(&[model]).observe(whole.as_secs_f64());
        self.0.deltas.get_or_create(&[model]).inc_by(deltas);
        let Some(Usage { input, cached, output, reasoning }) = usage else { return };
        for (kind, tokens) in
            [("input", input), ("cached", cached), ("output", output), ("reasoning", reasoning)]
        {
            self.0.tokens.get_or_create(&[model, ("kind", kind)]).inc_by(tokens);
        }
    }
}

fn word(kind: ThreadKind) -> &'static str {
    match kind {
        ThreadKind::Plain => "plain",
        ThreadKind::Agent => "agent",
    }
}
