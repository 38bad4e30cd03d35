//! The session against a simulated server, over connections that are cut at any place, with frames doubled, late,
//! replaced by `head`, and refusals in between.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod server;
mod world;

use proptest::prelude::*;
use world::{Step, World};

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<u8>().prop_map(Step::ServerReads),
        8 => Just(Step::ClientReads),
        4 => (0u8..3, any::<u8>()).prop_map(|(conversation, how)| Step::OtherPosts { conversation, how }),
        4 => (0u8..4).prop_map(|target| Step::Send { target }),
        2 => (0u8..6).prop_map(Step::Drain),
        2 => (1u16..2000).prop_map(Step::Wait),
        1 => any::<u8>().prop_map(Step::Cut),
        1 => (0u8..3).prop_map(Step::Read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn with_resume_everything_arrives_once_in_order(steps in prop::collection::vec(step(), 1..250), seed in any::<u64>()) {
        let mut world = World::new(true, seed);
        steps.into_iter().for_each(|step| world.step(step));
        world.heal();
        world.check_every_message_once_in_order();
        world.check_every_send_has_one_true_outcome();
        world.check_nothing_is_left_unknown();
        world.check_positions();
    }

    #[test]
    fn without_resume_a_cut_ends_everything_with_the_truth(steps in prop::collection::vec(step(), 1..250), seed in any::<u64>()) {
        let mut world = World::new(false, seed);
        steps.into_iter().for_each(|step| world.step(step));
        world.close();
        world.check_messages_are_in_order();
        world.check_every_send_has_one_true_outcome();
        world.check_positions();
    }
}
