//! What every decoder here promises of any input, said once: the property tests below and the targets in `fuzz/` use it.
//!
//! Each function takes whatever comes and panics where a promise is broken.

use std::fmt::Debug;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::frame::id_of;
use crate::{
    Body, ClientMessageId, ConversationId, DeviceId, Down, MessageId, RequestId, Seq, Timestamp, Title, Up,
    UserId, wire,
};

/// What is read of a client's frame is written so that it reads the same.
pub fn up(json: &str) {
    let Ok(frame) = Up::parse(json) else { return };
    let written = frame.to_json();
    let again = Up::parse(&written).expect("what is written reads");
    assert_eq!(again.to_json(), written);
    assert_eq!(frame.id().cloned(), id_of(json), "who asked is known of every frame that reads");
}

/// The same of a server's frame, also as it stands on a WebSocket.
pub fn down(json: &str) {
    let Ok(frame) = Down::parse(json) else { return };
    let written = frame.to_json();
    let again = Down::parse(&written).expect("what is written reads");
    assert_eq!(again.to_json(), written);
    let mut blob = Vec::new();
    wire::down(&mut blob, &frame);
    wire::down(&mut blob, &again);
    assert!(wire::payloads(&blob).eq([written.as_str(), &written]));
}

/// Any bytes give payloads that lie within them.
pub fn blob(bytes: &[u8]) {
    let length: usize = wire::payloads(bytes).map(str::len).sum();
    assert!(length <= bytes.len());
}

/// A body that is accepted stays accepted, is one line, and reads everywhere.
pub fn body(json: &str) {
    let Ok(raw) = serde_json::from_str::<&RawValue>(json) else { return };
    let Ok(body) = Body::check(raw, 100) else { return };
    assert!(!body.as_json().contains(['\n', '\r']));
    let content = body.content().expect("it was checked");
    assert!(content.text.map_or(0, |text| text.len()) <= 100);
    let value: Value = serde_json::from_str(body.as_json()).expect("every parser reads it");
    assert!(value.is_object());
    let kept = serde_json::from_str::<&RawValue>(body.as_json()).expect("it is JSON");
    assert_eq!(Body::check(kept, 100), Ok(body));
}

/// Ids, names, positions and times: what reads is written so that it reads the same.
pub fn text(text: &str) {
    from_text::<ConversationId>(text);
    from_text::<ClientMessageId>(text);
    from_text::<UserId>(text);
    from_text::<DeviceId>(text);
    from_text::<Title>(text);
    from_json::<ConversationId>(text);
    from_json::<UserId>(text);
    from_json::<MessageId>(text);
    from_json::<RequestId>(text);
    from_json::<Seq>(text);
    from_json::<Timestamp>(text);
}

fn from_text<T: FromStr + ToString + PartialEq>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    assert!(value.to_string().parse::<T>().is_ok_and(|again| again == value), "{text:?}");
}

/// A text may be JSON itself, or what stands within a JSON text.
fn from_json<T: DeserializeOwned + Serialize + PartialEq + Debug>(text: &str) {
    for json in [text.to_owned(), Value::from(text).to_string()] {
        let Ok(value) = serde_json::from_str::<T>(&json) else { continue };
        let written = serde_json::to_string(&value).expect("it is written");
        assert_eq!(serde_json::from_str::<T>(&written).ok(), Some(value), "{json}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use crate::golden::{self, Golden};

    /// A frame that is right but for some bytes, or a piece of another that was put into it.
    fn nearly(frames: &'static [Golden]) -> impl Strategy<Value = String> {
        let one = prop::sample::select(frames).prop_map(|golden| golden.json);
        let edits = prop::collection::vec((any::<Index>(), r#"[\PC\n"{}\[\],:0-9e\\-]{0,3}"#), 0..4);
        (one.clone(), one, any::<(Index, Index)>(), any::<bool>(), edits).prop_map(
            |(frame, other, (at, from), spliced, edits)| {
                let mut characters: Vec<char> = frame.chars().collect();
                if spliced {
                    let other: Vec<char> = other.chars().collect();
                    characters.truncate(at.index(characters.len()));
                    characters.extend(&other[from.index(other.len())..]);
                }
                for (at, with) in edits {
                    let at = at.index(characters.len() + 1);
                    let until = (at + 1).min(characters.len());
                    characters.splice(at..until, with.chars());
                }
                characters.into_iter().collect()
            },
        )
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![Just("text".to_owned()), Just("data".to_owned()), "[a-z]{1,3}", r"\\u[d0][0-9a-f]{3}"]
    }

    /// Any kind of JSON, some of which a body may not have.
    fn value() -> impl Strategy<Value = String> {
        let text = r#""(\PC|\\u[0-9a-fA-F]{4}|\\n){0,9}""#.prop_map(|text| text.replace("\\\"", ""));
        let deep =
            (0_usize..40).prop_map(|depth| format!("{}{}", "[".repeat(depth + 1), "]".repeat(depth + 1)));
        prop_oneof![text, "-?[1-9][0-9]{0,2}(e[0-9]{1,3})?", Just("null".to_owned()), deep]
    }

    proptest! {
        #[test]
        fn frames_of_clients(json in nearly(golden::UP), any in any::<String>()) {
            super::up(&json);
            super::up(&any);
        }

        #[test]
        fn frames_of_servers(json in nearly(golden::DOWN), any in any::<String>()) {
            super::down(&json);
            super::down(&any);
        }

        #[test]
        fn blobs(bytes in any::<Vec<u8>>()) {
            super::blob(&bytes);
        }

        #[test]
        fn bodies(any in any::<String>(), fields in prop::collection::vec((name(), value()), 0..4)) {
            super::body(&any);
            let fields: String = fields.iter().map(|(name, value)| format!(",\n\"{name}\": {value}")).collect();
            super::body(&format!("{{{}}}", fields.trim_start_matches(',')));
            super::body(&format!("{{\"content_type\":\"text/plain\",\"text\":\"é\"{fields}}}"));
        }

        #[test]
        fn ids_and_times(
            text in prop_oneof![
                any::<String>(),
                "[0-9a-fA-F{}-]{32,40}",
                "-?[0-9]{1,22}",
                "-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,12})?(Z|[+-][0-9]{2}:[0-9]{2})",
            ],
        ) {
            super::text(&text);
        }
    }
}
