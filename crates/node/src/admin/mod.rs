//! The operators' listener: the admin API, the event stream, metrics and health.
//!
//! Guaranteed
//! - Whoever has no token, where one is configured, gets nothing but the health checks; no web page gets anything
//!   ([`guard`]).
//! - Connections, streams and what a stream holds are bounded ([`listener`], [`lines`]): a reader that stops costs a page.
//! - What is answered as done is durable. What was cut short looks cut short: a list that ended early never ends in order.
//!
//! Lists are JSON lines, everything else is one JSON object; a refusal is `{"message": …}` with a status that fits.
//! One file a resource; start with [`sessions`]. `docs/admin-api.md` is the page for operators.

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
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};
use causerie_actors::Chat;
use causerie_protocol::Clock;
use prometheus_client::registry::Registry;
use tokio_util::task::TaskTracker;

use crate::backends::Degraded;
use crate::config::Secret;
use crate::shutdown::Shutdown;
use lines::Streams;
use refusal::Refusal;

pub(crate) use listener::run;

/// The longest body of a request, in bytes.
const BODY: usize = 16 * 1024;
/// How long the server's end waits for what operators have begun.
const LAST_TASKS: Duration = Duration::from_secs(5);

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
    /// What works less well than it should.
    pub(crate) degraded: Degraded,
    /// Work that goes on when whoever asked for it has gone; for [`finish`].
    pub(crate) tasks: TaskTracker,
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
    tasks: TaskTracker,
    degraded: Degraded,
}

impl Shared {
    fn new(operators: Operators) -> Self {
        let Operators { chat, clock, token, mut registry, shutdown, tasks, degraded } = operators;
        let streams = Streams::new(&mut registry);
        let (token, registry) = (token.map(Arc::new), Arc::new(registry));
        Self { chat, clock, token, registry, shutdown, streams, tasks, degraded }
    }
}

/// Gives what operators have begun (erasures) some seconds to end, while the node can still do it. Whatever is cut off
/// is safe to ask for again.
pub(crate) async fn finish(tasks: &TaskTracker) {
    tasks.close();
    if tokio::time::timeout(LAST_TASKS, tasks.wait()).await.is_err() {
        tracing::warn!(tasks = tasks.len(), "the end cuts off an erasure: ask for it again");
    }
}

/// What operators may ask.
pub(crate) fn router(operators: Operators) -> Router {
    routes(Shared::new(operators))
}

/// Every route that asks for the token: method, path, and what answers. A test keeps `docs/admin-api.md` to it.
fn table() -> Vec<(&'static str, &'static str, MethodRouter<Shared>)> {
    vec![
        ("GET", "/metrics", get(metrics::answer)),
        ("GET", "/events", get(events::answer)),
        ("GET", "/admin/sessions", get(sessions::list)),
        ("POST", "/admin/kick", post(sessions::kick)),
        ("POST", "/admin/revoke", post(tokens::revoke)),
        ("GET", "/admin/blocked", get(blocks::list)),
        ("POST", "/admin/block", post(blocks::block)),
        ("POST", "/admin/unblock", post(blocks::unblock)),
        ("GET", "/admin/conversations", get(conversations::list)),
        ("GET", "/admin/conversations/{id}", get(conversations::one)),
        ("DELETE", "/admin/users/{user}", delete(users::erase)),
        ("GET", "/admin/users/{user}/export", get(users::export)),
    ]
}

fn routes(shared: Shared) -> Router {
    let router =
        table().into_iter().fold(Router::new(), |router, (_, path, answer)| router.route(path, answer));
    router
        .method_not_allowed_fallback(|| async { Refusal::WrongMethod })
        .route_layer(from_fn_with_state(shared.clone(), guard::token))
        .with_state(shared.clone())
        .merge(crate::http::health::router(shared.chat.clone(), shared.degraded.clone()))
        .fallback(|| async { Refusal::NotFound("There is nothing here.".to_owned()) })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(shared, guard::not_from_a_page))
}

#[cfg(test)]
pub(crate) mod tests;
