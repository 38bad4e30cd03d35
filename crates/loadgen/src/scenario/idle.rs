//! `idle`: many clients who are signed in and say nothing but heartbeats.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{connect_all, exchange, settle_all, until};
use crate::args::Common;
use crate::report::Report;
use crate::run::{Thread, run};
use crate::session::Session;

/// How often a client says something.
const HEARTBEAT: Duration = Duration::from_secs(20);
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
    let mut first = HEARTBEAT / 4;
    for (place, session) in sessions.into_iter().enumerate() {
        // Spread, as those of clients who came at different times are.
        first = (first + Duration::from_micros(7_919)).min(HEARTBEAT);
        if first == HEARTBEAT {
            first = Duration::ZERO;
        }
        let wait = tokio::time::sleep(until(end));
        running.spawn_local(async move { (place, idle(session, first, wait).await) });
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

/// Hears and sends heartbeats until the wait is over.
async fn idle(mut session: Session, first: Duration, wait: tokio::time::Sleep) -> Option<Session> {
    tokio::pin!(wait);
    let heartbeat = tokio::time::sleep(first);
    tokio::pin!(heartbeat);
    loop {
        let lives = tokio::select! {
            heard = session.hear() => heard.is_ok(),
            () = &mut heartbeat => {
                heartbeat.as_mut().reset(tokio::time::Instant::now() + HEARTBEAT);
                session.ping().await.is_ok()
            }
            () = &mut wait => return Some(session),
        };
        if !lives {
            session.broke();
            return None;
        }
    }
}
