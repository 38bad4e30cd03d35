//! `[kafka]` as the emitter wants it, and the way from the chat to the emitter.

use std::collections::BTreeMap;
use std::sync::Arc;

use causerie_actors::CommitListener;
use causerie_events::record::Undelivered;
use causerie_events::{Emitter, KafkaConfig};
use causerie_protocol::{ConversationId, Seq, UserId};
use causerie_store::Committed;
use causerie_store::model::Cursor;

use crate::config::Kafka;

/// The settings of the emitter; `None` when no events are emitted.
pub(crate) fn settings(kafka: &Kafka) -> Option<KafkaConfig> {
    let servers = kafka.bootstrap_servers.clone()?;
    Some(KafkaConfig {
        partitions: kafka.partitions,
        replication: kafka.replication,
        min_insync: kafka.min_insync,
        properties: properties(kafka).unwrap_or_default(),
        ..KafkaConfig::new(servers, kafka.topic_prefix.clone())
    })
}

/// `kafka.properties`, read.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn properties(kafka: &Kafka) -> Result<BTreeMap<String, String>, String> {
    let read = |text: &String| {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.trim().is_empty())?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let parts = kafka.properties.iter();
    // The text is not repeated: it may hold a password.
    parts.map(|text| read(text).ok_or_else(|| "each part has to be name=value".to_owned())).collect()
}

/// Tells the emitter what the chat tells.
pub(super) struct Listener(pub(super) Arc<Emitter>);

impl CommitListener for Listener {
    fn committed(&self, committed: &Committed) {
        self.0.committed(committed);
    }

    fn receipt(&self, conversation: ConversationId, user: &UserId, cursor: Cursor) {
        self.0.receipt(conversation, user.clone(), cursor);
    }

    fn undelivered(&self, conversation: ConversationId, user: &UserId, seq: Seq, from: &UserId) {
        self.0.undelivered(Undelivered { conversation, user: user.clone(), seq, from: from.clone() });
    }
}
