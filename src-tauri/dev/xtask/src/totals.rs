//! Adds up the results that `cargo test` prints per test binary, and vitest's.
//!
//! A crashed binary prints no result, so `test` checks the exit status as well.

use std::fmt;
use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Totals {
    /// Parses cargo's `test result: ok. 3 passed; 0 failed; 1 ignored; …` or vitest's `Tests  1 failed | 11 passed (12)`.
    pub(crate) fn parse_line(line: &str) -> Option<Self> {
        let line = line.trim();
        let counts = line.strip_prefix("test result: ").or_else(|| line.strip_prefix("Tests "))?;
        let mut totals = Self::default();
        let words: Vec<&str> = counts.split_whitespace().collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1].trim_end_matches(';') {
                "passed" => totals.passed += number,
                "failed" => totals.failed += number,
                "ignored" | "skipped" | "todo" => totals.skipped += number,
                _ => {}
            }
        }
        Some(totals)
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_binaries_are_added_up() {
        let output = "\nrunning 2 tests\ntest a ... ok\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s\n\
            test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n\
            test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let mut sum = Totals::default();
        output.lines().filter_map(Totals::parse_line).for_each(|totals| sum += totals);
        assert_eq!(sum, Totals { passed: 7, failed: 2, skipped: 1 });
        assert_eq!(sum.to_string(), "7 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn other_lines_are_ignored() {
        for line in
            ["", "test a ... ok", "test result:", "the test result: ok. 3 passed; 0 failed", "3 passed"]
        {
            assert_eq!(Totals::parse_line(line), None, "{line}");
        }
    }

    #[test]
    fn vitest_results_are_parsed_with_and_without_failures() {
        let totals = |line| Totals::parse_line(line);
        assert_eq!(totals("      Tests  12 passed (12)"), Some(Totals { passed: 12, failed: 0, skipped: 0 }));
        let mixed = totals("Tests  1 failed | 11 passed | 2 skipped (14)");
        assert_eq!(mixed, Some(Totals { passed: 11, failed: 1, skipped: 2 }));
        assert_eq!(totals(" Test Files  3 passed (3)"), None);
    }
}
