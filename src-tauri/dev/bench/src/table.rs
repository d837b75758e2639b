//! The result of a run as a table: numbers, goals, and whether they are met.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::measure::Measured;

/// How a number is printed: divisor, decimal places and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Unit(f64, usize, &'static str);

pub(crate) const MILLIS: Unit = Unit(1_000.0, 1, " ms");
pub(crate) const MICROS: Unit = Unit(1.0, 0, " µs");
pub(crate) const MEGABYTES: Unit = Unit(1_000_000.0, 1, " MB");
pub(crate) const COUNT: Unit = Unit(1.0, 0, "");
pub(crate) const RATE: Unit = Unit(1.0, 1, "");
pub(crate) const TIMES: Unit = Unit(1.0, 1, " ×");
/// Like [`TIMES`], with another digit.
pub(crate) const RATIO: Unit = Unit(1.0, 2, " ×");
pub(crate) const PERCENT: Unit = Unit(1.0, 1, " %");

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) enum Goal {
    /// At most this multiple of the first column.
    RatioAtMost(f64),
    AtMost(f64),
    AtLeast(f64),
}

/// A row: its label, and values for the reference, the measured program, and a third without a goal. `None` was not measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    what: String,
    unit: Unit,
    values: [Option<f64>; 3],
    goal: Option<Goal>,
}

/// The rows of a scenario, and the raw numbers behind them.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// Other names of its sides.
    pub(crate) columns: Option<[&'static str; 3]>,
    pub(crate) rows: Vec<Row>,
    pub(crate) measured: Vec<Measured>,
}

/// All results of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    /// The names of the sides; a column without a name is not shown.
    pub(crate) columns: [&'static str; 3],
    pub(crate) sections: Vec<Section>,
    pub(crate) notes: Vec<String>,
    /// Errors outside of any stream.
    pub(crate) errors: Vec<String>,
}

impl Unit {
    fn show(self, number: f64) -> String {
        let Self(divisor, digits, sign) = self;
        format!("{:.digits$}{sign}", number / divisor)
    }
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, unit: Unit, values: [Option<f64>; 3]) -> Self {
        Self { what: what.into(), unit, values, goal: None }
    }

    /// A row with a value only for the measured program.
    pub(crate) fn alone(what: impl Into<String>, unit: Unit, value: Option<f64>) -> Self {
        Self::new(what, unit, [None, value, None])
    }

    pub(crate) fn goal(self, goal: impl Into<Option<Goal>>) -> Self {
        Self { goal: goal.into(), ..self }
    }

    /// The goal, and whether it is met: never, if there is no value.
    fn verdict(&self) -> (String, &'static str) {
        let [reference, ours, _] = self.values;
        let (goal, reached) = match self.goal {
            None => return (String::new(), ""),
            Some(Goal::RatioAtMost(most)) => (
                format!("≤ {}", RATIO.show(most)),
                ours.zip(reference).map(|(ours, reference)| ours <= most * reference),
            ),
            Some(Goal::AtMost(most)) => {
                (format!("≤ {}", self.unit.show(most)), ours.map(|ours| ours <= most))
            }
            Some(Goal::AtLeast(least)) => {
                (format!("≥ {}", self.unit.show(least)), ours.map(|ours| ours >= least))
            }
        };
        (goal, reached.map_or("n/a", |reached| if reached { "yes" } else { "no" }))
    }

    fn line(&self, has_third: bool) -> String {
        let [reference, ours, _] = self.values;
        let shown = self.values.map(|value| value.map_or("-".to_owned(), |value| self.unit.show(value)));
        let ratio = ours.zip(reference).filter(|(_, reference)| *reference > 0.0);
        let ratio = ratio.map_or(String::new(), |(ours, reference)| RATIO.show(ours / reference));
        let (goal, verdict) = self.verdict();
        let third = if has_third { shown[2].as_str() } else { "" };
        line([&self.what, &shown[0], &shown[1], &ratio, third, &goal, verdict])
    }
}

impl Table {
    /// Each failure, with how often it occurred.
    pub(crate) fn failures(&self) -> BTreeMap<&str, usize> {
        let rounds = self.sections.iter().flat_map(|section| &section.measured).flat_map(|side| &side.rounds);
        let failures = rounds.flatten().filter_map(|stream| stream.failure.as_ref()).chain(&self.errors);
        failures.fold(BTreeMap::new(), |mut counted, failure| {
            *counted.entry(failure.as_str()).or_default() += 1;
            counted
        })
    }

    /// The last line: which goals were missed.
    fn outcome(&self) -> String {
        let rows =
            self.sections.iter().flat_map(|section| section.rows.iter().map(move |row| (section, row)));
        let mut parts = Vec::new();
        for (words, verdict) in [("goals missed", "no"), ("not measured", "n/a")] {
            let rows = rows.clone().filter(|(_, row)| row.verdict().1 == verdict);
            let rows: Vec<String> =
                rows.map(|(section, row)| format!("{} ({})", row.what, section.title)).collect();
            if !rows.is_empty() {
                parts.push(format!("{words}: {}", rows.join("; ")));
            }
        }
        if parts.is_empty() { "all goals met".to_owned() } else { parts.join(". ") }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        let [reference, ours, third] = self.columns;
        writeln!(f, "\n{}", line(["measurement", reference, ours, "ratio", third, "goal", "met"]))?;
        for Section { title, columns, rows, .. } in &self.sections {
            writeln!(f, "\n{title}")?;
            if let Some([reference, ours, third]) = columns {
                writeln!(f, "{}", line(["", reference, ours, "ratio", third, "goal", "met"]))?;
            }
            let third = columns.map_or(third, |columns| columns[2]);
            rows.iter().try_for_each(|row| writeln!(f, "{}", row.line(!third.is_empty())))?;
        }
        writeln!(f)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))?;
        for (failure, times) in self.failures() {
            writeln!(f, "failed {times} ×: {failure}")?;
        }
        writeln!(f, "{}", self.outcome())
    }
}

/// A line of the table. Each column is as wide as its widest possible cell.
fn line([what, reference, ours, ratio, third, goal, verdict]: [&str; 7]) -> String {
    let line = format!("{what:<37} {reference:>12} {ours:>12} {ratio:>7} {third:>10} {goal:>9} {verdict:>7}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    fn row(goal: Goal, reference: Option<f64>, ours: Option<f64>) -> Row {
        Row::new("it", MILLIS, [reference, ours, None]).goal(goal)
    }

    #[test]
    fn a_goal_includes_its_bound() {
        let verdict = |goal, reference, ours| row(goal, Some(reference), Some(ours)).verdict().1;
        assert_eq!(verdict(Goal::RatioAtMost(1.05), 100.0, 105.0), "yes");
        assert_eq!(verdict(Goal::RatioAtMost(1.05), 100.0, 105.1), "no");
        assert_eq!(verdict(Goal::AtMost(5.0), 0.0, 5.0), "yes");
        assert_eq!(verdict(Goal::AtLeast(10.0), 0.0, 9.9), "no");
        assert_eq!(verdict(Goal::AtMost(0.0), 3.0, 1.0), "no");
        assert_eq!(verdict(Goal::RatioAtMost(1.0), 3.0, 3.0), "yes");
        assert_eq!(verdict(Goal::RatioAtMost(1.0), 0.0, 0.0), "yes", "zero is at most zero");
        assert_eq!(verdict(Goal::RatioAtMost(1.0), 0.0, 1.0), "no");
        assert_eq!(Row::alone("it", MILLIS, Some(1.0)).verdict().1, "");
    }

    #[test]
    fn a_missing_value_never_meets_a_goal() {
        for goal in [Goal::RatioAtMost(1.0), Goal::AtMost(1.0), Goal::AtLeast(1.0)] {
            assert_eq!(row(goal, Some(1.0), None).verdict().1, "n/a");
        }
        assert_eq!(row(Goal::RatioAtMost(1.0), None, Some(1.0)).verdict().1, "n/a");
    }

    #[test]
    fn a_row_prints_its_values() {
        let row = Row::new("it", MILLIS, [Some(60_000.0), Some(45_000.0), Some(1_500_000.0)]);
        let words = |row: Row| row.line(true).split_whitespace().collect::<Vec<_>>().join(" ");
        let row = row.goal(Goal::RatioAtMost(0.85));
        assert_eq!(words(row), "it 60.0 ms 45.0 ms 0.75 × 1500.0 ms ≤ 0.85 × yes");
        assert_eq!(words(Row::alone("it", MILLIS, None)), "it - - -");
        assert_eq!(words(Row::alone("it", MICROS, Some(49.6))), "it - 50 µs -");
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![
            Row::new("first", MICROS, [Some(12.0), Some(24.0), Some(1.0)]),
            Row::alone("a", COUNT, Some(5.0)).goal(Goal::AtMost(1.0)),
        ];
        let section = Section { title: "many".into(), rows, ..Section::default() };
        let table = Table { columns: ["reference", "ours", ""], sections: vec![section], ..Table::default() };
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let ends = |line: &str, cell: &str| line.find(cell).map(|at| line[..at + cell.len()].chars().count());
        assert_eq!(ends(lines[1], "ours"), ends(lines[4], "24 µs"));
        assert_eq!(ends(lines[1], "ours"), ends(lines[5], "5"));
        assert_eq!(ends(lines[1], "goal"), ends(lines[5], "≤ 1"));
        assert!(lines[4].ends_with("2.00 ×"), "a column without a name has numbers: {text}");
        assert_eq!((lines[3], lines[7]), ("many", "goals missed: a (many)"));
    }

    #[test]
    fn failures_of_all_sides_are_counted() {
        let mut table = Table::default();
        assert!(table.failures().is_empty());
        let failed = |failure: &str| Stream { failure: Some(failure.into()), ..Stream::default() };
        let measured = |failure| Measured {
            rounds: vec![vec![failed(failure), Stream::default()]],
            ..Measured::default()
        };
        for failures in [&["gone", "other"][..], &["gone"], &["gone", "other"]] {
            let measured = failures.iter().copied().map(measured).collect();
            table.sections.push(Section { measured, ..Section::default() });
        }
        table.errors.push("late".into());
        assert_eq!(table.failures(), BTreeMap::from([("gone", 3), ("other", 2), ("late", 1)]));
    }
}
