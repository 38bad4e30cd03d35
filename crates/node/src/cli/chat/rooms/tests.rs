use causerie_protocol::frame::up::{HistoryAccess, Role};
use causerie_protocol::{Body, ClientMessageId, MessageId, Timestamp};

use super::*;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn direct() -> ConversationId {
    ConversationId::direct(&user("alice"), &user("bob"))
}

fn rooms() -> Rooms {
    let mut rooms = Rooms::new(user("alice"), "laptop".parse().unwrap());
    rooms.learn(Conversation {
        conversation: direct(),
        kind: ConversationKind::Direct,
        title: None,
        peer: Some(user("bob")),
        member_count: 2,
        role: Role::Member,
        history: HistoryAccess::SinceJoin,
        head: Seq(1),
        first: Seq(1),
        delivered: Seq(1),
        read: Seq(0),
        unread: 1,
        last: None,
    });
    rooms
}

fn message(from: &str, seq: u64, text: &str) -> Message {
    Message {
        conversation: direct(),
        seq: Seq(seq),
        message_id: MessageId(seq),
        kind: EntryKind::Message,
        from: user(from),
        device: "laptop".parse().unwrap(),
        client_message_id: ClientMessageId::from_bytes([0; 16]),
        time: Timestamp(0),
        body: Body::text(text),
    }
}

fn receipt(delivered: u64, read: u64) -> Receipt {
    Receipt { conversation: direct(), user: user("bob"), delivered: Seq(delivered), read: Seq(read) }
}

#[test]
fn unread_messages_are_counted_until_the_conversation_is_opened() {
    let mut rooms = rooms();
    let (text, read) = rooms.message(&message("bob", 2, "hi"), true);
    assert!(text.starts_with("[bob]") && text.ends_with("bob: hi") && !read, "{text}");
    assert!(rooms.list().contains("bob  2 unread"), "{}", rooms.list());
    rooms.open(direct());
    assert!(!rooms.list().contains("unread"));
    assert_eq!(rooms.prompt(), "bob> ");
}

#[test]
fn a_message_that_history_showed_is_not_shown_again() {
    let mut rooms = rooms();
    rooms.open(direct());
    rooms.page(direct(), &[message("bob", 1, "a"), message("bob", 2, "b")], false);
    assert_eq!(rooms.message(&message("bob", 2, "b"), true), (String::new(), false));
    assert!(rooms.message(&message("bob", 3, "c"), true).1);
}

#[test]
fn each_tick_is_told_once() {
    let mut rooms = rooms();
    rooms.open(direct());
    assert!(rooms.message(&message("alice", 2, "hello"), true).0.ends_with("✓ sent"));
    assert_eq!(rooms.receipt(&receipt(1, 1)), "");
    assert!(rooms.receipt(&receipt(2, 1)).contains("✓✓ delivered to bob: “hello”"));
    assert_eq!(rooms.receipt(&receipt(2, 1)), "");
    assert!(rooms.receipt(&receipt(2, 2)).contains("✓✓ read by bob: “hello”"));
    assert_eq!(rooms.receipt(&receipt(2, 2)), "");
}
