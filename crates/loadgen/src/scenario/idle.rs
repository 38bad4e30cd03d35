//! `idle`: many clients who are signed in and say nothing but heartbeats.

use tokio::task::JoinSet;

use super::{connect_all, exchange, listen, settle_all};
use crate::args::Common;
use crate::report::Report;
use crate::run::{Thread, run};
use crate::session::Session;

/// Clients of a thread that talk to each other at the end: who idles must still be there.
const TALKERS: usize = 64;

/// Clients that idle, with heartbeats; at the end some talk to each other
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Clients
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..))]
    connections: u32,
}

pub(crate) fn scenario(args: &Args) -> anyhow::Result<Report> {
    let connections = args.connections as usize;
    let outcome = run(&args.common, move |thread| load(thread, connections))?;
    outcome.report("idle", connections, &args.common, connections as u64)
}

async fn load(thread: Thread, connections: usize) -> anyhow::Result<()> {
    let numbers: Vec<usize> = thread.share(connections).collect();
    let talkers: Vec<usize> = numbers[..numbers.len().min(TALKERS) / 2 * 2].to_vec();
    let sessions = connect_all(&thread, numbers, |number| talkers.contains(&number)).await?;
    let (_, end) = thread.ready().await;
    let mut running = JoinSet::new();
    for (place, session) in sessions.into_iter().enumerate() {
        running.spawn_local(async move { (place, listen(session, place, end).await) });
    }
    let mut sessions = running.join_all().await;
    sessions.sort_by_key(|(place, _)| *place);
    let mut sessions: Vec<Session> = sessions.into_iter().filter_map(|(_, session)| session).collect();
    thread.done().await;
    anyhow::ensure!(sessions.len() >= talkers.len(), "too few connections are left to talk");
    let rest = sessions.split_off(talkers.len());
    exchange(&thread, sessions, &talkers).await?;
    settle_all(rest).await
}
