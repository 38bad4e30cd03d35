//! How long a file may be.

use super::project::Project;
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "a source file has at most 500 lines",
    reason: "a longer one is two rooms; the file that eats the design grows one harmless line at a time",
    check,
};

const MOST_LINES: usize = 500;

fn check(project: &Project) -> Vec<Finding> {
    project
        .with_ending(&[".rs", ".js", ".mjs", ".ts"])
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| Finding::new(&file.path, format!("{lines} lines")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed() {
        let [good, bad] = [MOST_LINES, MOST_LINES + 1].map(|lines| "x\n".repeat(lines));
        let project = Project::sample(&[("a.rs", &good), ("b.mjs", &bad), ("long.md", &bad)]);
        assert_eq!(check(&project), [Finding::new("b.mjs", "501 lines")]);
    }
}
