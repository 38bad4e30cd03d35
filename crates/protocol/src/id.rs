//! Identities and positions, each a newtype, so that none can stand where another is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::text::UserId;

/// Makes a 128-bit identity that is a UUID in text.
macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The sixteen bytes, big endian, as they stand in storage keys.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The identity that these sixteen bytes are.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "format": "uuid" })
            }
        }
    };
}

uuid_id! {
    /// A conversation. Direct ones are derived from their two users, groups from creator and client id.
    ConversationId
}

uuid_id! {
    /// Chosen by the client (best a UUIDv7); with the sender it is the idempotency key of a message.
    ClientMessageId
}

impl ConversationId {
    /// The one direct conversation of two users: the same for both sides, found with no lookup.
    pub fn direct(a: &UserId, b: &UserId) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self::derived("direct", low.as_str(), high.as_str().as_bytes())
    }

    /// The group that this creator makes under this client id: creating again finds the same one.
    pub fn group(creator: &UserId, client_id: &ClientMessageId) -> Self {
        Self::derived("group", creator.as_str(), client_id.as_bytes())
    }

    /// A cryptographic hash, since a collision would let a chosen user name into somebody's conversation.
    fn derived(domain: &str, user: &str, rest: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [domain.as_bytes(), user.as_bytes(), rest] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// A position in a conversation: dense from 1, given by the conversation's owner. 0 is "before the first".
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first message.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A message's 64-bit Snowflake: unique over all nodes, rising within a conversation. A string in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| de::Error::custom("a message id is a decimal number in a string"))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for MessageId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MessageId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]{1,20}$" })
    }
}

/// What a client calls its request; the one answer repeats it. A whole number or a text of at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RequestId {
    /// A whole number.
    Number(i64),
    /// A text of at most 64 bytes.
    Text(Box<str>),
}

impl RequestId {
    /// The longest text that may be an id, in bytes.
    pub const MAX_BYTES: usize = 64;
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = RequestId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number or a text of at most {} bytes", RequestId::MAX_BYTES)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<RequestId, E> {
                Ok(RequestId::Number(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<RequestId, E> {
                i64::try_from(number)
                    .map(RequestId::Number)
                    .map_err(|_| E::custom("the id is too large a number"))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<RequestId, E> {
                if text.len() > RequestId::MAX_BYTES {
                    return Err(E::invalid_length(text.len(), &self));
                }
                Ok(RequestId::Text(text.into()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl From<i64> for RequestId {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direct_conversation_is_the_same_from_both_sides() {
        let (alice, bob) = (UserId::new("alice").unwrap(), UserId::new("bob").unwrap());
        assert_eq!(ConversationId::direct(&alice, &bob), ConversationId::direct(&bob, &alice));
        assert_eq!(
            ConversationId::direct(&alice, &bob).to_string(),
            "6d84db81-6c26-8a88-9e0f-9ea594ddd84e",
            "frozen: the ids of stored conversations must never change"
        );
    }

    #[test]
    fn parts_are_kept_apart_in_a_derived_id() {
        let id =
            |a: &str, b: &str| ConversationId::direct(&UserId::new(a).unwrap(), &UserId::new(b).unwrap());
        assert_ne!(id("ab", "c"), id("a", "bc"));
    }

    #[test]
    fn a_request_id_is_a_number_or_a_short_text() {
        assert_eq!(serde_json::from_str::<RequestId>("7").unwrap(), RequestId::Number(7));
        assert_eq!(serde_json::from_str::<RequestId>("\"a\"").unwrap(), RequestId::Text("a".into()));
        for bad in ["1.5", "null", "true", "[]", "18446744073709551615"] {
            assert!(serde_json::from_str::<RequestId>(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<RequestId>(&format!("\"{}\"", "x".repeat(65))).is_err());
    }
}
