//! `POST /admin/block`, `POST /admin/unblock`, `GET /admin/blocked`: users who are kept out altogether.
//!
//! A blocked user's tokens are refused, new ones too, until it is unblocked. What it wrote stays.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use causerie_protocol::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Refusal, Shared, lines};

/// Whom.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whom {
    user: UserId,
}

/// Keeps a user out, and ends its connections.
pub(super) async fn block(
    State(shared): State<Shared>,
    body: Result<Json<Whom>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Whom { user }) = body?;
    let closed = shared.chat.suspend(&user).await?;
    tracing::info!(%user, closed, "an operator blocked a user");
    Ok(Json(json!({ "closed": closed })))
}

/// Lets a user in again.
pub(super) async fn unblock(
    State(shared): State<Shared>,
    body: Result<Json<Whom>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Whom { user }) = body?;
    shared.chat.lift_suspension(&user).await?;
    tracing::info!(%user, "an operator unblocked a user");
    Ok(Json(json!({})))
}

/// Who is kept out, by user id.
pub(super) async fn list(State(shared): State<Shared>) -> Result<Response, Refusal> {
    let blocked = shared.chat.suspended().await?;
    Ok(lines::list(blocked.into_iter().map(|user| Whom { user }).collect()))
}
