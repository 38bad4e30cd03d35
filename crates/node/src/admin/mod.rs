//! The operators' listener: the admin API, the event stream, metrics and health.
//!
//! Guaranteed
//! - Whoever has no token, where one is configured, gets nothing but the health checks; no web page gets anything
//!   ([`guard`]).
//! - Connections, streams and what a stream holds are bounded ([`listener`], [`lines`]): a reader that stops costs a page.
//! - What is answered as done is durable. What was cut short looks cut short: a list that ended early never ends in order.
//!
//! Lists are JSON lines, everything else is one JSON object; a refusal is `{"message": …}` with a status that fits.
//! One file a resource; start with [`sessions`].

mod blocks;
mod cloud_event;
mod conversations;
mod events;
mod export;
mod guard;
mod lines;
mod listener;
pub(crate) mod metrics;
mod refusal;
mod sessions;
mod tokens;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use causerie_actors::Chat;
use causerie_protocol::Clock;
use prometheus_client::registry::Registry;
use tokio_util::task::TaskTracker;

use crate::config::Secret;
use crate::shutdown::Shutdown;
use lines::Streams;
use refusal::Refusal;

pub(crate) use listener::run;

/// The longest body of a request, in bytes.
const BODY: usize = 16 * 1024;

/// What operators reach.
pub(crate) struct Operators {
    /// The node.
    pub(crate) chat: Chat,
    /// The clocks.
    pub(crate) clock: Arc<dyn Clock>,
    /// What every request has to carry; `None` where only this machine can ask.
    pub(crate) token: Option<Secret>,
    /// What `/metrics` shows.
    pub(crate) registry: Registry,
    /// Streams end with the server.
    pub(crate) shutdown: Shutdown,
}

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    chat: Chat,
    clock: Arc<dyn Clock>,
    token: Option<Arc<Secret>>,
    registry: Arc<Registry>,
    shutdown: Shutdown,
    streams: Streams,
    /// Work that goes on when whoever asked for it has gone.
    tasks: TaskTracker,
}

impl Shared {
    fn new(operators: Operators) -> Self {
        let Operators { chat, clock, token, mut registry, shutdown } = operators;
        let streams = Streams::new(&mut registry);
        let (token, registry) = (token.map(Arc::new), Arc::new(registry));
        Self { chat, clock, token, registry, shutdown, streams, tasks: TaskTracker::new() }
    }
}

/// What operators may ask.
pub(crate) fn router(operators: Operators) -> Router {
    routes(Shared::new(operators))
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics::answer))
        .route("/events", get(events::answer))
        .route("/admin/sessions", get(sessions::list))
        .route("/admin/kick", post(sessions::kick))
        .route("/admin/revoke", post(tokens::revoke))
        .route("/admin/blocked", get(blocks::list))
        .route("/admin/block", post(blocks::block))
        .route("/admin/unblock", post(blocks::unblock))
        .route("/admin/conversations", get(conversations::list))
        .route("/admin/conversations/{id}", get(conversations::one))
        .route("/admin/users/{user}", delete(users::erase))
        .route("/admin/users/{user}/export", get(users::export))
        .route_layer(from_fn_with_state(shared.clone(), guard::token))
        .with_state(shared.clone())
        .merge(crate::http::health::router(shared.chat.clone()))
        .fallback(|| async { Refusal::NotFound("There is nothing here.".to_owned()) })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(shared, guard::not_from_a_page))
}

#[cfg(test)]
pub(crate) mod tests;
