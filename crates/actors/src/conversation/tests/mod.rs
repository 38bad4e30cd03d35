//! The core of a conversation against a store that loses, delays and refuses, in random order.

mod checks;
mod failure;
mod store;
mod world;

use causerie_protocol::frame::Outcome;
use proptest::prelude::*;

use store::Fate;
use world::{Step, World};

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![6 => Just(Fate::Committed), 1 => Just(Fate::AnswerLost), 1 => Just(Fate::Lost), 1 => Just(Fate::Refused)]
}

fn step() -> impl Strategy<Value = Step> {
    let user = || 0usize..4;
    prop_oneof![
        10 => (user(), 1u8..8, prop::bool::weighted(0.1), 0u32..2)
            .prop_map(|(user, key, other, attempt)| Step::Send { user, key, text: u8::from(other), attempt }),
        1 => user().prop_map(|user| Step::Create { user }),
        2 => (user(), user()).prop_map(|(by, user)| Step::Add { by, user }),
        1 => (user(), user()).prop_map(|(by, user)| Step::Remove { by, user }),
        1 => (user(), user(), any::<bool>()).prop_map(|(by, user, owner)| Step::Give { by, user, owner }),
        1 => user().prop_map(|user| Step::Leave { user }),
        2 => (user(), 0u64..20, any::<bool>()).prop_map(|(user, seq, read)| Step::Cursor { user, seq, read }),
        1 => (user(), 0u64..20).prop_map(|(user, after)| Step::Sync { user, after }),
        8 => fate().prop_map(Step::StoreAnswers),
        4 => prop::bool::weighted(0.1).prop_map(|fails| Step::Found { fails }),
        2 => prop::bool::weighted(0.2).prop_map(|fails| Step::CursorsKept { fails }),
        4 => prop_oneof![9 => 0u64..600, 1 => 5_000u64..30_000].prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Passivate),
        1 => fate().prop_map(Step::Fail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_group_keeps_its_promises(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new(false);
        world.step(Step::Create { user: 0 });
        world.step(Step::StoreAnswers(Fate::Committed));
        steps.into_iter().for_each(|step| world.step(step));
        world.finish();
    }

    #[test]
    fn a_direct_conversation_keeps_its_promises(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new(true);
        steps.into_iter().for_each(|step| world.step(step));
        world.finish();
    }
}

/// Whatever waits behind a store that says nothing is answered within 30 seconds, and truly.
#[test]
fn a_silent_store_leaves_nobody_without_an_answer() {
    let mut world = World::new(false);
    world.step(Step::Create { user: 0 });
    world.step(Step::StoreAnswers(Fate::Committed));
    let send = |key| Step::Send { user: 0, key, text: 0, attempt: 0 };
    let waiting = [send(1), send(1), send(2), Step::Add { by: 0, user: 3 }, Step::Create { user: 0 }];
    waiting.into_iter().for_each(|step| world.step(step));
    (0..60).for_each(|_| world.step(Step::Pass { ms: 500 }));
    let outcomes: Vec<_> = world.asked.iter().skip(1).map(|asked| asked.outcome()).collect();
    let (none, unknown) = (Some(Outcome::None), Some(Outcome::Unknown));
    assert_eq!(outcomes, [unknown, unknown, none, none, none], "the second has the key of the one under way");
    world.finish();
}
