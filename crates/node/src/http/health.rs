//! `/health/live`: the process runs. `/health/ready`: send clients here.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use causerie_actors::Chat;

use crate::backends::Degraded;

/// The routes.
pub(crate) fn router(chat: Chat, degraded: Degraded) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state((chat, degraded))
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State((chat, degraded)): State<(Chat, Degraded)>) -> (StatusCode, String) {
    if chat.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
    } else if !chat.store().gate_open() {
        (StatusCode::SERVICE_UNAVAILABLE, "the store is not available\n".to_owned())
    } else {
        let mut text = "ready\n".to_owned();
        for reason in degraded.reasons() {
            text.push_str("degraded: ");
            text.push_str(&reason);
            text.push('\n');
        }
        (StatusCode::OK, text)
    }
}
