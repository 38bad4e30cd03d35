//! `GET /admin/sessions` and `POST /admin/kick`: who is connected, and ending it.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use causerie_protocol::{DeviceId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Refusal, Shared, lines};

/// A connection of a known user, as a line.
#[derive(Serialize)]
struct Session {
    /// The number of the connection, as in the log.
    connection: u64,
    /// What `welcome` called it: a user may quote it.
    session: String,
    user: UserId,
    device: DeviceId,
    /// The client's name for itself.
    agent: Option<Box<str>>,
    /// From where.
    peer: String,
    since: Timestamp,
}

/// Every connection whose user is known, the oldest first.
pub(super) async fn list(State(shared): State<Shared>) -> Response {
    let node = &shared.chat.settings().node_name;
    let session = |info: causerie_actors::SessionInfo| Session {
        connection: info.connection.0,
        session: format!("{node}-{}", info.connection.0),
        user: info.user,
        device: info.device,
        agent: info.agent,
        peer: info.peer,
        since: info.since,
    };
    lines::list(shared.chat.sessions().into_iter().map(session).collect())
}

/// Whose connections.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kick {
    user: UserId,
    device: Option<DeviceId>,
}

/// Closes a user's connections, or that of one device. Clients come back by themselves.
pub(super) async fn kick(
    State(shared): State<Shared>,
    body: Result<Json<Kick>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(Kick { user, device }) = body?;
    let closed = shared.chat.kick(&user, device.as_ref());
    tracing::info!(%user, closed, "an operator closed connections");
    Ok(Json(json!({ "closed": closed })))
}
