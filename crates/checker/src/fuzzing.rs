//! What reading and judging promise of any history: the property tests below and the target in `fuzz/` use it.

use crate::history::{Line, Reader};
use crate::{Demands, judge};

/// What reads of a line is written so that it reads the same; what its lines make is judged, however wrong it is.
pub fn history(text: &str) {
    let mut reader = Reader::default();
    for line in text.lines().filter_map(|line| Line::parse(line).ok()) {
        let mut written = Vec::new();
        line.write(&mut written).expect("memory takes it");
        let written = String::from_utf8(written).expect("JSON is text");
        assert_eq!(Line::parse(&written).ok().as_ref(), Some(&line));
        // A line that refers to nothing is told, and nothing of it stays.
        let _ = reader.line(line);
    }
    // Whole histories are judged by the same code; what it says must be sayable.
    let verdict = judge(&reader.finish(), &Demands::default());
    assert!(!verdict.to_string().is_empty());
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use crate::corpus::{Size, good};

    /// A good history, as its lines.
    static GOOD: LazyLock<Vec<String>> = LazyLock::new(|| {
        let written = good(1, Size::default()).into_iter().map(|line| {
            let mut out = Vec::new();
            line.write(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        });
        written.collect()
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]

        #[test]
        fn histories_with_lines_lost_moved_and_broken(
            any in any::<String>(),
            edits in prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>(), "[0-9\"{},:a-f]{0,2}"), 0..40),
        ) {
            super::history(&any);
            let mut lines = GOOD.clone();
            for (line, to, at, with) in edits {
                let mut moved = lines.remove(line.index(lines.len()));
                if !with.is_empty() {
                    let at = at.index(moved.len());
                    moved.replace_range(at..=at, &with);
                    lines.insert(to.index(lines.len()), moved);
                }
            }
            super::history(&lines.concat());
        }
    }
}
