//! How many tests passed, failed and were skipped, over all runners.

use std::fmt;

/// Counts of tests. Shown as `12 passed, 0 failed`, with `, 1 skipped` where there are any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Adds what a line says if it is a closing line of `cargo test`:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    pub(crate) fn read_cargo(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            self.add(count.split_once(' ').map(|(number, word)| (word, number)));
        }
    }

    /// Adds what a line says if it is of the summary of Node's test runner: `# pass 3` in TAP,
    /// `ℹ pass 3` for people.
    pub(crate) fn read_node(&mut self, line: &str) {
        let rest = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "));
        self.add(rest.and_then(|rest| rest.split_once(' ')));
    }

    /// Counts a runner that failed without a test that failed: it did not compile, or was ended.
    pub(crate) fn blame_runner(&mut self, failed_before: u64) {
        if self.failed == failed_before {
            self.failed += 1;
        }
    }

    fn add(&mut self, count: Option<(&str, &str)>) {
        let Some((word, number)) = count else { return };
        let Ok(number) = number.parse::<u64>() else {
            return;
        };
        match word {
            "passed" | "pass" => self.passed += number,
            "failed" | "fail" | "cancelled" => self.failed += number,
            "ignored" | "skipped" => self.skipped += number,
            _ => {}
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_cargo_add_up() {
        let mut tally = Tally::default();
        tally.read_cargo("running 4 tests");
        tally.read_cargo("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s");
        tally.read_cargo("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        assert_eq!(
            tally,
            Tally {
                passed: 5,
                failed: 1,
                skipped: 1
            }
        );
        assert_eq!(tally.to_string(), "5 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn closing_lines_of_node_add_up_in_both_forms() {
        let mut tally = Tally::default();
        let tap = [
            "# tests 9",
            "# pass 3",
            "# fail 1",
            "# cancelled 1",
            "# skipped 0",
            "# a b c",
        ];
        let spec = [
            "ℹ tests 2",
            "ℹ pass 2",
            "ℹ fail 0",
            "ℹ duration_ms 12.5",
            "pass 7",
        ];
        tap.iter()
            .chain(&spec)
            .for_each(|line| tally.read_node(line));
        assert_eq!(
            tally,
            Tally {
                passed: 5,
                failed: 2,
                skipped: 0
            }
        );
        assert_eq!(tally.to_string(), "5 passed, 2 failed");
    }

    #[test]
    fn a_runner_that_fails_without_a_count_counts_as_one() {
        let mut tally = Tally {
            passed: 3,
            failed: 1,
            skipped: 0,
        };
        tally.blame_runner(0);
        assert_eq!(tally.failed, 1);
        tally.blame_runner(1);
        assert_eq!(tally.failed, 2);
    }
}
