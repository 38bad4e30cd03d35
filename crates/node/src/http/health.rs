//! `/health/live`: the process runs. `/health/ready`: send clients here.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use causerie_actors::Chat;

/// The routes.
pub(crate) fn router(chat: Chat) -> Router {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready)).with_state(chat)
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(chat): State<Chat>) -> (StatusCode, &'static str) {
    if chat.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else if !chat.store().gate_open() {
        (StatusCode::SERVICE_UNAVAILABLE, "the store is not available\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
