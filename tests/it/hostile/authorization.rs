//! Every command of the protocol, asked by whom it is not for.
//!
//! The table is a `match` over the commands without a catch-all: a new command does not compile without its row, and a
//! new column not without an answer in every row.

use causerie_protocol::frame::up::UpKind;
use serde_json::{Value, json};

use crate::support::frames::{direct, fresh_id, group, of, send, text};
use crate::support::server::Server;
use crate::support::socket::{Socket, sign_in};

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It is done, or answered with what is the asker's own.
    Done,
    /// Refused with this code; nothing was changed.
    Refused(&'static str),
}

use Answer::{Done, Refused};

const NOT_FOUND: Answer = Refused("not_found");
const FORBIDDEN: Answer = Refused("forbidden");
const INVALID: Answer = Refused("invalid_frame");

/// What a command answers to whom.
struct Row {
    /// To somebody who was never in the conversation, or who makes up an id: the same, so that nobody learns what exists.
    outside: Answer,
    /// To somebody who was removed from it.
    removed: Answer,
    /// To a user whom the other one of a direct conversation has blocked.
    blocked: Answer,
    /// Of a conversation of the kind that it is not for, or with arguments that contradict each other.
    wrong_kind: Answer,
    /// To a member of a group without the role that it needs.
    no_right: Answer,
}

impl Row {
    /// Of a command that concerns nobody but the asker.
    const OWN: Self = Self { outside: Done, removed: Done, blocked: Done, wrong_kind: Done, no_right: Done };
    /// Of one that every member may use.
    const MEMBERS: Self =
        Self { outside: NOT_FOUND, removed: NOT_FOUND, blocked: Done, wrong_kind: Done, no_right: Done };
    /// Of one for those who lead a group.
    const LEADERS: Self = Self {
        outside: NOT_FOUND,
        removed: NOT_FOUND,
        blocked: FORBIDDEN,
        wrong_kind: FORBIDDEN,
        no_right: FORBIDDEN,
    };
}

fn row(kind: UpKind) -> Row {
    match kind {
        // Said a second time it is wrong, whoever says it.
        UpKind::Hello => {
            Row { outside: INVALID, removed: INVALID, blocked: INVALID, wrong_kind: INVALID, no_right: INVALID }
        }
        UpKind::Refresh
        | UpKind::Ping
        | UpKind::Conversations
        | UpKind::Block
        | UpKind::Unblock
        | UpKind::Blocks
        | UpKind::PresenceUnwatch
        // Profiles are for everybody, and who has none looks like who does not exist.
        | UpKind::ProfileGet
        | UpKind::ProfileSet
        | UpKind::SettingsGet
        | UpKind::SettingsSet => Row::OWN,
        // What was begun before the block is found again; see `sending/blocks.rs` for what was not.
        UpKind::Create => Row { wrong_kind: INVALID, ..Row::OWN },
        UpKind::Conversation
        | UpKind::Members
        | UpKind::Sync
        | UpKind::History
        | UpKind::Delivered
        | UpKind::Read
        // Of a user with whom no conversation is shared.
        | UpKind::PresenceWatch => Row::MEMBERS,
        UpKind::Send => Row { blocked: FORBIDDEN, wrong_kind: INVALID, ..Row::MEMBERS },
        UpKind::Leave => Row { blocked: FORBIDDEN, wrong_kind: FORBIDDEN, ..Row::MEMBERS },
        UpKind::MembersAdd | UpKind::MembersRemove | UpKind::MembersRole | UpKind::Rename => Row::LEADERS,
    }
}

/// What a command is asked about.
struct Place {
    conversation: String,
    /// Another user: one of the conversation, where it exists.
    user: String,
    /// The asker's own.
    token: String,
}

/// The command about a place, right in its form.
fn frame(kind: UpKind, place: &Place) -> Value {
    let Place { conversation, user, token } = place;
    let mut frame = match kind {
        UpKind::Hello => json!({ "token": token, "device": "phone", "agent": "tests" }),
        UpKind::Refresh => json!({ "token": token }),
        UpKind::Ping | UpKind::Blocks | UpKind::SettingsGet => json!({}),
        UpKind::Create => json!({ "kind": "direct", "members": [user] }),
        UpKind::Conversation | UpKind::Leave => json!({ "conversation": conversation }),
        UpKind::Conversations => {
            json!({ "known": [{ "conversation": conversation, "seq": 0 }], "limit": 200 })
        }
        UpKind::Members => json!({ "conversation": conversation, "limit": 10, "after": "aaron" }),
        UpKind::MembersAdd => json!({ "conversation": conversation, "users": ["zoe"] }),
        UpKind::MembersRemove => json!({ "conversation": conversation, "users": [user] }),
        UpKind::MembersRole => json!({ "conversation": conversation, "user": user, "role": "admin" }),
        UpKind::Rename => json!({ "conversation": conversation, "title": "Mine" }),
        UpKind::Block | UpKind::Unblock => json!({ "user": user }),
        UpKind::Send => json!({
            "conversation": conversation, "client_message_id": fresh_id(), "attempt": 0, "after": 0, "body": text("Hello"),
        }),
        UpKind::Sync => json!({ "conversation": conversation, "after": 0, "limit": 10 }),
        UpKind::History => json!({ "conversation": conversation, "before": 9, "limit": 10 }),
        UpKind::Delivered | UpKind::Read => json!({ "conversation": conversation, "seq": 1 }),
        UpKind::PresenceWatch | UpKind::PresenceUnwatch | UpKind::ProfileGet => json!({ "users": [user] }),
        UpKind::ProfileSet => json!({ "display_name": "Name", "picture": "https://example/p.png" }),
        UpKind::SettingsSet => json!({ "settings": { "theme": "dark" } }),
    };
    frame["type"] = json!(kind.tag());
    frame
}

/// The command with arguments that contradict each other, where its form allows them; else about a direct conversation.
fn wrong_kind(kind: UpKind, place: &Place) -> Value {
    let mut frame = frame(kind, place);
    match kind {
        UpKind::Create => frame["members"] = json!([place.user, "zoe"]),
        UpKind::Send => frame["to"] = json!(place.user),
        _ => {}
    }
    frame
}

/// Asks, and asserts the answer, which is returned without its id.
async fn expect(who: &mut Socket, frame: Value, expected: Answer, what: &str) -> Value {
    let silent = ["delivered", "read"].contains(&frame["type"].as_str().unwrap_or_default());
    let mut answer = match (silent, expected) {
        (false, _) => who.ask(frame).await,
        (true, Refused(_)) => {
            who.tell(&frame).await;
            who.next("error").await
        }
        (true, Done) => {
            who.tell(&frame).await;
            let about = of("conversation", frame["conversation"].as_str().unwrap_or_default(), &json!({}));
            // Positions go on when a run of frames has been read: the second of two answers is behind it.
            who.ask(about.clone()).await;
            who.ask(about).await;
            let errors = who.heard(|frame| frame["type"] == "error" && frame["id"].is_null());
            errors.into_iter().next().unwrap_or_else(|| json!({ "type": "nothing" }))
        }
    };
    let got = if answer["type"] == "error" { answer["code"].as_str().unwrap_or_default() } else { "done" };
    let wanted = match expected {
        Done => "done",
        Refused(code) => code,
    };
    assert_eq!(got, wanted, "{what}: {answer}");
    if expected != Done {
        assert_eq!(answer["outcome"], "none", "{what}: {answer}");
    }
    answer.as_object_mut().expect("an object").remove("id");
    answer
}

#[tokio::test]
async fn every_command_answers_each_stranger_as_the_table_says() {
    let server = Server::start().await;
    for (number, kind) in UpKind::ALL.iter().copied().enumerate() {
        let row = row(kind);
        // Users of its own for each row, so that what one command has changed is not seen by another.
        let name = |who: &str| format!("{who}-{number}");
        let (alice, bob, rita, bea) = (name("alice"), name("bob"), name("rita"), name("bea"));
        let mut owner = Socket::sign_in(&server, &alice, "phone").await;
        let team = owner.create(group("Team", &[&bob, &rita])).await;
        owner.done(send(&team, "a secret")).await;
        owner.done(of("members.remove", &team, &json!({ "users": [rita] }))).await;
        let with_bob = owner.create(direct(&bob)).await;
        owner.done(send(&with_bob, "Hello")).await;
        let with_bea = owner.create(direct(&bea)).await;
        owner.done(send(&with_bea, "Hello")).await;
        owner.done(json!({ "type": "block", "user": bea })).await;

        let enter = async |who: &str| {
            let token = sign_in(&server, who).await;
            let (socket, _) = Socket::hello(&server, &token, "phone").await;
            (socket, token)
        };
        let place = |conversation: &str, token: &str| {
            let (conversation, token) = (conversation.to_owned(), token.to_owned());
            Place { conversation, user: alice.clone(), token }
        };
        let tag = kind.tag();
        let (mut mallory, token) = enter(&name("mallory")).await;
        let nowhere = Place { conversation: fresh_id(), user: name("nobody"), token: token.clone() };
        let guessed =
            expect(&mut mallory, frame(kind, &nowhere), row.outside, &format!("{tag}, guessed")).await;
        let what = format!("{tag}, never a member");
        let outside = expect(&mut mallory, frame(kind, &place(&team, &token)), row.outside, &what).await;
        let (mut removed, token) = enter(&rita).await;
        let what = format!("{tag}, removed");
        let was_in = expect(&mut removed, frame(kind, &place(&team, &token)), row.removed, &what).await;
        if row.outside != Done {
            assert_eq!(guessed, outside, "{tag}: what is absent and what is another's look the same");
            assert_eq!(guessed, was_in, "{tag}: what is absent and what was one's own look the same");
        }
        for answer in [guessed, outside, was_in] {
            let answer = answer.to_string();
            assert!(!answer.contains(&team) && !answer.contains("a secret"), "{tag}: {answer}");
        }

        let (mut blocked, token) = enter(&bea).await;
        let what = format!("{tag}, blocked");
        expect(&mut blocked, frame(kind, &place(&with_bea, &token)), row.blocked, &what).await;
        let (mut member, token) = enter(&bob).await;
        let what = format!("{tag}, of the wrong kind");
        expect(&mut member, wrong_kind(kind, &place(&with_bob, &token)), row.wrong_kind, &what).await;
        let what = format!("{tag}, without the right");
        expect(&mut member, frame(kind, &place(&team, &token)), row.no_right, &what).await;
    }
}

/// Values that are not of a field's type: of every other type, and for numbers those that are no position or count.
fn wrong_values(right: &Value) -> Vec<Value> {
    let all = [json!(7), json!(-1), json!(1.5), json!(true), json!("x"), json!({}), json!([]), json!([7])];
    let wrong = |value: &Value| match right {
        Value::Number(_) => !value.is_u64(),
        Value::Array(_) => !value.is_array() || *value == json!([7]),
        Value::String(_) => !value.is_string(),
        Value::Object(_) => !value.is_object(),
        Value::Bool(_) | Value::Null => false,
    };
    all.into_iter().filter(wrong).collect()
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_refused_in_every_command() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let (mut alice, _) = Socket::hello(&server, &token, "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let place = Place { conversation, user: "bob".to_owned(), token };
    for kind in UpKind::ALL.iter().copied() {
        let right = frame(kind, &place);
        for (name, value) in right.as_object().expect("an object").iter().filter(|(name, _)| *name != "type")
        {
            for wrong in wrong_values(value) {
                let mut frame = right.clone();
                frame[name] = wrong;
                alice.refused(frame, "invalid_frame").await;
            }
        }
    }
    let page = alice.done(json!({ "type": "sync", "conversation": place.conversation, "after": 0 })).await;
    assert_eq!(page["head"], 0, "nothing was done: {page}");
}

#[tokio::test]
async fn no_command_but_hello_is_answered_before_hello() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let place = Place { conversation: fresh_id(), user: "bob".to_owned(), token };
    for kind in UpKind::ALL.iter().copied().filter(|kind| *kind != UpKind::Hello) {
        let mut nobody = Socket::open(&server).await;
        let error = nobody.ask(frame(kind, &place)).await;
        assert_eq!(error["code"], "unauthenticated", "{}: {error}", kind.tag());
        assert_eq!(nobody.end().await.code, Some(4009), "{}", kind.tag());
    }
}

#[tokio::test]
async fn the_place_in_anothers_list_shows_nothing_of_it() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    for user in ["bob", "carol", "dave"] {
        let conversation = alice.create(direct(user)).await;
        alice.done(send(&conversation, "Hello")).await;
    }
    let first = alice.done(json!({ "type": "conversations", "limit": 1 })).await;
    let next = first["next"].as_str().expect("there are more");
    let mut mallory = Socket::sign_in(&server, "mallory", "phone").await;
    let page = mallory.done(json!({ "type": "conversations", "after": next })).await;
    assert_eq!(page["items"], json!([]), "{page}");
    for made_up in ["", ".", "x", "1.", ".x", "-1.0", "99999999999999999999.x", &"9".repeat(1000)] {
        mallory.refused(json!({ "type": "conversations", "after": made_up }), "invalid_frame").await;
    }
}
