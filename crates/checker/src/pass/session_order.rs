//! Session order: sends of one connection that are not refused get rising positions, in the order sent.

use crate::evidence::Evidence;
use crate::history::Outcome;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let history = evidence.history;
    let mut attempts: Vec<u32> = (0..).zip(&history.attempts).map(|(number, _)| number).collect();
    attempts.sort_by_key(|number| {
        let attempt = &history.attempts[*number as usize];
        (attempt.session, attempt.conversation)
    });
    let mut group = None;
    // The highest position so far, and when it was acknowledged.
    let mut highest = (0, 0);
    for number in attempts {
        let attempt = &history.attempts[number as usize];
        if group.replace((attempt.session, attempt.conversation))
            != Some((attempt.session, attempt.conversation))
        {
            highest = (0, 0);
        }
        let key = (attempt.conversation, evidence.user(attempt.session), attempt.client);
        let Some(facts) = evidence.keys.get(key).filter(|facts| facts.first == number) else { continue };
        // A resend may have been what was numbered: then the first attempt says nothing.
        let numbered = match attempt.outcome {
            Outcome::Sent(_) => true,
            Outcome::Unknown => facts.attempts == 1,
            Outcome::Refused => false,
        };
        let Some(seq) = facts.seq.filter(|_| numbered) else { continue };
        if evidence.entry(attempt.conversation, seq).is_some_and(|entry| entry.divergent) {
            continue;
        }
        let answered = facts.sent.map_or(u64::MAX, |(_, at)| at);
        // One that was begun after the answer to the other is an inversion.
        if seq < highest.0 && attempt.at <= highest.1 {
            verdict.add(
                Kind::SessionOrder,
                || evidence.place(attempt.conversation, seq),
                || format!("it was sent at {}, behind what stands at {}", attempt.at, highest.0),
            );
        }
        highest = highest.max((seq, answered));
    }
}
