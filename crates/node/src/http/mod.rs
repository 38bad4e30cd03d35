//! What is served over plain HTTP to clients: the page, sign-in by name, the health checks.

mod assets;
pub(crate) mod health;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use causerie_actors::Chat;

use crate::auth::Authority;
use crate::backends::Degraded;
use crate::gateway::Origins;

/// The longest body of a request, in bytes.
const BODY: usize = 4 * 1024;

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    authority: Arc<Authority>,
    origins: Arc<Origins>,
}

/// The routes of the clients' listener, but for the WebSocket.
pub(crate) fn router(
    chat: &Chat,
    degraded: Degraded,
    authority: Arc<Authority>,
    origins: Arc<Origins>,
) -> Router {
    Router::new()
        .route("/v1/info", get(session::info))
        .route("/v1/session", post(session::sign_in))
        .with_state(Shared { authority, origins })
        .merge(health::router(chat.clone(), degraded))
        .fallback(assets::serve)
        .layer(DefaultBodyLimit::max(BODY))
}
