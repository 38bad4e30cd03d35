//! Tokens that are not accepted any more, in memory; the store keeps them.

use causerie_protocol::{Timestamp, UserId};
use causerie_store::model::Revocation;
use hashbrown::{HashMap, HashSet};
use parking_lot::RwLock;

use crate::authenticate::Identity;
use crate::connection::End;

#[derive(Debug, Default)]
struct Lists {
    users: HashMap<UserId, Timestamp>,
    tokens: HashMap<Box<str>, Timestamp>,
    suspended: HashSet<UserId>,
}

/// The revocations of a node.
#[derive(Debug, Default)]
pub struct Revocations(RwLock<Lists>);

impl Revocations {
    /// Those that the store has kept, and the users whom it keeps out.
    pub fn new(revocations: Vec<Revocation>, suspended: Vec<UserId>) -> Self {
        let all = Self::default();
        all.0.write().suspended.extend(suspended);
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

    /// Keeps a user out, or lets it in again.
    pub fn set_suspended(&self, user: &UserId, suspended: bool) {
        let mut lists = self.0.write();
        if suspended {
            lists.suspended.insert(user.clone());
        } else {
            lists.suspended.remove(user);
        }
    }

    /// Why this identity is not accepted, if it is not: its user is kept out, or its token has been revoked. A token
    /// without `iat` counts as issued before any revocation.
    pub fn refusal(&self, identity: &Identity) -> Option<End> {
        let lists = self.0.read();
        if lists.suspended.contains(&identity.user) {
            return Some(End::SUSPENDED);
        }
        let token = identity.token_id.as_ref().is_some_and(|token| lists.tokens.contains_key(token));
        let before = lists.users.get(&identity.user);
        let revoked =
            token || before.is_some_and(|before| identity.issued.is_none_or(|issued| issued < *before));
        revoked.then_some(End::REVOKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_issued_before_is_refused_and_later_tokens_are_not() {
        let user = UserId::new("alice").unwrap();
        let kept = vec![
            Revocation::User(user.clone(), Timestamp(1000)),
            Revocation::Token("t1".into(), Timestamp(9999)),
        ];
        let all = Revocations::new(kept, vec![UserId::new("mallory").unwrap()]);
        let identity = |issued: Option<u64>, token: &str| Identity {
            user: user.clone(),
            expires: None,
            issued: issued.map(Timestamp),
            token_id: Some(token.into()),
        };
        let revoked = |identity: &Identity| all.refusal(identity) == Some(End::REVOKED);
        assert!(revoked(&identity(Some(999), "t2")) && revoked(&identity(None, "t2")));
        assert!(revoked(&identity(Some(2000), "t1")));
        let later = identity(Some(1000), "t2");
        assert_eq!(all.refusal(&later), None);
        let mallory = Identity { user: UserId::new("mallory").unwrap(), ..later };
        assert_eq!(all.refusal(&mallory), Some(End::SUSPENDED));
        all.set_suspended(&mallory.user, false);
        assert_eq!(all.refusal(&mallory), None);
    }
}
