//! The core of a connection against clients, clocks and callers that do anything, in random order.

mod outbox;
mod world;

use proptest::prelude::*;

use super::input::End;
use super::transport::TransportEnd;
use world::{Said, Step, Token, World};

fn token() -> impl Strategy<Value = Token> {
    prop_oneof![
        4 => (0u64..100_000).prop_map(|ms| Token::Good { expires_in_ms: Some(ms) }),
        2 => Just(Token::Good { expires_in_ms: None }),
        1 => Just(Token::OfAnother),
        1 => Just(Token::Bad),
        1 => Just(Token::Unavailable),
        1 => Just(Token::TooMany),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        3 => token().prop_map(Said::Hello),
        1 => token().prop_map(Said::Refresh),
        2 => Just(Said::Ping),
        6 => (0usize..40).prop_map(|bytes| Said::Send { bytes }),
        3 => Just(Said::Sync),
        2 => Just(Said::Blocks),
        2 => (0u64..9, any::<bool>()).prop_map(|(seq, read)| Said::Cursor { seq, read }),
        1 => Just(Said::Garbage),
        1 => Just(Said::Unknown),
    ]
}

fn transport_end() -> impl Strategy<Value = TransportEnd> {
    prop_oneof![
        Just(TransportEnd::Closed),
        Just(TransportEnd::Broken("pipe".to_owned())),
        Just(TransportEnd::Violation("binary".to_owned())),
        Just(TransportEnd::TooLarge { limit: 9 }),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::KICKED), Just(End::REVOKED), Just(End::REPLACED), Just(End::draining(7))]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (prop::collection::vec(said(), 0..6), prop::option::weighted(0.02, transport_end()))
            .prop_map(|(said, end)| Step::Read(said, end)),
        5 => any::<prop::sample::Index>().prop_map(Step::Answer),
        5 => Just(Step::Write),
        2 => any::<bool>().prop_map(Step::Blocked),
        4 => prop_oneof![6 => 0u64..500, 1 => 4_000u64..70_000].prop_map(|ms| Step::Pass { ms }),
        1 => prop::option::weighted(0.3, end()).prop_map(Step::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_connection_keeps_its_promises(
        known in any::<bool>(),
        at_once in prop::option::weighted(0.1, end()),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(known, at_once);
        if !known {
            world.step(Step::Read(vec![Said::Hello(Token::Good { expires_in_ms: None })], None));
        }
        steps.into_iter().for_each(|step| world.step(step));
        world.finish();
    }

    #[test]
    fn a_stranger_gets_nowhere(steps in prop::collection::vec(step(), 1..20)) {
        let mut world = World::new(false, None);
        steps.into_iter().for_each(|step| world.step(step));
        world.finish();
    }
}
