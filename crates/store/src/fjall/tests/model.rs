//! The store on disk answers as the one in memory does, whatever is done to both.

use causerie_protocol::frame::down::Role;
use causerie_protocol::{Body, Seq};
use proptest::prelude::*;

use super::lab::{OnDisk, scratch};
use crate::contract::sample::{
    batch, change, client_id, conversation, cursor, direct, group, member, time, update, user,
};
use crate::contract::{Subject, commit, event_log, ok};
use crate::fjall::FjallConfig;
use crate::memory::MemoryStore;
use crate::model::{EventPosition, Profile, Projection, Revocation};
use crate::port::Store;
use crate::port::messages::ReadLimit;

const USERS: [&str; 4] = ["a", "ab", "b", "ünï"];

#[derive(Clone, Debug)]
enum Step {
    Append { at: u64, entries: u64 },
    Change { at: u64, who: usize, what: u8 },
    Cursors(Vec<(u64, usize, bool, u64, u64)>),
    Erase(usize),
    Replace { at: u64, seq: u64 },
    Block(usize, usize, bool),
    Suspend(usize, bool),
    Profile(usize),
    Revoke { id: u64, expires: u64, now: u64 },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (id, who, seq) = (0..3u64, 0..USERS.len(), 0..12u64);
    let update = (id.clone(), who.clone(), any::<bool>(), seq.clone(), seq.clone());
    prop_oneof![
        4 => (id.clone(), 1..5u64).prop_map(|(at, entries)| Step::Append { at, entries }),
        4 => (id.clone(), who.clone(), 0..5u8).prop_map(|(at, who, what)| Step::Change { at, who, what }),
        4 => prop::collection::vec(update, 0..5).prop_map(Step::Cursors),
        1 => who.clone().prop_map(Step::Erase),
        1 => (id, seq).prop_map(|(at, seq)| Step::Replace { at, seq }),
        1 => (who.clone(), who.clone(), any::<bool>()).prop_map(|(a, b, on)| Step::Block(a, b, on)),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, on)| Step::Suspend(who, on)),
        1 => who.prop_map(Step::Profile),
        1 => (0..3u64, 0..9u64, 0..9u64).prop_map(|(id, expires, now)| Step::Revoke { id, expires, now }),
        1 => Just(Step::Reopen),
    ]
}

fn apply(store: &impl Store, step: &Step, heads: &mut [u64; 3]) {
    let mut next = |at: u64, entries: u64| {
        let head = &mut heads[usize::try_from(at).unwrap()];
        *head += entries;
        *head - entries + 1..=*head
    };
    match step {
        Step::Append { at, entries } => {
            commit(store, batch(conversation(*at), next(*at, *entries))).unwrap();
        }
        Step::Change { at, who, what } => {
            let since = *next(*at, 1).start();
            let who = user(USERS[*who]);
            let mut projections = vec![Projection::Conversation(if *at == 0 { direct() } else { group(2) })];
            projections.push(match what {
                0 => Projection::Removed(who),
                1 => Projection::Member(who, member(Role::Admin, since)),
                _ => Projection::Member(who, member(Role::Member, since)),
            });
            commit(store, change(conversation(*at), since, projections)).unwrap();
        }
        Step::Cursors(updates) => {
            let updates = updates.iter().map(|(at, who, phone, delivered, read)| {
                let device = if *phone { "phone" } else { "tv" };
                update(conversation(*at), USERS[*who], device, cursor(*delivered, *read))
            });
            ok(store.put_cursors(updates.collect()));
        }
        Step::Erase(who) => ok(store.erase_user(user(USERS[*who]))),
        Step::Replace { at, seq } => {
            ok(store.replace_bodies(conversation(*at), vec![(Seq(*seq), Body::text("erased"))]));
        }
        Step::Block(a, b, on) => ok(store.put_block(user(USERS[*a]), user(USERS[*b]), *on)),
        Step::Suspend(who, on) => ok(store.put_suspended(user(USERS[*who]), *on)),
        Step::Profile(who) => {
            let profile = Profile { display_name: Some(USERS[*who].into()), picture: None };
            ok(store.put_profile(user(USERS[*who]), profile));
            ok(store.put_last_seen(vec![(user(USERS[*who]), time(heads[0]))]));
        }
        Step::Revoke { id, expires, now } => {
            let id: Box<str> = id.to_string().into();
            ok(store.put_revocation(Revocation::Token(id, time(*expires)), time(*now)));
        }
        Step::Reopen => (),
    }
}

/// Every answer that there is, in words.
fn answers(store: &impl Store) -> Vec<String> {
    let mut answers = vec![format!("{:?}", event_log(store).last_event())];
    let mut add = |answer: &dyn std::fmt::Debug| answers.push(format!("{answer:?}"));
    for id in (0..3).map(conversation) {
        for limit in [ReadLimit { items: 7, bytes: 1000 }, ReadLimit { items: 100, bytes: 90 }] {
            add(&ok(store.read(id, Seq(2), Seq(9), limit)));
            add(&ok(store.read_back(id, Seq(2), Seq(9), limit)));
        }
        let keys = [0, 1, 5].map(|number| (user("alice"), client_id(number))).to_vec();
        add(&(ok(store.load(id)), ok(store.heads(vec![id])), ok(store.find(id, keys))));
        for who in USERS.map(user) {
            add(&(ok(store.device_cursors(who.clone(), id)), ok(store.conversation_of(who, id))));
        }
    }
    for who in USERS.map(user) {
        add(&(ok(store.conversations_of(who.clone())), ok(store.blocks(who.clone()))));
        add(&USERS.map(|other| ok(store.share_conversation(who.clone(), user(other)))));
    }
    let users = USERS.map(user).to_vec();
    add(&(
        ok(store.profiles(users.clone())),
        ok(store.last_seen(users)),
        ok(store.revocations()),
        ok(store.suspended()),
    ));
    for after in [0, 3, 10] {
        add(&ok(event_log(store).events(EventPosition(after), 8)));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_answer_alike(steps in prop::collection::vec(step(), 1..40)) {
        let memory = MemoryStore::new();
        let few = |config| FjallConfig { keys_in_memory: 8, ..config };
        let mut disk = OnDisk::open_with(scratch(), few);
        let (mut of_memory, mut of_disk) = ([0; 3], [0; 3]);
        for step in &steps {
            if matches!(step, Step::Reopen) {
                disk = disk.reopen();
            }
            apply(&memory, step, &mut of_memory);
            apply(disk.store(), step, &mut of_disk);
        }
        for (on_disk, in_memory) in answers(disk.store()).iter().zip(answers(&memory)) {
            prop_assert_eq!(on_disk, &in_memory);
        }
    }
}
