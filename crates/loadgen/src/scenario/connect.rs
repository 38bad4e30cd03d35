//! `connect`: clients come one after the other: connection, handshake, hello, first sync.

use std::collections::VecDeque;

use causerie_checker::history::Nanos;
use tokio::task::JoinSet;

use super::{connect_all, exchange};
use crate::args::Common;
use crate::clock;
use crate::report::{Latency, Report, precise};
use crate::run::{Thread, run};
use crate::session::{Account, Session};

/// Clients of a thread that talk to each other at the end, so that there is something to judge.
const TALKERS: usize = 32;

/// Clients that connect, say hello and sync, so many at once; the oldest make room
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Clients that connect at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    at_once: u32,
    /// Clients that stay connected
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
}

pub(crate) fn scenario(args: &Args) -> anyhow::Result<Report> {
    let common = &args.common;
    let (at_once, stay) = (args.at_once as usize, args.connections as usize);
    let outcome = run(common, move |thread| load(thread, at_once, stay))?;
    let mut report = outcome.report("connect", stay, common, outcome.stats.units)?;
    report.options.insert("at once", precise(args.at_once.into()));
    report.per_second.insert("connects", precise(outcome.stats.units) / outcome.seconds);
    if let Some(latency) = Latency::of(&outcome.stats.other) {
        report.latency.insert("connect", latency);
    }
    Ok(report)
}

async fn load(thread: Thread, at_once: usize, stay: usize) -> anyhow::Result<()> {
    // The workers have the first numbers; each client of a worker is another device of its user.
    let workers: Vec<usize> = thread.share(at_once).collect();
    let users = workers.iter().map(|number| thread.args.user(*number)).collect();
    let accounts = thread.args.sign_in.accounts(&thread.target, users).await?;
    let (_, end) = thread.ready().await;
    let mut running = JoinSet::new();
    for account in accounts {
        running.spawn_local(come_and_go(thread.clone(), account, (stay / at_once).clamp(1, 60), end));
    }
    running.join_all().await.into_iter().collect::<anyhow::Result<()>>()?;
    thread.done().await;
    let talkers: Vec<usize> =
        thread.share(TALKERS * thread.count).map(|number| 2 * (at_once + number)).collect();
    let talkers: Vec<usize> = talkers.into_iter().flat_map(|number| [number, number + 1]).collect();
    let sessions = connect_all(&thread, talkers.clone(), |_| true).await?;
    exchange(&thread, sessions, &talkers).await
}

/// Connects again and again until `end`; the last `stay` connections stay open.
async fn come_and_go(thread: Thread, account: Account, stay: usize, end: Nanos) -> anyhow::Result<()> {
    let mut open: VecDeque<Session> = VecDeque::new();
    let mut device = 0;
    loop {
        let begun = clock::now();
        if begun >= end {
            break;
        }
        device += 1;
        let mut session = Session::open(&thread.target, device, &account, thread.book.clone(), false).await?;
        session.first_sync().await?;
        let at = clock::now();
        {
            let mut book = thread.book.borrow_mut();
            if book.measures(at) {
                book.stats.units += 1;
                book.stats.other.saturating_record(at - begun);
            }
        }
        open.push_back(session);
        if open.len() > stay
            && let Some(oldest) = open.pop_front()
        {
            oldest.close(false);
        }
    }
    open.into_iter().for_each(|session| session.close(false));
    Ok(())
}
