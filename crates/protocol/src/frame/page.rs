//! Reading a page.
//!
//! By hand, because serde reads a tagged enum through a buffer, and a message's body must be taken as it stands.

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::down::Page;
use crate::id::{ConversationId, RequestId, Seq};
use crate::text::UserId;

/// The fields of every page; `of` says which of them count.
#[derive(Deserialize)]
struct Parts {
    of: Of,
    #[serde(default)]
    id: Option<RequestId>,
    items: Box<RawValue>,
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    conversation: Option<ConversationId>,
    #[serde(default)]
    head: Option<Seq>,
    #[serde(default)]
    more: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    Conversations,
    Members,
    Messages,
}

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts { of, id, items, next, conversation, head, more } = Parts::deserialize(deserializer)?;
        Ok(match of {
            Of::Conversations => Self::Conversations { id, items: read(&items)?, next },
            Of::Members => {
                let next = next.map(|user| UserId::new(&user)).transpose().map_err(de::Error::custom)?;
                Self::Members { id, items: read(&items)?, next }
            }
            Of::Messages => Self::Messages {
                id,
                conversation: conversation.ok_or_else(|| de::Error::missing_field("conversation"))?,
                items: read(&items)?,
                head: head.ok_or_else(|| de::Error::missing_field("head"))?,
                more: more.ok_or_else(|| de::Error::missing_field("more"))?,
            },
        })
    }
}

fn read<T: de::DeserializeOwned, E: de::Error>(items: &RawValue) -> Result<Vec<T>, E> {
    serde_json::from_str(items.get()).map_err(|error| E::custom(format_args!("items: {error}")))
}
