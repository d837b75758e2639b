//! A row of the table: what was measured on each side, and whether it is what is to be reached.
//!
//! Pure. Deliberately not here: which rows there are (`report`).

use serde::Serialize;

/// What a number of a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    /// Milliseconds, measured in microseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Millions of bytes, measured in bytes.
    Megabytes,
    Count,
    Times,
    /// Times again, where a hundredth matters.
    Ratio,
    Percent,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) enum Goal {
    /// The number is there to be seen.
    Seen,
    /// At most so many times the bare client's.
    RatioAtMost(f64),
    AtMost(f64),
    AtLeast(f64),
    None,
    /// None, or no more than the bare client has for reasons of its own.
    NoneOrAsBare,
}

/// Whether it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Reached {
    Yes,
    No,
    /// Nothing could be measured, on this system or because every stream failed.
    Unknown,
}

/// One row. Numbers are in the unit that they were measured in; `None` was not measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) bare: Option<f64>,
    pub(crate) ours: Option<f64>,
    pub(crate) exec: Option<f64>,
    pub(crate) goal: Goal,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, unit: Unit) -> Self {
        Self { what: what.into(), unit, bare: None, ours: None, exec: None, goal: Goal::Seen }
    }

    pub(crate) fn bare(self, bare: Option<f64>) -> Self {
        Self { bare, ..self }
    }

    pub(crate) fn ours(self, ours: Option<f64>) -> Self {
        Self { ours, ..self }
    }

    pub(crate) fn exec(self, exec: Option<f64>) -> Self {
        Self { exec, ..self }
    }

    pub(crate) fn goal(self, goal: Goal) -> Self {
        Self { goal, ..self }
    }

    /// Ours to the bare client's.
    fn ratio(&self) -> Option<f64> {
        self.ours.zip(self.bare).filter(|&(_, bare)| bare > 0.0).map(|(ours, bare)| ours / bare)
    }

    /// Whether the goal is reached; `None` when there is none.
    pub(crate) fn reached(&self) -> Option<Reached> {
        let reached = match self.goal {
            Goal::Seen => return None,
            Goal::RatioAtMost(most) => self.ratio().map(|ratio| ratio <= most),
            Goal::AtMost(most) => self.ours.map(|ours| ours <= most),
            Goal::AtLeast(least) => self.ours.map(|ours| ours >= least),
            Goal::None => self.ours.map(|ours| ours == 0.0),
            Goal::NoneOrAsBare => self.ours.map(|ours| ours <= self.bare.unwrap_or_default()),
        };
        Some(match reached {
            Some(true) => Reached::Yes,
            Some(false) => Reached::No,
            None => Reached::Unknown,
        })
    }

    /// The names of the columns of [`Row::cells`].
    pub(crate) fn columns() -> [String; 7] {
        ["what", "bare client", "codex-proxyd", "ratio", "codex exec", "to reach", "reached"]
            .map(str::to_owned)
    }

    pub(crate) fn cells(&self) -> [String; 7] {
        let number = |number: Option<f64>| number.map_or("-".to_owned(), |number| self.unit.shown(number));
        let ratio = self.ratio().map_or(String::new(), |ratio| format!("{ratio:.2} ×"));
        let goal = match self.goal {
            Goal::Seen => String::new(),
            Goal::RatioAtMost(most) => format!("≤ {most:.2} ×"),
            Goal::AtMost(most) => format!("≤ {}", self.unit.shown(most)),
            Goal::AtLeast(least) => format!("≥ {}", self.unit.shown(least)),
            Goal::None => "0".to_owned(),
            Goal::NoneOrAsBare => "0, or as bare".to_owned(),
        };
        let reached = match self.reached() {
            None => "",
            Some(Reached::Yes) => "yes",
            Some(Reached::No) => "no",
            Some(Reached::Unknown) => "n/a",
        };
        let what = self.what.clone();
        [what, number(self.bare), number(self.ours), ratio, number(self.exec), goal, reached.to_owned()]
    }
}

impl Unit {
    fn shown(self, number: f64) -> String {
        match self {
            Self::Millis => format!("{:.1} ms", number / 1000.0),
            Self::Micros => format!("{number:.0} µs"),
            Self::Megabytes => format!("{:.1} MB", number / 1_000_000.0),
            Self::Count => format!("{number:.0}"),
            Self::Times => format!("{number:.1} ×"),
            Self::Ratio => format!("{number:.2} ×"),
            Self::Percent => format!("{number:.1} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(goal: Goal, bare: Option<f64>, ours: Option<f64>) -> Row {
        Row::new("it", Unit::Millis).bare(bare).ours(ours).goal(goal)
    }

    #[test]
    fn a_goal_is_reached_at_its_very_edge_and_not_beyond() {
        let reached = |goal, bare, ours| row(goal, Some(bare), Some(ours)).reached();
        assert_eq!(reached(Goal::RatioAtMost(1.05), 100.0, 105.0), Some(Reached::Yes));
        assert_eq!(reached(Goal::RatioAtMost(1.05), 100.0, 105.1), Some(Reached::No));
        assert_eq!(reached(Goal::AtMost(5.0), 0.0, 5.0), Some(Reached::Yes));
        assert_eq!(reached(Goal::AtLeast(10.0), 0.0, 9.9), Some(Reached::No));
        assert_eq!(reached(Goal::None, 3.0, 1.0), Some(Reached::No));
        assert_eq!(reached(Goal::NoneOrAsBare, 3.0, 3.0), Some(Reached::Yes));
        assert_eq!(reached(Goal::NoneOrAsBare, 0.0, 1.0), Some(Reached::No));
        assert_eq!(reached(Goal::Seen, 1.0, 1.0), None);
    }

    #[test]
    fn what_was_not_measured_is_never_reached() {
        for goal in [Goal::RatioAtMost(1.0), Goal::AtMost(1.0), Goal::AtLeast(1.0), Goal::None] {
            assert_eq!(row(goal, Some(1.0), None).reached(), Some(Reached::Unknown));
        }
        assert_eq!(row(Goal::RatioAtMost(1.0), None, Some(1.0)).reached(), Some(Reached::Unknown));
    }

    #[test]
    fn a_row_shows_what_it_holds() {
        let cells =
            row(Goal::RatioAtMost(0.85), Some(60_000.0), Some(45_000.0)).exec(Some(1_500_000.0)).cells();
        assert_eq!(cells, ["it", "60.0 ms", "45.0 ms", "0.75 ×", "1500.0 ms", "≤ 0.85 ×", "yes"]);
        assert_eq!(row(Goal::Seen, None, None).cells(), ["it", "-", "-", "", "-", "", ""]);
    }
}
