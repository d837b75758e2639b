//! What the numbers come to, beside what is to be reached.

use std::fmt;

use super::Results;
use crate::metrics::{largest, median};
use crate::processes::Private;
use crate::stream::Stream;
use crate::table::{Line, aligned};

/// From the start to `/health`, in milliseconds.
const START: f64 = 500.0;
/// Private memory with the window closed, in millions of bytes.
const PRIVATE: f64 = 50.0;
/// Wake-ups a second.
const WAKE_UPS: f64 = 2.0;
/// A request through the app, to one through codex-proxyd. They are the same code; this is what a run is off by.
const AS_FAST: f64 = 1.05;

/// The table.
#[derive(Debug)]
pub(crate) struct Report {
    lines: Vec<Line<6>>,
    /// Whether every stream was whole.
    pub(crate) is_whole: bool,
}

impl Report {
    pub(crate) fn of(results: &Results) -> Self {
        let millis = |times: &[u64]| median(times.iter().map(|time| *time as f64 / 1000.0));
        let worst = |times: &[u64]| largest(times.iter().map(|time| *time as f64 / 1000.0));
        let dirty = |memory: &Option<Private>| memory.map(|memory| memory.dirty as f64 / 1e6);
        let share = |memory: &Option<Private>| memory.map(|memory| memory.share as f64 / 1e6);
        let mut lines = vec![Line::Cells(
            ["what", "app", "codex-proxyd", "ratio", "to reach", "reached"].map(str::to_owned),
        )];
        let (starts, shown) = (&results.starts, &results.starts_with_window);
        lines.push(Line::Heading(format!(
            "start to /health, {} in the tray, {} with the window",
            starts.len(),
            shown.len()
        )));
        lines.push(row("in the tray, median", "ms", millis(starts), Some(START)));
        lines.push(row("in the tray, worst", "ms", worst(starts), None));
        lines.push(row("with the window, median", "ms", millis(shown), Some(START)));
        lines.push(row("with the window, worst", "ms", worst(shown), None));
        lines.push(Line::Heading("memory, our processes and the web view's".to_owned()));
        lines.push(row("private, window never opened", "MB", dirty(&results.hidden), Some(PRIVATE)));
        lines.push(row("private, window closed again", "MB", dirty(&results.closed), Some(PRIVATE)));
        lines.push(row("private, window open", "MB", dirty(&results.open), None));
        lines.push(row("PSS, window never opened", "MB", share(&results.hidden), None));
        lines.push(row("PSS, window closed again", "MB", share(&results.closed), None));
        lines.push(row("PSS, window open", "MB", share(&results.open), None));
        lines.push(row("wake-ups a second, window closed", "", results.wake_ups, Some(WAKE_UPS)));
        let (app, proxyd) = (&results.app, &results.proxyd);
        lines.push(Line::Heading(format!("one stream, {} rounds", app.len())));
        lines.push(both("first token, median", median(firsts(app)), median(firsts(proxyd))));
        lines.push(both("whole time, median", median(walls(app)), median(walls(proxyd))));
        let is_whole = app.iter().chain(proxyd).all(|stream| stream.failure.is_none());
        Self { lines, is_whole }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", aligned(&self.lines))?;
        if self.is_whole { Ok(()) } else { writeln!(f, "a stream has failed") }
    }
}

fn firsts(streams: &[Stream]) -> impl Iterator<Item = f64> {
    streams.iter().filter_map(Stream::first).map(|time| time as f64 / 1000.0)
}

fn walls(streams: &[Stream]) -> impl Iterator<Item = f64> {
    streams.iter().map(|stream| stream.ended as f64 / 1000.0)
}

fn row(what: &str, unit: &str, measured: Option<f64>, most: Option<f64>) -> Line<6> {
    let shown = |number: f64| format!("{number:.1} {unit}").trim_end().to_owned();
    let reached = match (measured, most) {
        (_, None) => "",
        (None, Some(_)) => "n/a",
        (Some(measured), Some(most)) if measured <= most => "yes",
        _ => "no",
    };
    let goal = most.map(|most| format!("≤ {}", shown(most))).unwrap_or_default();
    let measured = measured.map_or("-".to_owned(), shown);
    Line::Cells([what.to_owned(), measured, String::new(), String::new(), goal, reached.to_owned()])
}

fn both(what: &str, app: Option<f64>, proxyd: Option<f64>) -> Line<6> {
    let shown = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.1} ms"));
    let ratio = app.zip(proxyd).map(|(app, proxyd)| app / proxyd);
    let reached = match ratio {
        None => "n/a",
        Some(ratio) if ratio <= AS_FAST => "yes",
        Some(_) => "no",
    };
    let ratio = ratio.map_or(String::new(), |ratio| format!("{ratio:.2} ×"));
    Line::Cells([
        what.to_owned(),
        shown(app),
        shown(proxyd),
        ratio,
        format!("≤ {AS_FAST:.2} ×"),
        reached.to_owned(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_reached() {
        let cells = |line: Line<6>| match line {
            Line::Cells(cells) => cells,
            Line::Heading(text) => panic!("{text}"),
        };
        assert_eq!(
            cells(row("it", "MB", Some(50.0), Some(50.0)))[1..],
            ["50.0 MB", "", "", "≤ 50.0 MB", "yes"]
        );
        assert_eq!(cells(row("it", "MB", Some(50.1), Some(50.0)))[5], "no");
        assert_eq!(cells(row("it", "MB", None, Some(50.0)))[5], "n/a");
        assert_eq!(cells(both("it", Some(21.0), Some(20.0)))[3..], ["1.05 ×", "≤ 1.05 ×", "yes"]);
        assert_eq!(cells(both("it", None, Some(20.0)))[5], "n/a");
    }
}
