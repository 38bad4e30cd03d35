//! `open`: conversations of two, in an open loop: messages are due at a fixed rate, whatever the server does.
//!
//! A latency counts from when the message was due, so a server that stalls cannot hide it by slowing the clients.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use causerie_checker::history::Nanos;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::pairing::{group_up, pair_up};
use super::pairs::numbers;
use super::{LATE, connect_all, listen, live, settle_all, until};
use crate::args::Common;
use crate::clock;
use crate::report::{Report, precise};
use crate::run::{Thread, run};
use crate::session::Session;

/// Conversations of two at a fixed rate over all
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Clients; two make a pair, one of which speaks
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(2..))]
    connections: u32,
    /// Messages a second, over all speakers
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Unanswered messages of a speaker; what is due above that waits, and its latency counts
    #[arg(long, value_name = "W", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1024))]
    window: u32,
    /// Let what is due leave only so often, in microseconds; 0: each message at its time. For rates at which a timer for
    /// each would take the server's processor time
    #[arg(long, value_name = "US", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100_000))]
    tick_us: u32,
    /// Each pair has so many groups, which its speaker takes in turn, instead of one direct conversation
    #[arg(long, value_name = "N", default_value_t = 0)]
    groups: u32,
}

/// What the threads need of it.
#[derive(Clone, Copy)]
struct Shape {
    pairs: usize,
    groups: usize,
    window: usize,
    /// Of one thread.
    rate: f64,
    tick: Nanos,
}

pub(crate) fn scenario(args: &Args) -> anyhow::Result<Report> {
    let common = &args.common;
    let pairs = args.connections as usize / 2;
    let rate = f64::from(args.rate) / f64::from(common.threads);
    let shape = Shape {
        pairs,
        groups: args.groups as usize,
        window: args.window as usize,
        rate,
        tick: u64::from(args.tick_us) * 1_000,
    };
    let outcome = run(common, move |thread| load(thread, shape))?;
    let mut report = outcome.report("open", 2 * pairs, common, outcome.stats.sent)?;
    if args.groups > 0 {
        report.options.insert("groups", precise(args.groups.into()));
    }
    report.options.insert("window", precise(args.window.into()));
    report.options.insert("rate", precise(args.rate.into()));
    Ok(report)
}

/// What is due of one speaker.
#[derive(Default)]
struct Due {
    times: RefCell<VecDeque<Nanos>>,
    bell: Notify,
    /// Whether its window has room: else the next answer wakes it, and a bell would for nothing.
    has_room: Cell<bool>,
}

async fn load(thread: Thread, shape: Shape) -> anyhow::Result<()> {
    let numbers = numbers(&thread, shape.pairs);
    let every = thread.args.judge_every as usize;
    let mut sessions =
        connect_all(&thread, numbers.clone(), |number| (number / 2).is_multiple_of(every)).await?;
    if shape.groups == 0 {
        pair_up(&thread, &mut sessions, &numbers).await?;
    } else {
        sessions = group_up(&thread, sessions, &numbers, shape.groups).await?;
    }
    let (_, end) = thread.ready().await;
    let (mut running, mut speakers) = (JoinSet::new(), Vec::new());
    for (number, session) in sessions.into_iter().enumerate() {
        if number.is_multiple_of(2) {
            let due = Rc::new(Due::default());
            speakers.push(due.clone());
            running.spawn_local(speak(session, due, shape.window, thread.args.body(), end));
        } else {
            running.spawn_local(listen(session, number, end));
        }
    }
    pace(&speakers, clock::seconds(1.0 / shape.rate).max(1), shape.tick, end).await?;
    let sessions = live(running).await;
    thread.done().await;
    settle_all(sessions).await
}

/// Makes one message due after the other, by a timer that is finer than the runtime's.
async fn pace(speakers: &[Rc<Due>], gap: Nanos, tick: Nanos, end: Nanos) -> io::Result<()> {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
    #[expect(
        deprecated,
        reason = "sound for a descriptor that it owns; what takes its place is an unsafe function"
    )]
    let timer = AsyncFd::new(timer)?;
    let mut looked = clock::now();
    let mut due = looked + gap;
    for speaker in speakers.iter().cycle() {
        if due >= end {
            break;
        }
        while clock::now() < due {
            wait_for(&timer, due.max(looked + tick)).await?;
            looked = clock::now();
        }
        speaker.times.borrow_mut().push_back(due);
        if speaker.has_room.get() {
            speaker.bell.notify_one();
        }
        due += gap;
    }
    while clock::now() < end {
        wait_for(&timer, end).await?;
    }
    // Who has nothing unanswered hears nothing any more: the bell says that it is over.
    speakers.iter().for_each(|speaker| speaker.bell.notify_one());
    Ok(())
}

async fn wait_for(timer: &AsyncFd<std::os::fd::OwnedFd>, at: Nanos) -> io::Result<()> {
    let part = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
    let at = Timespec { tv_sec: part(at / 1_000_000_000), tv_nsec: part(at % 1_000_000_000) };
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
    timerfd_settime(timer.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
    timer.readable().await?.clear_ready();
    Ok(())
}

/// Sends what is due, at most `window` unanswered.
async fn speak(
    mut session: Session,
    due: Rc<Due>,
    window: usize,
    bytes: usize,
    end: Nanos,
) -> Option<Session> {
    let late = tokio::time::sleep(until(end) + LATE);
    tokio::pin!(late);
    let mut turn = 0;
    loop {
        while session.in_flight() < window && clock::now() < end {
            let Some(at) = due.times.borrow_mut().pop_front() else { break };
            session.send(turn % session.rooms().len(), bytes, Some(at));
            turn += 1;
        }
        if clock::now() >= end && session.in_flight() == 0 {
            return Some(session);
        }
        due.has_room.set(session.in_flight() < window);
        let heard = tokio::select! {
            biased;
            heard = async { session.flush()?; session.hear().await } => heard,
            () = due.bell.notified() => Ok(()),
            () = &mut late => return Some(session),
        };
        if heard.is_err() {
            session.broke();
            return None;
        }
    }
}
