//! Tokens of our own: for sign-in by name, and for operators who configured a shared secret.

use std::time::Duration;

use causerie_protocol::{Timestamp, UserId};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};

use super::claims::Rules;
use crate::config::Secret;

/// A new token. Its `Debug` form does not show it.
#[derive(Clone)]
pub struct Issued {
    token: String,
    /// The user.
    pub user: UserId,
    /// When it ends.
    pub expires: Timestamp,
}

impl Issued {
    /// The token. Whoever has it is the user.
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued")
            .field("user", &self.user)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Why no token was issued. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// Sign-in by name is not offered here.
    #[error("sign-in by name is off")]
    ByNameOff,
    /// Only a secret can sign, and a public key is configured.
    #[error("tokens are signed by the identity provider; this server has only its public key")]
    NoSecret,
    /// The library refused.
    #[error("the token could not be signed: {0}")]
    Signing(String),
}

/// Signs a token that `rules` accept.
pub(super) fn issue(
    secret: &Secret,
    rules: &Rules,
    user: &UserId,
    lifetime: Duration,
    now: Timestamp,
) -> Result<Issued, IssueError> {
    let expires = Timestamp(now.plus(lifetime).0 / 1_000 * 1_000);
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!(user));
    claims.insert(rules.user_claim.clone(), json!(user));
    claims.insert("exp".to_owned(), json!(expires.0 / 1_000));
    claims.insert("iat".to_owned(), seconds(now));
    claims.insert("jti".to_owned(), json!(uuid::Uuid::new_v4()));
    if let Some(issuer) = &rules.issuer {
        claims.insert("iss".to_owned(), json!(issuer));
    }
    if let Some(audience) = rules.audience.first() {
        claims.insert("aud".to_owned(), json!(audience));
    }
    let key = EncodingKey::from_secret(secret.expose());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| IssueError::Signing(error.to_string()))?;
    Ok(Issued { token, user: user.clone(), expires })
}

/// Seconds with their thousandths, so that a revocation tells apart what was issued in the same second.
fn seconds(time: Timestamp) -> Value {
    json!(Duration::from_millis(time.0).as_secs_f64())
}
