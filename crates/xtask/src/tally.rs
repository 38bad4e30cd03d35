//! Counts of tests, read from what the test runners print.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed; a stage that failed without a failed test counts as one.
    pub(crate) failed: u64,
}

impl Tally {
    /// Sums the `test result:` lines of `cargo test`, one for each test binary.
    pub(crate) fn of_cargo_test(output: &str) -> Self {
        let mut tally = Self::default();
        for line in output.lines().filter(|line| line.starts_with("test result:")) {
            for part in line.split(['.', ';']) {
                match part.trim().split_once(' ') {
                    Some((count, "passed")) => tally.passed += count.parse().unwrap_or(0),
                    Some((count, "failed")) => tally.failed += count.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
        tally
    }

    /// Sums the closing lines of `node --test`: `ℹ pass 3` or `# pass 3`, by reporter. Cancelled tests failed.
    pub(crate) fn of_node_test(output: &str) -> Self {
        let mut tally = Self::default();
        for line in output.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["ℹ" | "#", what, count] = words.as_slice() {
                let count: u64 = count.parse().unwrap_or(0);
                match *what {
                    "pass" => tally.passed += count,
                    "fail" | "cancelled" => tally.failed += count,
                    _ => {}
                }
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_test_is_summed_over_its_binaries() {
        let output = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
            test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.50s\n";
        assert_eq!(Tally::of_cargo_test(output), Tally { passed: 13, failed: 2 });
    }

    #[test]
    fn node_test_is_read_in_both_of_its_reports() {
        let spec =
            "✔ a (3ms)\nℹ tests 5\nℹ suites 0\nℹ pass 3\nℹ fail 1\nℹ cancelled 1\nℹ duration_ms 88.6\n";
        assert_eq!(Tally::of_node_test(spec), Tally { passed: 3, failed: 2 });
        let tap = "TAP version 13\n# tests 2\n# pass 2\n# fail 0\n# cancelled 0\n";
        assert_eq!(Tally::of_node_test(tap), Tally { passed: 2, failed: 0 });
    }

    #[test]
    fn the_closing_line_reads_as_agreed() {
        assert_eq!(Tally { passed: 12, failed: 0 }.to_string(), "12 passed, 0 failed");
    }
}
