//! What is encoded is decoded, and what is damaged is refused.

use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, UserId};
use causerie_store::Epoch;
use causerie_store::model::{Cursor, Entry, Shard};
use proptest::prelude::*;
use rdkafka::message::{Headers as _, OwnedHeaders};

use super::encode::Encoded;
use super::*;

type Pairs = Vec<(String, Vec<u8>)>;

fn pairs(headers: &OwnedHeaders) -> Pairs {
    headers.iter().map(|header| (header.key.to_owned(), header.value.unwrap().to_vec())).collect()
}

fn read(conversation: ConversationId, value: &[u8], headers: &Pairs) -> Result<Event, DecodeError> {
    decode_parts(Some(conversation.as_bytes()), Some(value), |name| {
        headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    })
}

fn entry(seq: u64, kind: EntryKind, from: &str, text: &str) -> Entry {
    Entry {
        seq: Seq(seq),
        message_id: MessageId(seq << 22),
        kind,
        from: UserId::new(from).unwrap(),
        device: DeviceId::new("phone").unwrap(),
        client_message_id: ClientMessageId::from_bytes([9; 16]),
        body: Body::text(text),
    }
}

const CONVERSATION: ConversationId = ConversationId(uuid(7));

const fn uuid(number: u8) -> uuid::Uuid {
    uuid::Uuid::from_bytes([number; 16])
}

proptest! {
    #[test]
    fn an_entry_is_read_as_it_was_written(
        seq in 1..u64::from(u32::MAX), membership: bool, from in "[^\\p{Cc}\\s]{1,20}", text in ".{0,200}", epoch: u64,
    ) {
        let kind = if membership { EntryKind::Membership } else { EntryKind::Message };
        let (entry, mut encoder) = (entry(seq, kind, &from, &text), Encoder::default());
        let Encoded { value, headers, size } = encoder.encode(CONVERSATION, Epoch(epoch), &Told::Entry(&entry));
        prop_assert!(size > value.len());
        let event = read(CONVERSATION, value, &pairs(&headers)).unwrap();
        prop_assert_eq!(&*event.id, format!("{CONVERSATION}:{seq}"));
        prop_assert_eq!((event.epoch, event.shard), (epoch, Shard::of_conversation(CONVERSATION).number()));
        let EventBody::Entry { message, oversize: None } = event.body else { panic!() };
        prop_assert_eq!((message.seq, message.kind, &message.from, message.time), (entry.seq, kind, &entry.from, entry.time()));
        prop_assert_eq!(message.body.as_json(), entry.body.as_json());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(key: Option<[u8; 16]>, value: Option<Vec<u8>>, header: Option<Vec<u8>>, at in 0..12_usize) {
        let (entry, mut encoder) = (entry(3, EntryKind::Message, "alice", "x"), Encoder::default());
        let Encoded { headers, .. } = encoder.encode(CONVERSATION, Epoch(1), &Told::Entry(&entry));
        let mut headers = pairs(&headers);
        if let (Some(found), Some(value)) = (headers.get_mut(at), header) {
            found.1 = value;
        }
        let key = key.as_ref().map(<[u8; 16]>::as_slice);
        let _ = decode_parts(key, value.as_deref(), |name| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice()));
    }
}

#[test]
fn the_headers_are_these() {
    let (entry, mut encoder) = (entry(5, EntryKind::Membership, "alice", "x"), Encoder::default());
    let Encoded { value, headers, .. } = encoder.encode(CONVERSATION, Epoch(4), &Told::Entry(&entry));
    let headers = pairs(&headers);
    let find = |name: &str| {
        let found = headers.iter().find(|(key, _)| key == name);
        String::from_utf8(found.unwrap_or_else(|| panic!("{name}")).1.clone()).unwrap()
    };
    let id = CONVERSATION.to_string();
    for (name, expected) in [
        ("ce_specversion", "1.0"),
        ("ce_type", "causerie.membership"),
        ("ce_source", "/causerie"),
        ("ce_id", &format!("{id}:5")),
        ("ce_subject", &id),
        ("ce_partitionkey", &id),
        ("ce_time", "1970-01-01T00:00:00.005Z"),
        ("ce_epoch", "4"),
        ("content-type", "application/json"),
    ] {
        if name == "ce_time" {
            assert_eq!(find(name), entry.time().to_string());
        } else {
            assert_eq!(find(name), expected);
        }
    }
    assert!(value.starts_with(b"{\"type\":\"message\",\"conversation\":"));
    assert!(serde_json::from_slice::<serde_json::Value>(value).is_ok());
}

#[test]
fn receipts_and_the_undelivered_are_read_as_they_were_written() {
    let mut encoder = Encoder::default();
    let bob = UserId::new("bob").unwrap();
    let told = Told::Receipt(&bob, Cursor { delivered: Seq(4), read: Seq(2) });
    let Encoded { value, headers, .. } = encoder.encode(CONVERSATION, Epoch(1), &told);
    let event = read(CONVERSATION, value, &pairs(&headers)).unwrap();
    let EventBody::Receipt(receipt) = &event.body else { panic!() };
    assert_eq!((&receipt.user, receipt.delivered, receipt.read), (&bob, Seq(4), Seq(2)));
    assert_eq!((&*event.id, event.seq()), (&*format!("{CONVERSATION}:bob:4:2"), None));
    let undelivered =
        Undelivered { conversation: CONVERSATION, user: bob.clone(), seq: Seq(9), from: bob.clone() };
    let Encoded { value, headers, .. } =
        encoder.encode(CONVERSATION, Epoch(1), &Told::Undelivered(&undelivered));
    let event = read(CONVERSATION, value, &pairs(&headers)).unwrap();
    assert!(matches!(event.body, EventBody::Undelivered(read) if read == undelivered));
}

#[test]
fn what_was_too_large_keeps_its_place() {
    let mut encoder = Encoder::default();
    let entry = entry(5, EntryKind::Message, "alice", &"x".repeat(10_000));
    let size = encoder.encode(CONVERSATION, Epoch(1), &Told::Entry(&entry)).size;
    let Encoded { value, headers, size: small } = encoder.stand_in(CONVERSATION, Epoch(1), (&entry, size));
    assert!(small < 1500);
    let event = read(CONVERSATION, value, &pairs(&headers)).unwrap();
    let EventBody::Entry { message, oversize } = event.body else { panic!() };
    assert_eq!((message.seq, oversize), (Seq(5), Some(size as u64)));
    assert!(message.body.as_json().contains(OVERSIZE_CONTENT_TYPE));
}

#[test]
fn what_is_not_ours_is_refused_by_name() {
    let (entry, mut encoder) = (entry(5, EntryKind::Message, "alice", "x"), Encoder::default());
    let Encoded { value, headers, .. } = encoder.encode(CONVERSATION, Epoch(1), &Told::Entry(&entry));
    let headers = pairs(&headers);
    let changed = |name: &str, value: &[u8]| {
        let mut headers = headers.clone();
        headers.iter_mut().filter(|(key, _)| key == name).for_each(|(_, old)| *old = value.to_vec());
        headers
    };
    let error = |headers: &Pairs| read(CONVERSATION, value, headers).unwrap_err();
    assert_eq!(error(&changed("ce_specversion", b"2.0")), DecodeError::Version("2.0".into()));
    assert_eq!(error(&changed("ce_type", b"x.y")), DecodeError::Type("x.y".into()));
    assert!(matches!(error(&changed("ce_epoch", b"-1")), DecodeError::Malformed { part: "ce_epoch", .. }));
    assert!(matches!(error(&changed("ce_id", b"other:5")), DecodeError::Contradiction(_)));
    assert!(matches!(error(&changed("ce_type", b"causerie.membership")), DecodeError::Contradiction(_)));
    assert_eq!(error(&Vec::new()), DecodeError::Missing("ce_specversion"));
    let other = ConversationId(uuid(8));
    assert!(matches!(read(other, value, &headers), Err(DecodeError::Contradiction(_))));
}
