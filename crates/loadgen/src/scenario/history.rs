//! `history`: pages of 50 somewhere in long conversations.

use std::rc::Rc;

use causerie_checker::history::Nanos;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::pairs::numbers;
use super::{connect_all, exchange, live, pair_up, settle_all};
use crate::args::Common;
use crate::clock;
use crate::report::{Latency, Report, precise};
use crate::run::{Thread, run};
use crate::session::Session;

/// Unanswered messages while a conversation is filled.
const FILL_WINDOW: usize = 16;

/// Pages of 50 messages at random places; each reader waits for its page before it asks for the next
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Conversations of two; one of each reads
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    conversations: u32,
    /// Messages in each, written before anything is measured
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..))]
    messages: u32,
    /// Only write them, to be read by a run with `--filled` and the same `--prefix`
    #[arg(long, requires = "prefix")]
    only_fill: bool,
    /// They have been written by a run with `--only-fill`. Readers are not judged then, for what they read is not in
    /// this run's history; some others talk at the end, and are
    #[arg(long, requires = "prefix", conflicts_with = "only_fill")]
    filled: bool,
    /// Readers that wait for a page at once, the others for their turn; 0: all
    #[arg(long, value_name = "N", default_value_t = 0)]
    at_once: u32,
}

/// What the threads need of it.
#[derive(Clone, Copy)]
struct Shape {
    pairs: usize,
    messages: u64,
    half: Half,
    /// Of one thread.
    at_once: usize,
}

/// Which half of it is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Both,
    Fill,
    Read,
}

/// Clients of a thread that talk to each other at the end, where the readers are not judged.
const TALKERS: usize = 64;

pub(crate) fn scenario(args: &Args) -> anyhow::Result<Report> {
    let common = &args.common;
    let (pairs, messages) = (args.conversations as usize, u64::from(args.messages));
    let half = match (args.only_fill, args.filled) {
        (true, _) => Half::Fill,
        (_, true) => Half::Read,
        _ => Half::Both,
    };
    let at_once = match (args.at_once / common.threads) as usize {
        0 => pairs,
        some => some,
    };
    let shape = Shape { pairs, messages, half, at_once };
    let outcome = run(common, move |thread| load(thread, shape))?;
    let mut report = outcome.report("history", 2 * pairs, common, outcome.stats.units)?;
    report.options.insert("messages", precise(messages));
    report.per_second.insert("pages", precise(outcome.stats.units) / outcome.seconds);
    if let Some(latency) = Latency::of(&outcome.stats.other) {
        report.latency.insert("page", latency);
    }
    Ok(report)
}

async fn load(thread: Thread, shape: Shape) -> anyhow::Result<()> {
    let Shape { pairs, messages, half, at_once } = shape;
    let numbers = numbers(&thread, pairs);
    let every = thread.args.judge_every as usize;
    let mut sessions = connect_all(&thread, numbers.clone(), |number| {
        half != Half::Read && (number / 2).is_multiple_of(every)
    })
    .await?;
    pair_up(&thread, &mut sessions, &numbers).await?;
    if half != Half::Read {
        let mut running = JoinSet::new();
        for (number, session) in sessions.into_iter().enumerate() {
            running.spawn_local(fill(session, number.is_multiple_of(2), thread.args.body(), messages));
        }
        sessions = live(running).await;
    }
    let (_, end) = thread.ready().await;
    let turns = Rc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        if number.is_multiple_of(2) || half == Half::Fill {
            running.spawn_local(std::future::ready(Some(session)));
        } else {
            running.spawn_local(read(thread.clone(), session, turns.clone(), messages, end));
        }
    }
    let sessions = live(running).await;
    thread.done().await;
    if half == Half::Read {
        // Nobody has ever heard of them: what they find is theirs.
        let run = usize::try_from(clock::now() / 1_000_000)? * thread.count + thread.number;
        let talkers: Vec<usize> = (0..TALKERS).map(|talker| 2 * pairs + run * TALKERS + talker).collect();
        let talking = connect_all(&thread, talkers.clone(), |_| true).await?;
        exchange(&thread, talking, &talkers).await?;
    }
    settle_all(sessions).await
}

/// Writes so many messages, or hears them.
async fn fill(mut session: Session, writes: bool, bytes: usize, messages: u64) -> Option<Session> {
    let mut left = messages;
    while session.rooms()[0].known < messages {
        while writes && left > 0 && session.in_flight() < FILL_WINDOW {
            session.send(0, bytes, None);
            left -= 1;
        }
        if session.flush().is_err() || session.hear().await.is_err() {
            session.broke();
            return None;
        }
    }
    Some(session)
}

/// Reads page after page, each when it is this reader's turn.
async fn read(
    thread: Thread,
    mut session: Session,
    turns: Rc<Semaphore>,
    messages: u64,
    end: Nanos,
) -> Option<Session> {
    let mut place = clock::now();
    loop {
        // Nobody closes it.
        let _turn = turns.acquire().await.ok()?;
        if clock::now() >= end {
            return Some(session);
        }
        // Far apart, and each place as likely: a multiplicative generator is random enough for that.
        place = place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let Ok(took) = session.history_page(0, 2 + (place >> 33) % messages).await else {
            session.broke();
            return None;
        };
        let mut book = thread.book.borrow_mut();
        if book.measures(clock::now()) {
            book.stats.units += 1;
            book.stats.other.saturating_record(took);
        }
    }
}
