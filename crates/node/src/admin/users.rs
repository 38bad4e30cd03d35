//! `GET /admin/users/{user}/export` and `DELETE /admin/users/{user}`: what is kept of a user, and its end.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use causerie_protocol::UserId;
use causerie_store::model::Revocation;
use serde_json::{Value, json};

use super::export::Export;
use super::lines::{self, Source};
use super::{Refusal, Shared};

/// Everything that is kept of a user: see [`Export`].
pub(super) async fn export(
    State(shared): State<Shared>,
    path: Result<Path<UserId>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path(user) = path?;
    let place = shared.streams.enter()?;
    tracing::info!(%user, "an operator exports what is kept of a user");
    let mut export = Export::new(&shared.chat, user, shared.shutdown.clone());
    let begin = export.next().await?;
    Ok(lines::respond(export, begin, Some(place)))
}

/// Revokes a user's tokens, overwrites what it wrote, ends its memberships of groups and forgets the rest.
///
/// It goes on when whoever asked has gone. After an error a part is done, and asking again does the rest.
pub(super) async fn erase(
    State(shared): State<Shared>,
    path: Result<Path<UserId>, PathRejection>,
) -> Result<Json<Value>, Refusal> {
    let Path(user) = path?;
    let erased = shared.tasks.spawn(erase_now(shared.clone(), user.clone())).await;
    erased.unwrap_or_else(|error| Err(Refusal::Failed(error.to_string())))?;
    Ok(Json(json!({ "erased": user })))
}

async fn erase_now(shared: Shared, user: UserId) -> Result<(), Refusal> {
    // A client that is still there could write behind the erasure's back.
    shared.chat.revoke(Revocation::User(user.clone(), shared.clock.wall())).await?;
    match shared.chat.erase(&user).await {
        Ok(()) => {
            tracing::info!(%user, "an operator erased what was kept of a user");
            Ok(())
        }
        Err(error) => {
            tracing::warn!(%user, code = error.code.name(), "a user was not erased, or only in part");
            Err(error.into())
        }
    }
}
