//! Who is speaking: the embedder's or the operator's answer to a token.

use std::future::Future;
use std::pin::Pin;

use causerie_protocol::{Timestamp, UserId};

/// A boxed future, so that the traits here can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// When the token ends; the connection ends with it. `None`: never.
    pub expires: Option<Timestamp>,
    /// When the token was issued; a revocation of the user's tokens ends those issued before it.
    pub issued: Option<Timestamp>,
    /// The token's own id (`jti`), by which it alone can be revoked.
    pub token_id: Option<Box<str>>,
}

impl Identity {
    /// A user that the embedder vouches for: with no token, and no end.
    pub fn of(user: UserId) -> Self {
        Self { user, expires: None, issued: None, token_id: None }
    }
}

/// Why a token was not accepted. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// Not a token that this server accepts. The text names the check that failed, never the token.
    #[error("the token is not accepted: {0}")]
    Refused(String),
    /// It was one, until it expired.
    #[error("the token has expired")]
    Expired,
    /// The keys cannot be had at the moment.
    #[error("tokens cannot be checked at the moment: {0}")]
    Unavailable(String),
}

/// Turns a token into an identity.
pub trait Authenticator: Send + Sync + 'static {
    /// Checks a token as of `now`.
    ///
    /// Returns the identity, or the check that failed. Called once per `hello` and `refresh`; may do I/O.
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Identity, AuthenticateError>>;
}
