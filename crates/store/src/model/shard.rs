//! Shards: the unit in which ownership of conversations, and the home of users, is given out.

use causerie_protocol::{ConversationId, UserId};
use xxhash_rust::xxh3::xxh3_64;

/// One of 4,096 shards. The mapping is frozen: it decides who owns what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u16);

impl Shard {
    /// How many there are.
    pub const COUNT: u16 = 4096;

    /// All of them, rising.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// The shard of a conversation.
    pub fn of_conversation(conversation: ConversationId) -> Self {
        Self::of(conversation.as_bytes())
    }

    /// The shard of a user's directory entry.
    pub fn of_user(user: &UserId) -> Self {
        Self::of(user.as_str().as_bytes())
    }

    /// 0 to 4,095.
    pub fn number(self) -> u16 {
        self.0
    }

    fn of(bytes: &[u8]) -> Self {
        let top = xxh3_64(bytes) >> 52;
        Self(u16::try_from(top).expect("the top twelve bits fit into sixteen"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mapping_is_frozen() {
        let user = |name| Shard::of_user(&UserId::new(name).unwrap()).number();
        assert_eq!([user("alice"), user("bob"), user("carol")], [1242, 320, 3631]);
        let nil = ConversationId::from_bytes([0; 16]);
        assert_eq!(Shard::of_conversation(nil).number(), 3338);
    }
}
