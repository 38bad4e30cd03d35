//! What is left over from writing.

use super::project::Project;
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "nothing is left for later or switched off",
    reason: "what is in the repository is done: a note to oneself is an issue, and a test that does not run protects nobody",
    check,
};

/// In pieces, so that this file does not contain them.
const LEFTOVERS: [&str; 9] = [
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("#[ign", "ore"),
    concat!("test.sk", "ip"),
    concat!("describe.on", "ly("),
    concat!("test.on", "ly("),
];

fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in
        project.with_ending(&[".rs", ".js", ".mjs", ".ts", ".css", ".html", ".sh", ".toml", ".ci/run"])
    {
        for (number, line) in file.numbered() {
            if let Some(leftover) = LEFTOVERS.iter().find(|leftover| has_word(line, leftover)) {
                findings.push(Finding::new(format!("{}:{number}", file.path), *leftover));
            }
        }
    }
    findings
}

/// Whether `word` stands in `line`, and not within a longer word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let joined = |neighbour: Option<char>| neighbour.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let ends_in_word = word.ends_with(|c: char| c.is_alphanumeric());
        !(joined(before) || ends_in_word && joined(after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_leftover_is_found_once() {
        for leftover in LEFTOVERS {
            let text = format!("fn a() {{}}\n    {leftover} b\n");
            let project = Project::sample(&[("a.rs", &text)]);
            assert_eq!(check(&project), [Finding::new("a.rs:2", leftover)]);
        }
    }

    #[test]
    fn longer_words_and_other_files_are_left_alone() {
        let text = concat!("const MAXX", "XL: &str = \"aXX", "Xb\"; mas", "to", "do!()");
        let project = Project::sample(&[("a.rs", text), ("CHANGELOG.md", concat!("TO", "DO"))]);
        assert_eq!(check(&project), []);
    }
}
