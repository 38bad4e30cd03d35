//! Links between documents.

use super::project::{File, Project};
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "every link in a document leads somewhere",
    reason: "a dead link tells the reader that nobody has read this since it moved",
    check,
};

fn check(project: &Project) -> Vec<Finding> {
    project.with_ending(&[".md"]).flat_map(|file| check_file(project, file)).collect()
}

fn check_file(project: &Project, file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(file) {
        for target in targets(line).filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { file.path.clone() } else { resolve(&file.path, path) };
            if !project.has(&path) {
                findings
                    .push(Finding::new(format!("{}:{number}", file.path), format!("no such file: {target}")));
            } else if path.ends_with(".md") && !anchor.is_empty() && !has_heading(project, &path, anchor) {
                findings.push(Finding::new(
                    format!("{}:{number}", file.path),
                    format!("no such heading: {target}"),
                ));
            }
        }
    }
    findings
}

/// The lines outside of code blocks, with their numbers.
pub(super) fn prose(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    file.numbered().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// What stands in `](…)`, without a title.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

/// `target` as seen from the folder of `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn has_heading(project: &Project, path: &str, anchor: &str) -> bool {
    let file = project.files.iter().find(|file| file.path == path);
    file.is_some_and(|file| prose(file).any(|(_, line)| line.starts_with('#') && slug(line) == anchor))
}

/// A heading's anchor: small letters, no punctuation, dashes for spaces.
fn slug(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(text: &str) -> Vec<String> {
        let files = [("docs/a.md", text), ("docs/adr/1.md", "# One, `two`\n"), ("README.md", "")];
        check(&Project::sample(&files)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text = "# Here\n[a](adr/1.md#one-two) ![b](../README.md \"title\") [c](#here) [d](https://x.example/)\n\
                    [e](adr/)\n```\n[f](nowhere.md)\n```\n";
        assert_eq!(whats(text), Vec::<String>::new());
    }

    #[test]
    fn dead_files_and_headings_are_found() {
        let text = "[a](1.md) and [b](adr/1.md#three) and [c](#there)";
        assert_eq!(
            whats(text),
            ["no such file: 1.md", "no such heading: adr/1.md#three", "no such heading: #there"]
        );
    }
}
