//! `POST /admin/revoke`: refusing tokens that were issued.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use causerie_protocol::{Timestamp, UserId};
use causerie_store::model::Revocation;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refusal, Shared};

/// 9999-12-31: for a token whose own end is not known, the revocation is kept.
const FOR_EVER: Timestamp = Timestamp(253_402_214_400_000);

/// Which tokens: all of a user, or one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    user: Option<UserId>,
    /// The token's `jti`.
    token_id: Option<Box<str>>,
    /// When the token ends by itself; then its revocation is forgotten.
    expires: Option<Timestamp>,
}

/// Refuses tokens from now on, and ends the connections that were opened with them.
///
/// For a user the answer says how many connections were `closed`. For one token it says how many were `checked`: each
/// looks whether the token is its own, and ends if so.
pub(super) async fn revoke(
    State(shared): State<Shared>,
    body: Result<Json<Revoke>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Revoke { user, token_id, expires }) = body?;
    match (user, token_id, expires) {
        (Some(user), None, None) => {
            let revocation = Revocation::User(user.clone(), shared.clock.wall());
            let closed = shared.chat.revoke(revocation).await?;
            tracing::info!(%user, closed, "an operator revoked a user's tokens");
            Ok(Json(json!({ "closed": closed })))
        }
        (None, Some(token_id), expires) => {
            let revocation = Revocation::Token(token_id, expires.unwrap_or(FOR_EVER));
            let checked = shared.chat.revoke(revocation).await?;
            tracing::info!(checked, "an operator revoked a token");
            Ok(Json(json!({ "checked": checked })))
        }
        _ => Err(Refusal::Wrong("Say `user`, or `token_id` and if you know it `expires`.".to_owned())),
    }
}
