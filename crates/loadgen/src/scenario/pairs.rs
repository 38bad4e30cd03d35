//! `pairs`: conversations of two, in a closed loop.

use tokio::task::JoinSet;

use super::{connect_all, listen, live, pair_up, settle_all, talk};
use crate::args::Common;
use crate::report::{Report, precise};
use crate::run::{Thread, run};

/// Conversations of two; one of each pair, or both, always have so many messages unanswered
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Clients; two make a pair
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(2..))]
    connections: u32,
    /// Unanswered messages of a speaker
    #[arg(long, value_name = "W", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    window: u32,
    /// Both of a pair speak
    #[arg(long)]
    both: bool,
}

pub(crate) fn scenario(args: &Args) -> anyhow::Result<Report> {
    let common = &args.common;
    let (window, both, pairs) = (args.window as usize, args.both, args.connections as usize / 2);
    let outcome = run(common, move |thread| load(thread, pairs, window, both))?;
    let mut report = outcome.report("pairs", 2 * pairs, common, outcome.stats.sent)?;
    report.options.insert("window", precise(args.window.into()));
    report.options.insert("speakers", precise(pairs as u64) * if both { 2.0 } else { 1.0 });
    Ok(report)
}

async fn load(thread: Thread, pairs: usize, window: usize, both: bool) -> anyhow::Result<()> {
    let numbers = numbers(&thread, pairs);
    let every = thread.args.judge_every as usize;
    let mut sessions =
        connect_all(&thread, numbers.clone(), |number| (number / 2).is_multiple_of(every)).await?;
    pair_up(&thread, &mut sessions, &numbers).await?;
    let (_, end) = thread.ready().await;
    let bytes = thread.args.body();
    let mut running = JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        if both || number.is_multiple_of(2) {
            running.spawn_local(talk(session, window, bytes, end));
        } else {
            running.spawn_local(listen(session, number, end));
        }
    }
    let sessions = live(running).await;
    thread.done().await;
    settle_all(sessions).await
}

/// The clients of a thread's share of pairs.
pub(super) fn numbers(thread: &Thread, pairs: usize) -> Vec<usize> {
    thread.share(pairs).flat_map(|pair| [2 * pair, 2 * pair + 1]).collect()
}
