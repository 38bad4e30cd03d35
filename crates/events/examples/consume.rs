//! A consumer of the event log: prints each entry once, in order, and shouts where one is missing.
//!
//! ```text
//! cargo run -p causerie-events --example consume -- localhost:9092 causerie
//! ```
//!
//! Events come at least once, and the first time in the order of their positions. So one number a conversation is all that
//! there is to remember: what is not above it was seen before, and what is more than one above it shows a gap, which the
//! server promises never to leave. A real consumer keeps that number with its own results, in one transaction, and
//! begins again where they end; this one keeps it in memory and begins at the beginning each time.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use causerie_events::KafkaConfig;
use causerie_events::record::{DecodeError, EventBody, decode};
use causerie_protocol::{ConversationId, Seq};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let servers = arguments.next().context("usage: consume SERVERS [PREFIX]")?;
    let config = KafkaConfig::new(servers, arguments.next().unwrap_or_else(|| "causerie".to_owned()));
    let consumer: BaseConsumer = config
        .client()
        .set("group.id", "causerie-example")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()?;
    consumer.subscribe(&[&config.topics().messages])?;
    let mut seen = HashMap::new();
    loop {
        let Some(record) = consumer.poll(Duration::from_secs(1)) else { continue };
        let record = record?;
        match decode(&record) {
            Ok(event) => {
                let Some(seq) = event.seq() else { continue };
                if let Some(news) = look(&mut seen, event.conversation, seq) {
                    println!("{news}{} {seq} {}", event.conversation, line(&event.body));
                }
            }
            // It will never be readable: a real consumer sets it aside, where somebody looks.
            Err(error) => set_aside(&error, record.partition(), record.offset()),
        }
    }
}

/// `None`: it was seen before. Otherwise what to print before it.
fn look(seen: &mut HashMap<ConversationId, Seq>, conversation: ConversationId, seq: Seq) -> Option<String> {
    let last = seen.get(&conversation).copied().unwrap_or(Seq::ZERO);
    if seq <= last {
        return None;
    }
    seen.insert(conversation, seq);
    let gap = seq > last.next();
    Some(if gap { format!("GAP: {conversation} from {} to {seq}\n", last.next()) } else { String::new() })
}

fn line(body: &EventBody) -> String {
    match body {
        EventBody::Entry { message, oversize: None } => {
            format!("{}: {}", message.from, message.body.as_json())
        }
        EventBody::Entry { message, oversize: Some(bytes) } => {
            format!("{}: too large for Kafka ({bytes} bytes); it is on the server", message.from)
        }
        EventBody::Receipt(_) | EventBody::Undelivered(_) => String::new(),
    }
}

fn set_aside(error: &DecodeError, partition: i32, offset: i64) {
    eprintln!("partition {partition}, offset {offset}: {error}");
}
