//! What of a failed command's output is worth showing.

/// Most lines of output to show; the log has the rest.
const MOST_LINES: usize = 120;

/// The failures themselves where the output marks them (cargo's errors, the `failures:` sections of test binaries),
/// else its last lines.
pub(crate) fn of_failure(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let sections = failure_sections(&lines);
    if !sections.is_empty() {
        return sections.iter().take(MOST_LINES).copied().collect::<Vec<_>>().join("\n");
    }
    let error = lines.iter().position(|line| line.starts_with("error"));
    let tail = lines.len().saturating_sub(MOST_LINES / 2);
    lines[error.unwrap_or(tail)..].iter().take(MOST_LINES).copied().collect::<Vec<_>>().join("\n")
}

/// From each `failures:` to its `test result:`. A binary prints two such lists, details and names, one after the other.
fn failure_sections<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut inside = false;
    let mut section = Vec::new();
    for line in lines {
        inside |= *line == "failures:";
        if inside {
            section.push(*line);
        }
        inside &= !line.starts_with("test result:");
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_failures_are_cut_out_of_what_passed() {
        let output = "running 2 tests\ntest a ... ok\n\nfailures:\n\n---- b stdout ----\nboom\n\nfailures:\n    b\n\n\
                      test result: FAILED. 1 passed; 1 failed\nrunning 1 test\ntest c ... ok\ntest result: ok.";
        let excerpt = of_failure(output);
        assert!(excerpt.contains("boom") && excerpt.ends_with("1 failed"), "{excerpt}");
        assert!(!excerpt.contains("test a") && !excerpt.contains("test c"), "{excerpt}");
    }

    #[test]
    fn a_compiler_error_is_shown_from_its_beginning() {
        let output = format!(
            "Compiling a\nerror[E0308]: mismatched\n{}error: could not compile\n",
            "  |\n".repeat(90)
        );
        assert!(of_failure(&output).starts_with("error[E0308]"));
        assert_eq!(of_failure("Compiling a\nerror: b\n"), "error: b");
    }

    #[test]
    fn anything_else_shows_its_tail() {
        let output = "line\n".repeat(500) + "the end";
        let excerpt = of_failure(&output);
        assert!(excerpt.ends_with("the end"));
        assert_eq!(excerpt.lines().count(), MOST_LINES / 2);
    }
}
