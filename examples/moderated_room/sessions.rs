//! Who is signed in: what a service has anyway.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use causerie_actors::{AuthenticateError, Authenticator, BoxFuture, Identity};
use causerie_protocol::{Clock, SystemClock, Timestamp, UserId};
use parking_lot::Mutex;
use serde::Deserialize;
use uuid::Uuid;

/// How long a session lasts; its connections end with it.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// A name that a person may choose: letters and digits only.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "UserId")]
pub(crate) struct Name(UserId);

impl Name {
    /// The user who has it.
    pub(crate) fn user(self) -> UserId {
        self.0
    }
}

impl TryFrom<UserId> for Name {
    type Error = &'static str;

    fn try_from(user: UserId) -> Result<Self, Self::Error> {
        if user.as_str().chars().all(char::is_alphanumeric) {
            Ok(Self(user))
        } else {
            Err("a name has letters and digits only")
        }
    }
}

/// The open sessions, by the secret in the cookie.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    clock: SystemClock,
    open: Mutex<HashMap<Uuid, (UserId, Timestamp)>>,
}

impl Sessions {
    /// Opens a session.
    pub(crate) fn open(&self, user: UserId) -> Uuid {
        let (now, secret) = (self.clock.wall(), Uuid::new_v4());
        let mut open = self.open.lock();
        open.retain(|_, (_, expires)| *expires > now);
        open.insert(secret, (user, now.plus(LIFETIME)));
        secret
    }

    /// Whose cookie this is, if anybody's.
    pub(crate) fn of_cookie(&self, headers: &HeaderMap) -> Option<Identity> {
        let cookies = headers.get(COOKIE)?.to_str().ok()?;
        let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="))?;
        self.check(session, self.clock.wall()).ok()
    }

    fn check(&self, session: &str, now: Timestamp) -> Result<Identity, AuthenticateError> {
        let secret = Uuid::parse_str(session);
        let found = secret.ok().and_then(|secret| self.open.lock().get(&secret).cloned());
        match found {
            Some((_, expires)) if expires <= now => Err(AuthenticateError::Expired),
            Some((user, expires)) => Ok(Identity { expires: Some(expires), ..Identity::of(user) }),
            None => Err(AuthenticateError::Refused("there is no such session".to_owned())),
        }
    }
}

impl Authenticator for Sessions {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Identity, AuthenticateError>> {
        Box::pin(async move { self.check(token, now) })
    }
}
