//! A chat room inside somebody's own web service, moderated.
//!
//! What it shows
//! - a sign-in that was there before: a cookie of the service's own [`sessions`], which are Causerie's `Authenticator` too;
//! - [`rules`] of the house: a list of words, and a moderation service that takes its time;
//! - a WebSocket that the service's own axum route takes, and hands on inside the process ([`socket`]).
//!
//! Run: `cargo run -p causerie-examples --bin moderated_room [DIRECTORY]`
//!
//! Try: open the address that it prints in two browsers (or a private window) and choose two names. Write something;
//! write "casino"; WRITE LIKE THIS. Stop it with Ctrl-C and start it again: the pages come back by themselves, and what
//! was said is there.

mod rules;
mod service;
mod sessions;
mod socket;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use causerie_store::fjall::{FjallConfig, FjallStore};
use service::Service;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "data/moderated_room".to_owned());
    let store = FjallStore::open(FjallConfig::new(&directory)).context("cannot open the store")?;
    let service = Service::open(Arc::new(store)).await?;
    let listener = TcpListener::bind("127.0.0.1:8090").await.context("cannot listen")?;
    println!(
        "The room is at http://{}, its messages in {directory}. Ctrl-C ends it.",
        listener.local_addr()?
    );

    let stop = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("Ctrl-C cannot be waited for ({error}); ending now.");
        }
    };
    axum::serve(listener, service.router()).with_graceful_shutdown(stop).await?;
    service.close(Duration::from_secs(5)).await;
    Ok(())
}
