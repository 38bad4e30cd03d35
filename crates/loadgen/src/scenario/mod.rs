//! The scenarios, a file each, and what they share: connecting, talking, settling.

pub(crate) mod connect;
pub(crate) mod group;
pub(crate) mod history;
pub(crate) mod idle;
pub(crate) mod mixed;
pub(crate) mod open;
mod pairing;
pub(crate) mod pairs;

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use causerie_checker::history::Nanos;
use tokio::task::JoinSet;

use crate::clock;
use crate::run::Thread;
use crate::session::{Account, Session};
use pairing::{note_direct, pair_up};

/// Clients of a thread that connect or settle at once.
const AT_ONCE: usize = 64;
/// How long answers may be late after the end of the load.
const LATE: Duration = Duration::from_secs(30);
/// How often a client that has nothing to say gives a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// After a refusal a closed loop waits so long.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// Runs a task for each input, [`AT_ONCE`] of them at a time, and gives their results in order.
pub(crate) async fn each<I, T, F>(inputs: Vec<I>, work: impl Fn(I) -> F) -> anyhow::Result<Vec<T>>
where
    T: 'static,
    F: Future<Output = anyhow::Result<T>> + 'static,
{
    let mut results: Vec<Option<T>> = inputs.iter().map(|_| None).collect();
    let mut inputs = inputs.into_iter().enumerate();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((place, input)) = inputs.next()
        {
            let task = work(input);
            running.spawn_local(async move { task.await.map(|result| (place, result)) });
        }
        let Some(done) = running.join_next().await else { break };
        let (place, result) = done.map_err(|error| anyhow!("a client panicked: {error}"))??;
        results[place] = Some(result);
    }
    results.into_iter().collect::<Option<_>>().context("a client gave no result")
}

/// Connects these clients; `judged` says which of them record for the judge.
pub(crate) async fn connect_all(
    thread: &Thread,
    numbers: Vec<usize>,
    judged: impl Fn(usize) -> bool,
) -> anyhow::Result<Vec<Session>> {
    let users = numbers.iter().map(|number| thread.args.user(*number)).collect();
    let accounts = thread.args.sign_in.accounts(&thread.target, users).await?;
    let clients = numbers.into_iter().zip(accounts).collect();
    each(clients, |(number, account): (usize, Account)| {
        let (target, book, judged) = (thread.target.clone(), thread.book.clone(), judged(number));
        async move {
            let session = Session::open(&target, number, &account, book, judged).await;
            session.with_context(|| format!("client {number} ({})", account.user))
        }
    })
    .await
}

/// Sends in a closed loop: so many are unanswered until `end`; then waits for the answers. Gives the session back
/// while it lives.
pub(crate) async fn talk(mut session: Session, window: usize, bytes: usize, end: Nanos) -> Option<Session> {
    let late = tokio::time::sleep(until(end) + LATE);
    tokio::pin!(late);
    loop {
        let going_on = clock::now() < end;
        if !going_on && session.in_flight() == 0 {
            return Some(session);
        }
        while going_on && session.in_flight() < window {
            session.send(0, bytes, None);
        }
        let refused = session.refused();
        let heard = tokio::select! {
            biased;
            heard = async { session.flush()?; session.hear().await } => heard,
            () = &mut late => return Some(session),
        };
        if heard.is_err() {
            session.broke();
            return None;
        }
        if session.refused() > refused {
            tokio::time::sleep(AFTER_REFUSAL).await;
        }
    }
}

/// Hears, and gives signs of life, until `end`: who only reads is silent to the server, which closes it after a minute.
/// `place` spreads the signs, as those of clients who came at different times are.
pub(crate) async fn listen(mut session: Session, place: usize, end: Nanos) -> Option<Session> {
    let over = tokio::time::sleep(until(end));
    let spread = Duration::from_micros(7_919) * u32::try_from(place % 2_525).unwrap_or(0);
    let heartbeat = tokio::time::sleep(HEARTBEAT.saturating_sub(spread));
    tokio::pin!(over, heartbeat);
    loop {
        let lives = tokio::select! {
            heard = session.hear() => heard.is_ok(),
            () = &mut heartbeat => {
                heartbeat.as_mut().reset(tokio::time::Instant::now() + HEARTBEAT);
                session.ping().await.is_ok()
            }
            () = &mut over => return Some(session),
        };
        if !lives {
            session.broke();
            return None;
        }
    }
}

/// Lets a session get what is its due, and sync everything a last time. None: it broke, and the judge will miss its
/// final sync.
async fn settle(mut session: Session) -> anyhow::Result<Option<Session>> {
    if !session.is_judged() {
        return Ok(Some(session));
    }
    let result = async {
        session.settle().await?;
        for room in 0..session.rooms().len() {
            session.sync_fully(room).await?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = result.await {
        eprintln!("causerie-loadgen: a client broke at its end: {error:#}");
        session.broke();
        return Ok(None);
    }
    Ok(Some(session))
}

/// Settles all sessions and closes them.
pub(crate) async fn settle_all(sessions: Vec<Session>) -> anyhow::Result<()> {
    each(sessions, settle).await?.into_iter().flatten().for_each(|session| session.close(true));
    Ok(())
}

/// Lets pairs say a few messages to each other, so that there is something to judge.
pub(crate) async fn exchange(
    thread: &Thread,
    mut sessions: Vec<Session>,
    numbers: &[usize],
) -> anyhow::Result<()> {
    pair_up(thread, &mut sessions, numbers).await?;
    let mut running = JoinSet::new();
    for mut session in sessions {
        let bytes = thread.args.body();
        running.spawn_local(async move {
            for _ in 0..4 {
                session.send(0, bytes, None);
            }
            talk(session, 0, bytes, 0).await
        });
    }
    let sessions: Vec<Session> = running.join_all().await.into_iter().flatten().collect();
    settle_all(sessions).await
}

/// Awaits all tasks and keeps the sessions that still live.
pub(crate) async fn live(running: JoinSet<Option<Session>>) -> Vec<Session> {
    running.join_all().await.into_iter().flatten().collect()
}

/// The time from now until then.
pub(crate) fn until(at: Nanos) -> Duration {
    Duration::from_nanos(at.saturating_sub(clock::now()))
}
