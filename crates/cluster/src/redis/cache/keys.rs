//! What is cached, and under which key.

use causerie_protocol::{ConversationId, UserId};
use causerie_store::model::{ConversationRow, Profile};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value of the store that may be cached. Its JSON is what another release of this software may have to read: one that
/// it does not understand counts as missing.
pub trait Cacheable: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// By what it is asked for.
    type Key: Clone + Send + Sync + 'static;

    /// Its key in Redis, without the configured prefix.
    fn name(key: &Self::Key) -> String;
}

impl Cacheable for Profile {
    type Key = UserId;

    fn name(user: &UserId) -> String {
        format!("cache:profile:{user}")
    }
}

/// A conversation that there is not is cached as such too, until it is made.
impl Cacheable for Option<ConversationRow> {
    type Key = ConversationId;

    fn name(conversation: &ConversationId) -> String {
        format!("cache:conversation:{conversation}")
    }
}
