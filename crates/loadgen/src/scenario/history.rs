//! `history`: pages of 50 somewhere in long conversations.

use causerie_checker::history::Nanos;
use tokio::task::JoinSet;

use super::pairs::numbers;
use super::{connect_all, live, pair_up, settle_all};
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
}

pub(crate) fn scenario(args: &Args) -> anyhow::Result<Report> {
    let common = &args.common;
    let (pairs, messages) = (args.conversations as usize, u64::from(args.messages));
    let outcome = run(common, move |thread| load(thread, pairs, messages))?;
    let mut report = outcome.report("history", 2 * pairs, common, outcome.stats.units)?;
    report.options.insert("messages", precise(messages));
    report.per_second.insert("pages", precise(outcome.stats.units) / outcome.seconds);
    if let Some(latency) = Latency::of(&outcome.stats.other) {
        report.latency.insert("page", latency);
    }
    Ok(report)
}

async fn load(thread: Thread, pairs: usize, messages: u64) -> anyhow::Result<()> {
    let numbers = numbers(&thread, pairs);
    let every = thread.args.judge_every as usize;
    let mut sessions =
        connect_all(&thread, numbers.clone(), |number| (number / 2).is_multiple_of(every)).await?;
    pair_up(&thread, &mut sessions, &numbers).await?;
    let mut running = JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        running.spawn_local(fill(session, number.is_multiple_of(2), thread.args.body(), messages));
    }
    let sessions = live(running).await;
    let (_, end) = thread.ready().await;
    let mut running = JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        if number.is_multiple_of(2) {
            running.spawn_local(std::future::ready(Some(session)));
        } else {
            running.spawn_local(read(thread.clone(), session, messages, end));
        }
    }
    let sessions = live(running).await;
    thread.done().await;
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

async fn read(thread: Thread, mut session: Session, messages: u64, end: Nanos) -> Option<Session> {
    let mut place = clock::now();
    while clock::now() < end {
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
    Some(session)
}
