//! How full the node's queues are.

use causerie_actors::Chat;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::Reading;

/// Reads the depths of a node when it is asked.
pub(super) struct Depths(pub(super) Chat);

impl std::fmt::Debug for Depths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Depths")
    }
}

impl Collector for Depths {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let depths = self.0.depths();
        let mut count = |name, help, value: usize| {
            Reading { name, help, unit: None, value: value as f64 }.gauge(&mut encoder)
        };
        count("conversations", "Open conversations.", depths.conversations)?;
        count("conversation_mailboxes", "Requests in the mailboxes of all conversations.", depths.mailboxes)?;
        count("conversation_mailbox_max", "Requests in the fullest mailbox.", depths.mailbox_max)?;
        let draining = usize::from(self.0.is_draining());
        count("draining", "1 when no client is welcomed any more.", draining)?;
        let writable = usize::from(self.0.store().gate_open());
        count("store_writable", "1 when what is written may be told.", writable)?;
        let mut bytes = |name, help, value: usize| {
            Reading { name, help, unit: Some(Unit::Bytes), value: value as f64 }.gauge(&mut encoder)
        };
        bytes("waiting", "Bodies that wait to be stored.", depths.waiting_bytes)?;
        bytes("out_queues", "What waits for all clients.", depths.outbox_bytes)?;
        bytes("out_queue_max", "What waits for the client that has most waiting.", depths.outbox_bytes_max)?;
        let Some(last_event) = depths.last_event else { return Ok(()) };
        let (name, help) = ("event_log_position", "The last durable event.");
        Reading { name, help, unit: None, value: last_event.0 as f64 }.gauge(&mut encoder)
    }
}
