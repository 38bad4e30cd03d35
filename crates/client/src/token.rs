//! Where tokens come from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use causerie_protocol::Timestamp;

/// A token, and when it ends where that is known.
#[derive(Clone)]
pub struct Token {
    /// The JWT.
    pub value: Box<str>,
    /// When it ends, by the server's clock.
    pub expires: Option<Timestamp>,
}

impl fmt::Debug for Token {
    /// Tokens are secrets: they are never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why there is no token. The texts are for a person.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    /// Whoever gives tokens could not be reached.
    #[error("{0}")]
    Unreachable(String),
    /// Whoever gives tokens gives none to this user.
    #[error("{0}")]
    Refused(String),
}

/// The future of a token, or of the reason why there is none.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>>;

/// Gives tokens: asked before each connection, and again before a token ends.
pub trait TokenProvider: Send + Sync {
    /// A token that is good now.
    fn token(&self) -> TokenFuture<'_>;
}

/// How to sign in.
#[derive(Clone)]
pub enum Credentials {
    /// With this token; when it ends the session ends.
    Token(Box<str>),
    /// With tokens of a provider, refreshed before they end.
    Provider(Arc<dyn TokenProvider>),
}

impl Credentials {
    /// Whether asking again may give another token.
    pub(crate) fn renewable(&self) -> bool {
        matches!(self, Self::Provider(_))
    }

    /// A token that is good now.
    pub(crate) async fn token(&self) -> Result<Token, TokenError> {
        match self {
            Self::Token(value) => Ok(Token { value: value.clone(), expires: None }),
            Self::Provider(provider) => provider.token().await,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.renewable() { "Credentials::Provider" } else { "Credentials::Token" })
    }
}
