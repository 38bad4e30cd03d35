//! The operators' listener: metrics and health.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use causerie_actors::Chat;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::shutdown::Shutdown;

#[derive(Clone)]
struct Shared {
    registry: Arc<Registry>,
}

/// The routes.
pub(crate) fn router(chat: &Chat) -> Router {
    let mut registry = Registry::default();
    chat.metrics().register(&mut registry);
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(Shared { registry: Arc::new(registry) })
        .merge(crate::http::health::router(chat.clone()))
}

/// Serves until the server stops.
///
/// # Errors
/// The listener failed.
pub(crate) async fn run(listener: TcpListener, router: Router, mut shutdown: Shutdown) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(async move { shutdown.stopping().await }).await
}

async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    let mut text = String::new();
    // Writing to memory does not fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &shared.registry);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
