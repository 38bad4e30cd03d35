//! The store while replicas of its database are killed and come back.
//!
//! One ring for all of it, one step after another: starting three nodes is most of the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use causerie_cql::{CqlConfig, CqlStore};
use causerie_services::CommitLog;
use causerie_store::port::ReadError;
use causerie_store::port::messages::AppendError;
use scylla::statement::Consistency;
use scylla::statement::unprepared::Statement;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::chat::Chat;
use crate::ring::{Node, Ring};

const FIRST: Node = 0;
const SECOND: Node = 1;
const THIRD: Node = 2;
const BUSY: usize = 8;
const QUIET: usize = 4;
/// How many appends of each conversation show that it goes on.
const MORE: usize = 20;
/// No append may fail while a quorum is there, on however slow a machine.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_while_replicas_die_and_come_back() -> Result<()> {
    let Some(mut ring) = Ring::start(CommitLog::Batch, &[]).await? else { return Ok(()) };
    let store = open(&ring).await?;
    let mut busy: Vec<Chat> = (0..BUSY).map(|_| Chat::new(&store)).collect();

    busy = one_of_three(&mut ring, busy).await?;
    // The third will know nothing of these.
    let mut quiet: Vec<Chat> = (0..QUIET).map(|_| Chat::new(&store)).collect();
    for chat in &mut quiet {
        chat.go_on(MORE).await?;
    }
    let strangers = two_of_three(&mut ring, &store, &mut busy).await?;
    back(&mut ring, &mut busy, &quiet, &strangers).await?;
    drop(strangers);
    old_data(&mut ring, &mut busy, &mut quiet).await?;

    ensure!(store.fatal().is_none(), "the store took itself for fenced: {:?}", store.fatal());
    let mut all: Vec<Chat> = busy.into_iter().chain(quiet).collect();
    new_start(&ring, &mut all, store).await?;
    Ok(())
}

async fn open(ring: &Ring) -> Result<Arc<CqlStore>> {
    let mut config = CqlConfig::new(ring.hosts(), "replicas", "node-1");
    config.write_deadline = WRITE_DEADLINE;
    config.replication = BTreeMap::from([("datacenter1".to_owned(), 3)]);
    Ok(Arc::new(CqlStore::open(config).await?))
}

/// Appends go on, whatever was under way at the one that dies.
async fn one_of_three(ring: &mut Ring, busy: Vec<Chat>) -> Result<Vec<Chat>> {
    let begun = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let (acknowledged, mut seen) = watch::channel(0_usize);
    let mut tasks = JoinSet::new();
    for mut chat in busy {
        let (over, acknowledged) = (Arc::clone(&over), acknowledged.clone());
        tasks.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                chat.go_on(1).await?;
                acknowledged.send_modify(|count| *count += 1);
            }
            chat.go_on(MORE).await?;
            anyhow::Ok(chat)
        });
    }
    timeout(LIMIT, seen.wait_for(|count| *count >= 10 * BUSY)).await.context("appends did not begin")??;
    ring.kill(THIRD)?;
    over.store(true, Ordering::Relaxed);
    let mut busy = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        busy.push(joined??);
    }
    for chat in &busy {
        chat.verify().await?;
    }
    println!("one of three killed: {} appends, in {:?}", *seen.borrow(), begun.elapsed());
    Ok(busy)
}

/// Nothing is acknowledged: first nobody knows, and once the database knows who is gone, it is refused. Returns
/// conversations that began meanwhile, each with what its only append came to.
async fn two_of_three(
    ring: &mut Ring,
    store: &Arc<CqlStore>,
    busy: &mut [Chat],
) -> Result<Vec<(Chat, AppendError)>> {
    let begun = Instant::now();
    ring.kill(SECOND)?;
    let attempts = futures_util::future::join_all(busy.iter_mut().map(Chat::append)).await;
    let unknown = attempts.iter().filter(|attempt| matches!(attempt, Err(AppendError::Unknown(_)))).count();
    for attempt in attempts {
        ensure!(
            matches!(attempt, Err(AppendError::Unknown(_) | AppendError::Refused(_))),
            "one replica is no quorum: {attempt:?}"
        );
    }
    let mut strangers = Vec::new();
    loop {
        let mut chat = Chat::new(store);
        let Err(error) = chat.append().await else { bail!("one replica acknowledged") };
        let refused = matches!(error, AppendError::Refused(_));
        strangers.push((chat, error));
        if refused {
            break;
        }
        ensure!(begun.elapsed() < LIMIT, "never refused: {:?}", strangers.last().map(|(_, error)| error));
    }
    let read = busy[0].read().await;
    ensure!(matches!(read, Err(ReadError::Unavailable(_))), "one replica is no quorum: {read:?}");
    println!(
        "two of three killed: refused after {} unknown outcomes, in {:?}",
        unknown + strangers.len() - 1,
        begun.elapsed()
    );
    Ok(strangers)
}

/// It goes on with the batches whose outcome was unknown, and what was refused is not there.
async fn back(
    ring: &mut Ring,
    busy: &mut [Chat],
    quiet: &[Chat],
    strangers: &[(Chat, AppendError)],
) -> Result<()> {
    let begun = Instant::now();
    ring.restart(THIRD)?;
    // Alone, so that it cannot ask anybody.
    ring.freeze(FIRST)?;
    for chat in quiet {
        let known = known_alone(ring, THIRD, chat).await?;
        ensure!(known == 0, "the third has {known} of the entries that were appended while it was gone");
    }
    println!("the third is back, with old data: in {:?}", begun.elapsed());
    ring.thaw(FIRST)?;
    ring.restart(SECOND)?;
    println!("the second is back: in {:?}", begun.elapsed());
    for chat in busy {
        chat.insist().await?;
        chat.go_on(MORE).await?;
        chat.verify().await?;
    }
    for (chat, error) in strangers {
        chat.verify().await?;
        let there = chat.read().await?.len();
        ensure!(
            there == 0 || matches!(error, AppendError::Unknown(_)),
            "it is there, and was refused: {error}"
        );
    }
    println!("all back: in {:?}", begun.elapsed());
    Ok(())
}

/// The third has old data, the first is gone: what they agreed on with each other is read and continued.
async fn old_data(ring: &mut Ring, busy: &mut [Chat], quiet: &mut [Chat]) -> Result<()> {
    let begun = Instant::now();
    ring.kill(FIRST)?;
    for chat in quiet.iter_mut().chain(busy) {
        chat.verify().await?;
        chat.go_on(MORE).await?;
        chat.verify().await?;
    }
    println!("a replica with old data in each quorum: in {:?}", begun.elapsed());
    Ok(())
}

/// A chat node that starts while a replica is missing finds all of it, and goes on.
async fn new_start(ring: &Ring, chats: &mut [Chat], before: Arc<CqlStore>) -> Result<()> {
    let begun = Instant::now();
    let after = open(ring).await?;
    for chat in chats.iter_mut() {
        chat.move_to(&after);
        chat.verify().await?;
        chat.go_on(1).await?;
    }
    // The one that was never closed is fenced by the one of the same name, and acknowledges nothing.
    let mut late = Chat::new(&before);
    let attempt = late.append().await;
    ensure!(attempt.is_err(), "two owners acknowledge");
    println!("a new start with a replica missing: in {:?}", begun.elapsed());
    Ok(())
}

/// How many entries one node has by itself. No other may be able to answer.
async fn known_alone(ring: &Ring, node: Node, chat: &Chat) -> Result<usize> {
    let through = ring.through(node).await?;
    let mut select =
        Statement::new("SELECT seq FROM causerie.messages WHERE conv = ? AND page = 0 AND kind = 0");
    select.set_consistency(Consistency::One);
    let asked = Instant::now();
    loop {
        match through.session.query_unpaged(select.clone(), (chat.id.0,)).await {
            Ok(answer) => return Ok(answer.into_rows_result()?.rows_num()),
            Err(error) => ensure!(asked.elapsed() < LIMIT, "it does not answer by itself: {error}"),
        }
    }
}
