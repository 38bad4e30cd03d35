//! A database that is not there yet is waited for; meanwhile the operators' listener says that the server lives and why it
//! is not ready.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use causerie_cql::{CqlConfig, CqlStore};
use parking_lot::Mutex;
use tokio::net::TcpListener;

/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(2);

/// Why the database is waited for.
type Why = Arc<Mutex<String>>;

/// Opens the store as soon as the database lets it.
pub(super) async fn opened(config: CqlConfig, operators: &TcpListener) -> anyhow::Result<CqlStore> {
    let why = Why::default();
    let probes = probes(operators, Arc::clone(&why))?;
    tokio::select! {
        opened = open(config, &why) => opened,
        ended = probes => ended.and_then(|()| anyhow::bail!("the operators' listener ended")),
    }
}

async fn open(config: CqlConfig, why: &Why) -> anyhow::Result<CqlStore> {
    loop {
        match Box::pin(CqlStore::open(config.clone())).await {
            Ok(store) => return Ok(store),
            Err(error) if error.may_wait() => {
                let error = error.to_string();
                if *why.lock() != error {
                    tracing::warn!(%error, "waiting for the database");
                    *why.lock() = error;
                }
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Answers probes until it is dropped. The socket stays with its owner.
fn probes(
    operators: &TcpListener,
    why: Why,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + use<>> {
    let ready = |State(why): State<Why>| async move {
        (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for the database: {}\n", why.lock()))
    };
    let router = Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .with_state(why);
    let socket = rustix::io::dup(operators).context("admin.listen")?;
    let listener = TcpListener::from_std(std::net::TcpListener::from(socket)).context("admin.listen")?;
    Ok(async move { Ok(axum::serve(listener, router).await?) })
}
