//! `mixed`: for the judge, not for figures. Users with several devices do everything that clients do, all over each
//! other: they write, pipelined and again; sync, page, read; let members in and out; drop their connections and come
//! back. A server that goes away and comes back is waited for, so faults can be brought about meanwhile.

mod actor;

use std::cell::RefCell;
use std::rc::Rc;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{each, live, note_direct, settle_all};
use crate::args::Common;
use crate::clock;
use crate::report::{Report, precise};
use crate::run::{Thread, run_until};
use crate::session::{Account, NewGroup, Session};
use actor::Actor;

/// Everything at once: groups with changing members, several devices, resends, pages, dropped connections
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Users of a thread
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(4..=200))]
    users: u32,
    /// Devices of each
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    devices: u32,
    /// Groups of a thread; the first is the busiest
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    groups: u32,
    /// Pause between what a device does, in milliseconds, on average
    #[arg(long, value_name = "MS", default_value_t = 10.0)]
    pause: f64,
    /// What everything is drawn from; the same seed makes the same decisions, not the same interleaving
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// End the load when standard input ends, if `--seconds` are not over
    #[arg(long)]
    until_input_ends: bool,
}

pub(crate) fn scenario(args: &Args) -> anyhow::Result<Report> {
    println!("seed {}", args.seed);
    let shared = args.clone();
    let stop = async {
        match args.until_input_ends {
            true => input_ends().await,
            false => std::future::pending().await,
        }
    };
    let outcome = run_until(&args.common, stop, move |thread| load(thread, shared.clone()))?;
    let clients = (args.users * args.devices * args.common.threads) as usize;
    let mut report = outcome.report("mixed", clients, &args.common, outcome.stats.sent)?;
    report.options.insert("seed", precise(args.seed));
    Ok(report)
}

/// Waits until standard input ends. A read cannot be called off: its thread ends with the process.
async fn input_ends() {
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // An input that cannot be read has ended, too; nobody listens when the time is over.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}

/// A conversation that all actors of a thread know of.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) id: Uuid,
    /// The user who may change who is in it; none for a direct conversation.
    pub(super) owner: Option<usize>,
    /// Who is in it, as far as the owner knows: a hint of what is worth trying.
    pub(super) members: Vec<usize>,
}

/// What the actors of a thread share.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) users: Vec<Account>,
    pub(super) topics: RefCell<Vec<Topic>>,
}

async fn load(thread: Thread, args: Args) -> anyhow::Result<()> {
    let mut rng = StdRng::seed_from_u64(args.seed.wrapping_add(thread.number as u64));
    let numbers: Vec<usize> = thread.share(args.users as usize * thread.count).collect();
    let names: Vec<Box<str>> = numbers.iter().map(|number| thread.args.user(*number)).collect();
    let users = thread.args.sign_in.accounts(&thread.target, names).await?;
    let devices: Vec<(usize, usize)> = (0..users.len())
        .flat_map(|user| (0..args.devices as usize).map(move |device| (user, device)))
        .collect();
    let mut sessions = each(devices.clone(), |(user, device)| {
        let (target, account, book) = (thread.target.clone(), users[user].clone(), thread.book.clone());
        async move { Session::open(&target, device, &account, book, true).await }
    })
    .await?;
    let topics = make_topics(&thread, &args, &users, &mut sessions, &mut rng).await?;
    let stage = Rc::new(Stage { users, topics: RefCell::new(topics) });
    thread.ready().await;
    if thread.number == 0 {
        println!("everybody is there");
    }
    let mut running = JoinSet::new();
    for ((user, device), session) in devices.into_iter().zip(sessions) {
        let rng = StdRng::seed_from_u64(rng.random());
        let actor = Actor::new(&thread, stage.clone(), (user, device), Some(session), rng);
        running.spawn_local(actor.act(args.pause));
    }
    let sessions = live(running).await;
    thread.done().await;
    settle_all(sessions).await
}

/// Makes the groups, and direct conversations of neighbours. All sessions follow all topics: who is not in one gets
/// nothing of it, and the judge sees to that.
async fn make_topics(
    thread: &Thread,
    args: &Args,
    users: &[Account],
    sessions: &mut [Session],
    rng: &mut StdRng,
) -> anyhow::Result<Vec<Topic>> {
    let devices = args.devices as usize;
    let mut topics = Vec::new();
    for group in 0..args.groups as usize {
        let owner = rng.random_range(0..users.len());
        let mut members: Vec<usize> =
            (0..users.len()).filter(|user| *user != owner && rng.random()).collect();
        let names: Vec<Box<str>> = members.iter().map(|user| users[*user].user.clone()).collect();
        let client_id = Uuid::from_u128(thread.book.borrow_mut().id(clock::now()));
        let group = NewGroup { client_id, members: &names, full_history: group % 2 == 1 };
        let id = group.id(&users[owner].user)?;
        for (number, session) in sessions.iter_mut().enumerate() {
            if number == owner * devices {
                session.create_group(&group).await?;
            } else {
                session.join(id, 0);
            }
        }
        members.push(owner);
        topics.push(Topic { id, owner: Some(owner), members });
    }
    for pair in 0..users.len() / 2 {
        let (a, b) = (2 * pair, 2 * pair + 1);
        let names = [users[a].user.clone(), users[b].user.clone()];
        let room = sessions[a * devices].create_direct(&names[1]).await?;
        let id = sessions[a * devices].rooms()[room].id;
        for (number, session) in sessions.iter_mut().enumerate() {
            if number != a * devices {
                session.join(id, 0);
            }
        }
        note_direct(thread, id, &names);
        topics.push(Topic { id, owner: None, members: vec![a, b] });
    }
    Ok(topics)
}
