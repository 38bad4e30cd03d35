//! Accepts operators' connections, few at a time, and ends with the server.
//!
//! What is under way when the server stops gets a few seconds; a reader that does not take its answer holds up nothing.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use crate::shutdown::Shutdown;

/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 64;
/// The longest head of a request, in bytes.
const HEAD: usize = 32 * 1024;
/// How long a connection may stay silent before a request.
const IDLE: Duration = Duration::from_secs(30);
/// How long answers that are under way may take when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// How long nothing is accepted after the system had no descriptor left.
const NO_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Serves until the server stops.
pub(crate) async fn run(listener: TcpListener, router: Router, mut shutdown: Shutdown) {
    let (places, connections) = (Arc::new(Semaphore::new(CONNECTIONS)), TaskTracker::new());
    loop {
        let accept = async {
            // The semaphore is never closed, so there is always a place in the end.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = shutdown.stopping() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                drop(connections.spawn(serve(stream, router.clone(), shutdown.clone(), place)));
            }
            Err(error) => {
                tracing::warn!(%error, "an operator's connection could not be accepted");
                // Out of descriptors: trying again at once would only spin.
                tokio::time::sleep(NO_DESCRIPTORS).await;
            }
        }
    }
    connections.close();
    if tokio::time::timeout(LAST_ANSWERS, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "operators did not take their answers in time");
    }
}

async fn serve(
    stream: TcpStream,
    router: Router,
    mut shutdown: Shutdown,
    _place: Option<OwnedSemaphorePermit>,
) {
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(HEAD);
    let mut connection =
        pin!(server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an operator's connection ended");
    }
}
