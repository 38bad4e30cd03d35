//! `group`: one sender, many members who are connected.

use tokio::task::JoinSet;
use uuid::Uuid;

use super::{connect_all, listen, live, settle_all, talk};
use crate::args::Common;
use crate::clock;
use crate::report::{Report, precise};
use crate::run::{Thread, run};
use crate::session::NewGroup;

/// One sender into a group whose members are all connected
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Members besides the sender
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    members: u32,
    /// Unanswered messages of the sender
    #[arg(long, value_name = "W", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    window: u32,
    /// Members who record for the judge; the others are counted only
    #[arg(long, value_name = "N", default_value_t = 8)]
    observers: u32,
}

pub(crate) fn scenario(args: &Args) -> anyhow::Result<Report> {
    let common = &args.common;
    let (members, window, observers) = (args.members as usize, args.window as usize, args.observers as usize);
    let client_id = Uuid::from_u128(u128::from(clock::now()) << 64 | u128::from(std::process::id()));
    let outcome = run(common, move |thread| load(thread, members, window, observers, client_id))?;
    let mut report = outcome.report("group", members + 1, common, outcome.stats.delivered)?;
    report.options.insert("window", precise(args.window.into()));
    report.options.insert("members", precise(args.members.into()));
    Ok(report)
}

/// Client 0 is the sender.
async fn load(
    thread: Thread,
    members: usize,
    window: usize,
    observers: usize,
    client_id: Uuid,
) -> anyhow::Result<()> {
    let numbers: Vec<usize> = thread.share(members + 1).collect();
    let mut sessions = connect_all(&thread, numbers, |number| number <= observers).await?;
    let sends = thread.number == 0;
    let users: Vec<_> = (1..=members).map(|number| thread.args.user(number)).collect();
    let group = NewGroup { client_id, members: &users, full_history: false };
    let id = group.id(&thread.args.user(0))?;
    if sends {
        sessions[0].create_group(&group).await?;
    }
    let listeners = usize::from(sends);
    sessions[listeners..].iter_mut().for_each(|session| {
        session.join(id, 0);
    });
    let (_, end) = thread.ready().await;
    let mut running = JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        if sends && number == 0 {
            running.spawn_local(talk(session, window, thread.args.body(), end));
        } else {
            running.spawn_local(listen(session, number, end));
        }
    }
    let sessions = live(running).await;
    thread.done().await;
    settle_all(sessions).await
}
