//! How the judge is judged: good histories of a small made-up server, and the same broken in one place each.
//!
//! A good one must pass. A broken one must have just the finding of its place, and no other.

mod breaks;
mod places;
mod world;

use crate::history::{Line, Reader};
use crate::verdict::{Demands, Kind, Verdict};
use crate::{History, judge};

pub use breaks::{BREAKS, Break};
pub use world::{Size, good};

/// Makes a history of lines.
///
/// # Panics
/// If a line refers to one that is not there: histories of this module do not.
pub fn history(lines: &[Line]) -> History {
    let mut reader = Reader::default();
    for line in lines {
        reader.line(line.clone()).expect("a made-up history is whole");
    }
    reader.finish()
}

/// Judges the judge: the good history of this seed and each broken one, by name, with what went wrong.
pub fn prove(seed: u64) -> Vec<(String, Result<(), String>)> {
    let lines = good(seed, Size::default());
    let mut results = vec![("a good history passes".to_owned(), expect(&verdict(&lines), None))];
    for broken in BREAKS {
        let mut lines = lines.clone();
        let result = match (broken.apply)(&mut lines) {
            Some(()) => expect(&verdict(&lines), Some(broken.kind)),
            None => Err("the history has no place for it".to_owned()),
        };
        results.push((format!("{}: {}", broken.kind.name(), broken.name), result));
    }
    for (name, vacuous) in vacuous(&lines) {
        let verdict = verdict(&vacuous);
        let result = if verdict.findings.is_empty() && !verdict.vacuous.is_empty() {
            Ok(())
        } else {
            Err(verdict.to_string())
        };
        results.push((format!("vacuous: {name}"), result));
    }
    results
}

fn verdict(lines: &[Line]) -> Verdict {
    judge(&history(lines), &Demands::default())
}

/// Whether the verdict is just the one expected.
fn expect(verdict: &Verdict, kind: Option<Kind>) -> Result<(), String> {
    let found: Vec<Kind> = verdict.findings.keys().copied().collect();
    if found == Vec::from_iter(kind) && verdict.vacuous.is_empty() {
        Ok(())
    } else {
        Err(verdict.to_string())
    }
}

/// Histories that prove nothing.
fn vacuous(lines: &[Line]) -> Vec<(&'static str, Vec<Line>)> {
    let without_finals = lines.iter().filter(|line| !matches!(line, Line::Page { last: true, .. }));
    let mut without_effect = lines.to_vec();
    for line in &mut without_effect {
        if let Line::Fault { effect, .. } = line {
            *effect = 0;
        }
    }
    let mut without_answers = lines.to_vec();
    without_answers.retain(|line| !matches!(line, Line::Sent { .. } | Line::Changed { .. }));
    let mut half_a_final = lines.to_vec();
    for line in &mut half_a_final {
        if let Line::Page { last: true, more, .. } = line {
            *more = true;
        }
    }
    let looks = |line: &Line| match line {
        Line::Page { session, last: true, .. } => Some(*session),
        _ => None,
    };
    let somebody = lines.iter().find_map(looks);
    let without_somebody = lines.iter().filter(|line| looks(line).is_none() || looks(line) != somebody);
    let of_strangers = lines.iter().filter(|line| !matches!(line, Line::Direct { .. }));
    vec![
        ("a member without a final sync", without_somebody.cloned().collect()),
        ("a conversation of nobody knows whom", of_strangers.cloned().collect()),
        ("no final sync", without_finals.cloned().collect()),
        ("a fault without effect", without_effect),
        ("no acknowledgement", without_answers),
        ("final syncs that do not end", half_a_final),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_break_is_found_and_nothing_else() {
        let wrong: Vec<_> = (0..5)
            .flat_map(|seed| prove(seed).into_iter().map(move |(name, result)| (seed, name, result)))
            .filter(|(_, _, result)| result.is_err())
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_kind_has_a_break() {
        for kind in Kind::ALL {
            assert!(BREAKS.iter().any(|broken| broken.kind == *kind), "{}", kind.name());
        }
    }

    #[test]
    fn a_history_reads_back_as_it_was_written() {
        let lines = good(1, Size::default());
        let history = history(&lines);
        let mut text = Vec::new();
        history.write("again", &mut text).unwrap();
        let mut reader = Reader::default();
        reader.file(text.as_slice()).unwrap();
        let again = reader.finish();
        assert_eq!(again.seen.len(), history.seen.len());
        let demands = Demands::default();
        assert_eq!(format!("{:?}", judge(&again, &demands)), format!("{:?}", judge(&history, &demands)));
    }

    #[test]
    fn recorders_of_their_own_are_joined() {
        let mut both = History::default();
        for seed in [1, 2] {
            both.absorb(history(&good(seed, Size::default())));
        }
        let verdict = judge(&both, &Demands::default());
        assert!(verdict.passed, "{verdict}");
        assert_eq!(verdict.judged.conversations, 8);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn good_histories_have_no_finding(seed in any::<u64>(), operations in 200usize..1500, jitter in 2u64..400) {
            let verdict = verdict(&good(seed, Size { operations, jitter }));
            prop_assert!(verdict.findings.is_empty(), "{}", verdict);
        }
    }
}
