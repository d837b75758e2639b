//! What a run has found, as a table: rows of numbers, what is to be reached, and whether it is.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::measure::Measured;

/// What a number counts: what it is divided by to be shown, the digits behind its point, and its sign.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Unit(f64, usize, &'static str);

pub(crate) const MILLIS: Unit = Unit(1_000.0, 1, " ms");
pub(crate) const MICROS: Unit = Unit(1.0, 0, " µs");
pub(crate) const MEGABYTES: Unit = Unit(1_000_000.0, 1, " MB");
pub(crate) const COUNT: Unit = Unit(1.0, 0, "");
pub(crate) const RATE: Unit = Unit(1.0, 1, "");
pub(crate) const TIMES: Unit = Unit(1.0, 1, " ×");
/// Times again, where a hundredth matters.
pub(crate) const RATIO: Unit = Unit(1.0, 2, " ×");
pub(crate) const PERCENT: Unit = Unit(1.0, 1, " %");

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) enum Goal {
    /// At most so many times the first column's.
    RatioAtMost(f64),
    AtMost(f64),
    AtLeast(f64),
}

/// One row: what stands in the first column, what is measured beside it, and a third that has no goal. Numbers are in the
/// unit that they were measured in; `None` was not measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    what: String,
    unit: Unit,
    values: [Option<f64>; 3],
    goal: Option<Goal>,
}

/// The rows of one scenario, and the raw numbers that they are made of.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) measured: Vec<Measured>,
}

/// Everything that a run has to say.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    /// The names of what is compared; a column without a name is not shown.
    pub(crate) columns: [&'static str; 3],
    pub(crate) sections: Vec<Section>,
    pub(crate) notes: Vec<String>,
    /// What went wrong and belongs to no stream.
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

    /// A row of which only what is measured has a number.
    pub(crate) fn alone(what: impl Into<String>, unit: Unit, value: Option<f64>) -> Self {
        Self::new(what, unit, [None, value, None])
    }

    pub(crate) fn goal(self, goal: impl Into<Option<Goal>>) -> Self {
        Self { goal: goal.into(), ..self }
    }

    /// What is to be reached, and whether it is. A number that was not measured reaches nothing.
    fn verdict(&self) -> (String, &'static str) {
        let [beside, ours, _] = self.values;
        let (goal, reached) = match self.goal {
            None => return (String::new(), ""),
            Some(Goal::RatioAtMost(most)) => (
                format!("≤ {}", RATIO.show(most)),
                ours.zip(beside).map(|(ours, beside)| ours <= most * beside),
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

    /// The row as a line of the table.
    fn line(&self, has_third: bool) -> String {
        let [beside, ours, _] = self.values;
        let shown = self.values.map(|value| value.map_or("-".to_owned(), |value| self.unit.show(value)));
        let ratio = ours.zip(beside).filter(|(_, beside)| *beside > 0.0);
        let ratio = ratio.map_or(String::new(), |(ours, beside)| RATIO.show(ours / beside));
        let (goal, verdict) = self.verdict();
        let third = if has_third { shown[2].as_str() } else { "" };
        line([&self.what, &shown[0], &shown[1], &ratio, third, &goal, verdict])
    }
}

impl Table {
    /// What went wrong, each sentence once with how often it came.
    pub(crate) fn failures(&self) -> BTreeMap<&str, usize> {
        let rounds = self.sections.iter().flat_map(|section| &section.measured).flat_map(|side| &side.rounds);
        let failures = rounds.flatten().filter_map(|stream| stream.failure.as_ref()).chain(&self.errors);
        failures.fold(BTreeMap::new(), |mut counted, failure| {
            *counted.entry(failure.as_str()).or_default() += 1;
            counted
        })
    }

    /// The last line.
    fn outcome(&self) -> String {
        let rows =
            self.sections.iter().flat_map(|section| section.rows.iter().map(move |row| (section, row)));
        let mut parts = Vec::new();
        for (words, verdict) in [("not reached", "no"), ("not measured", "n/a")] {
            let rows = rows.clone().filter(|(_, row)| row.verdict().1 == verdict);
            let rows: Vec<String> =
                rows.map(|(section, row)| format!("{} ({})", row.what, section.title)).collect();
            if !rows.is_empty() {
                parts.push(format!("{words}: {}", rows.join("; ")));
            }
        }
        if parts.is_empty() { "all reached".to_owned() } else { parts.join(". ") }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        let [beside, ours, third] = self.columns;
        writeln!(f, "\n{}", line(["what", beside, ours, "ratio", third, "to reach", "reached"]))?;
        for Section { title, rows, .. } in &self.sections {
            writeln!(f, "\n{title}")?;
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

/// A line of the table. Its columns are as wide as their widest cell ever is.
fn line([what, beside, ours, ratio, third, goal, verdict]: [&str; 7]) -> String {
    let line = format!("{what:<37} {beside:>12} {ours:>12} {ratio:>7} {third:>10} {goal:>9} {verdict:>7}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    fn row(goal: Goal, beside: Option<f64>, ours: Option<f64>) -> Row {
        Row::new("it", MILLIS, [beside, ours, None]).goal(goal)
    }

    #[test]
    fn a_goal_is_reached_at_its_very_edge_and_not_beyond() {
        let verdict = |goal, beside, ours| row(goal, Some(beside), Some(ours)).verdict().1;
        assert_eq!(verdict(Goal::RatioAtMost(1.05), 100.0, 105.0), "yes");
        assert_eq!(verdict(Goal::RatioAtMost(1.05), 100.0, 105.1), "no");
        assert_eq!(verdict(Goal::AtMost(5.0), 0.0, 5.0), "yes");
        assert_eq!(verdict(Goal::AtLeast(10.0), 0.0, 9.9), "no");
        assert_eq!(verdict(Goal::AtMost(0.0), 3.0, 1.0), "no");
        assert_eq!(verdict(Goal::RatioAtMost(1.0), 3.0, 3.0), "yes");
        assert_eq!(verdict(Goal::RatioAtMost(1.0), 0.0, 0.0), "yes", "nothing is no more than nothing");
        assert_eq!(verdict(Goal::RatioAtMost(1.0), 0.0, 1.0), "no");
        assert_eq!(Row::alone("it", MILLIS, Some(1.0)).verdict().1, "");
    }

    #[test]
    fn what_was_not_measured_is_never_reached() {
        for goal in [Goal::RatioAtMost(1.0), Goal::AtMost(1.0), Goal::AtLeast(1.0)] {
            assert_eq!(row(goal, Some(1.0), None).verdict().1, "n/a");
        }
        assert_eq!(row(Goal::RatioAtMost(1.0), None, Some(1.0)).verdict().1, "n/a");
    }

    #[test]
    fn a_row_shows_what_it_holds() {
        let row = Row::new("it", MILLIS, [Some(60_000.0), Some(45_000.0), Some(1_500_000.0)]);
        let words = |row: Row| row.line(true).split_whitespace().collect::<Vec<_>>().join(" ");
        let row = row.goal(Goal::RatioAtMost(0.85));
        assert_eq!(words(row), "it 60.0 ms 45.0 ms 0.75 × 1500.0 ms ≤ 0.85 × yes");
        assert_eq!(words(Row::alone("it", MILLIS, None)), "it - - -");
        assert_eq!(words(Row::alone("it", MICROS, Some(49.6))), "it - 50 µs -");
    }

    #[test]
    fn columns_line_up_whatever_is_in_them() {
        let rows = vec![
            Row::new("first", MICROS, [Some(12.0), Some(24.0), Some(1.0)]),
            Row::alone("a", COUNT, Some(5.0)).goal(Goal::AtMost(1.0)),
        ];
        let section = Section { title: "many".into(), rows, measured: Vec::new() };
        let table = Table { columns: ["beside", "ours", ""], sections: vec![section], ..Table::default() };
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let ends = |line: &str, cell: &str| line.find(cell).map(|at| line[..at + cell.len()].chars().count());
        assert_eq!(ends(lines[1], "ours"), ends(lines[4], "24 µs"));
        assert_eq!(ends(lines[1], "ours"), ends(lines[5], "5"));
        assert_eq!(ends(lines[1], "to reach"), ends(lines[5], "≤ 1"));
        assert!(lines[4].ends_with("2.00 ×"), "a column without a name has numbers: {text}");
        assert_eq!((lines[3], lines[7]), ("many", "not reached: a (many)"));
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
