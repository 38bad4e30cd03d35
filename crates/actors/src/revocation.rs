//! Tokens that are not accepted any more, in memory; the store keeps them.

use causerie_protocol::{Timestamp, UserId};
use causerie_store::model::Revocation;
use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::authenticate::Identity;

#[derive(Debug, Default)]
struct Lists {
    users: HashMap<UserId, Timestamp>,
    tokens: HashMap<Box<str>, Timestamp>,
}

/// The revocations of a node.
#[derive(Debug, Default)]
pub struct Revocations(RwLock<Lists>);

impl Revocations {
    /// Those that the store has kept.
    pub fn new(revocations: Vec<Revocation>) -> Self {
        let all = Self::default();
        for revocation in revocations {
            all.add(revocation);
        }
        all
    }

    /// Takes in one more.
    pub fn add(&self, revocation: Revocation) {
        let mut lists = self.0.write();
        match revocation {
            Revocation::User(user, before) => {
                let known = lists.users.entry(user).or_default();
                *known = (*known).max(before);
            }
            Revocation::Token(token, expires) => {
                lists.tokens.insert(token, expires);
            }
        }
    }

    /// Whether this identity's token has been revoked. One without `iat` counts as issued before any revocation.
    pub fn revoked(&self, identity: &Identity) -> bool {
        let lists = self.0.read();
        let token = identity.token_id.as_ref().is_some_and(|token| lists.tokens.contains_key(token));
        let before = lists.users.get(&identity.user);
        token || before.is_some_and(|before| identity.issued.is_none_or(|issued| issued < *before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_issued_before_is_refused_and_later_tokens_are_not() {
        let user = UserId::new("alice").unwrap();
        let all = Revocations::new(vec![
            Revocation::User(user.clone(), Timestamp(1000)),
            Revocation::Token("t1".into(), Timestamp(9999)),
        ]);
        let identity = |issued: Option<u64>, token: &str| Identity {
            user: user.clone(),
            expires: None,
            issued: issued.map(Timestamp),
            token_id: Some(token.into()),
        };
        assert!(all.revoked(&identity(Some(999), "t2")) && all.revoked(&identity(None, "t2")));
        assert!(all.revoked(&identity(Some(2000), "t1")) && !all.revoked(&identity(Some(1000), "t2")));
    }
}
