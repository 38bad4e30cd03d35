//! How fast the embedded store is on this machine.
//!
//! ```text
//! cargo run --release -p causerie-store --example store_bench -- DIR [MESSAGES] [BATCH] [IN_FLIGHT] [MEMTABLE_MIB]
//! ```
//!
//! Writes messages of about 350 bytes, `BATCH` to an append with `IN_FLIGHT` appends under way, over 1,000
//! conversations; ends as a crash would; then opens again in a second process and reads. `DIR` must not exist.

use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, UserId};
use causerie_store::fjall::{FjallConfig, FjallStore};
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::{Events, Messages};
use causerie_store::{Batch, Entry, Epoch, PendingAppend};

const CONVERSATIONS: u64 = 1_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number =
        |at: usize, default| arguments.get(at).map_or(default, |text| text.parse().expect("a number"));
    let Some(dir) = arguments.get(1) else {
        return println!("usage: store_bench DIR [MESSAGES] [BATCH] [IN_FLIGHT] [MEMTABLE_MIB]");
    };
    let (messages, batch, in_flight, memtable) =
        (number(2, 1_000_000), number(3, 16), number(4, 64), number(5, 64));
    let config = || FjallConfig { memtable_bytes: memtable << 20, ..FjallConfig::new(dir) };
    match arguments.get(6).map(String::as_str) {
        None => {
            for role in ["write", "open"] {
                let numbers = [messages, batch, in_flight, memtable].map(|number| number.to_string());
                let program = std::env::current_exe().expect("this program has a path");
                let mut child = Command::new(program);
                child.arg(dir).args(numbers).arg(role).status().expect("it starts");
            }
        }
        Some("write") => write(config(), messages, batch, in_flight),
        Some(_) => reopen(config()),
    }
}

fn write(config: FjallConfig, messages: u64, batch: u64, in_flight: u64) {
    let store = FjallStore::open(config).expect("it opens");
    let (reply, replies) = sync_channel(usize::try_from(in_flight).expect("a small number"));
    let mut heads = vec![0; usize::try_from(CONVERSATIONS).expect("a small number")];
    let body = Body::text(&"x".repeat(250));
    let (user, device) = (UserId::new("alice").expect("a user"), DeviceId::new("phone").expect("a device"));
    let mut send = |number: u64| {
        let conversation = number % CONVERSATIONS;
        let head = &mut heads[usize::try_from(conversation).expect("a small number")];
        let entries = (*head + 1..=*head + batch).map(|seq| Entry {
            seq: Seq(seq),
            message_id: MessageId(number * 100 + seq),
            kind: EntryKind::Message,
            from: user.clone(),
            device: device.clone(),
            client_message_id: ClientMessageId(uuid::Uuid::from_u64_pair(number * batch + seq, conversation)),
            body: body.clone(),
        });
        let entries = entries.collect();
        *head += batch;
        let conversation = ConversationId(uuid::Uuid::from_u64_pair(conversation << 48, 7));
        let batch =
            Batch { conversation, epoch: Epoch(1), entries, projections: Vec::new(), check_keys: false };
        let (reply, begun) = (reply.clone(), Instant::now());
        store.append(PendingAppend::new(batch, move |result| {
            result.expect("it is stored");
            // Nobody waits any more once all are counted.
            let _ = reply.send(begun.elapsed());
        }));
    };
    let begun = Instant::now();
    let batches = messages / batch;
    (0..in_flight.min(batches)).for_each(&mut send);
    let mut times = Vec::new();
    for number in in_flight..batches + in_flight {
        times.push(replies.recv().expect("every append is answered"));
        if number < batches {
            send(number);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    times.sort();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = ((times.len() - 1) as f64 * share) as usize;
        times[rank]
    };
    let syncs = &store.metrics().syncs;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = messages as f64 / seconds;
    println!(
        "{messages} messages, {batch} to a batch, {in_flight} in flight: {rate:.0}/s in {} groups; p50 {:?}, p99 {:?}, max {:?}; {} MB written",
        syncs.count(),
        at(0.5),
        at(0.99),
        at(1.0),
        store.metrics().bytes.load(Relaxed) / 1_000_000,
    );
    std::process::abort();
}

fn reopen(config: FjallConfig) {
    let begun = Instant::now();
    let store = FjallStore::open(config).expect("it opens");
    println!("opened again after {:?}; {} events", begun.elapsed(), store.last_event().0);
    let conversation = ConversationId(uuid::Uuid::from_u64_pair(3 << 48, 7));
    let read = || {
        let limit = ReadLimit { items: 50, bytes: usize::MAX };
        let answer = store.read_back(conversation, Seq(1), Seq(u64::MAX), limit);
        causerie_store::contract::wait(answer).expect("it reads").len()
    };
    let begun = Instant::now();
    let first = read();
    let cold = begun.elapsed();
    let begun = Instant::now();
    (0..1_000).for_each(|_| assert_eq!(read(), first));
    println!("the last {first} of a conversation: {cold:?} cold, then {:?}", begun.elapsed() / 1_000);
}
