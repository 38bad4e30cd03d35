//! What waits for one client: bounded, in order, and never with a silent hole.
//!
//! Guaranteed: answers are never dropped. Live messages of a conversation come without a gap: when there is no room for
//! one, the conversation *lags*, its live messages are replaced by the newest `head`, and they flow again only after the
//! client has synced up to that head. Receipts and presence are merged, the newest wins; a client for which so much of
//! them waits that they would take more than the bytes of the bound is told to come back, and then asks for all of it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bytes::Bytes;
use causerie_planted::{Bug, planted};
use causerie_protocol::frame::Down;
use causerie_protocol::frame::down::{Head, Presence, Receipt};
use causerie_protocol::{ConversationId, Seq, UserId, wire};

/// Frames of one conversation with consecutive positions, encoded once and shared by all who get the same.
#[derive(Clone, Debug)]
pub struct Live {
    /// The conversation.
    pub conversation: ConversationId,
    /// The last position.
    pub last: Seq,
    /// How many frames.
    pub frames: usize,
    /// The frames.
    pub bytes: Bytes,
    /// Where among them answers of this connection stand: these are never dropped.
    pub answers: Box<[Range<usize>]>,
}

/// Something for a client.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// Live frames.
    Live(Live),
    /// The answer to a request, as one frame.
    Answer(Bytes),
    /// One frame that answers nothing and is never dropped.
    Notice(Bytes),
    /// The answer to `sync`: it ends the lag of a conversation whose head it reaches.
    Synced {
        /// The page, as one frame.
        frame: Bytes,
        /// The conversation.
        conversation: ConversationId,
        /// The last position that the client has now, if the page leads up to the head.
        reached: Option<Seq>,
    },
    /// There is something up to here.
    Head(Head),
    /// How far somebody is.
    Receipt(Receipt),
    /// Somebody came or went.
    Presence(Presence),
}

impl Outgoing {
    /// A frame that answers nothing.
    pub fn notice(frame: &Down) -> Self {
        let mut bytes = Vec::new();
        wire::down(&mut bytes, frame);
        Self::Notice(bytes.into())
    }
}

/// The bounds of an outbox.
#[derive(Clone, Copy, Debug)]
pub struct OutboxLimits {
    /// Live frames.
    pub frames: usize,
    /// Bytes of all that waits.
    pub bytes: usize,
}

/// A conversation whose live messages had no room.
#[derive(Clone, Copy, Debug)]
struct Lag {
    head: Seq,
    told: bool,
}

/// What a conversation that lags takes.
const LAG_BYTES: usize = size_of::<(ConversationId, Lag)>();

#[derive(Debug)]
enum Item {
    Live(Live),
    Answer(Bytes),
    Notice(Bytes),
}

/// What was taken out, ready to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// How many answers are among the bytes.
    pub answers: usize,
    /// Live messages that were replaced by heads since the last time.
    pub replaced: usize,
}

/// What waits for one client.
#[derive(Debug, Default)]
pub struct Outbox {
    items: VecDeque<Item>,
    frames: usize,
    bytes: usize,
    lagging: BTreeMap<ConversationId, Lag>,
    untold: usize,
    replaced: usize,
    receipts: BTreeMap<(ConversationId, UserId), Receipt>,
    presence: BTreeMap<UserId, Presence>,
    /// The memory that heads, receipts and presence take.
    merged: usize,
}

/// There is no room for what has to be kept: the client has to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overfull;

impl Outbox {
    /// Puts something in.
    ///
    /// # Errors
    /// [`Overfull`] when what is merged takes more than the bound; it is kept nevertheless.
    pub fn push(&mut self, item: Outgoing, limits: OutboxLimits) -> Result<(), Overfull> {
        match item {
            Outgoing::Live(live) => self.push_live(live, limits),
            Outgoing::Answer(frame) => self.push_item(Item::Answer(frame)),
            Outgoing::Notice(frame) => self.push_item(Item::Notice(frame)),
            Outgoing::Synced { frame, conversation, reached } => {
                self.push_item(Item::Answer(frame));
                if let (Some(reached), Some(lag)) = (reached, self.lagging.get(&conversation).copied()) {
                    if reached >= lag.head {
                        self.forget_lag(conversation);
                    } else {
                        self.lag(conversation, lag.head, true);
                    }
                }
            }
            Outgoing::Head(head) => self.lag(head.conversation, head.seq, true),
            Outgoing::Receipt(receipt) => {
                let key = (receipt.conversation, receipt.user.clone());
                let size = size_of_val(&key) + size_of::<Receipt>() + 2 * receipt.user.as_str().len();
                if self.receipts.insert(key, receipt).is_none() {
                    self.merged += size;
                }
            }
            Outgoing::Presence(presence) => {
                let user = presence.user.clone();
                let size = size_of_val(&user) + size_of::<Presence>() + 2 * user.as_str().len();
                if self.presence.insert(user, presence).is_none() {
                    self.merged += size;
                }
            }
        }
        if self.merged + self.lagging.len() * LAG_BYTES > limits.bytes { Err(Overfull) } else { Ok(()) }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.untold == 0 && self.receipts.is_empty() && self.presence.is_empty()
    }

    /// Bytes that wait, of frames and of what is merged.
    pub fn bytes(&self) -> usize {
        self.bytes + self.merged
    }

    /// Appends what waits to `out`, in order, until `out` has about `room` bytes.
    pub fn drain(&mut self, out: &mut Vec<u8>, room: usize) -> Drained {
        let mut drained = Drained { answers: 0, replaced: std::mem::take(&mut self.replaced) };
        while out.len() < room
            && let Some(item) = self.items.pop_front()
        {
            let bytes = match &item {
                Item::Live(live) => {
                    self.frames -= live.frames;
                    drained.answers += live.answers.len();
                    &live.bytes
                }
                Item::Answer(frame) => {
                    drained.answers += 1;
                    frame
                }
                Item::Notice(frame) => frame,
            };
            self.bytes -= bytes.len();
            out.extend_from_slice(bytes);
        }
        if self.items.is_empty() {
            // An idle connection keeps no room for a burst.
            self.items = VecDeque::new();
            self.drain_merged(out);
        }
        drained
    }

    fn drain_merged(&mut self, out: &mut Vec<u8>) {
        self.merged = 0;
        if self.untold > 0 {
            for (conversation, lag) in self.lagging.iter_mut().filter(|(_, lag)| !lag.told) {
                lag.told = true;
                wire::down(out, &Down::Head(Head { conversation: *conversation, seq: lag.head }));
            }
            self.untold = 0;
        }
        for receipt in std::mem::take(&mut self.receipts).into_values() {
            wire::down(out, &Down::Receipt(receipt));
        }
        for presence in std::mem::take(&mut self.presence).into_values() {
            wire::down(out, &Down::Presence(presence));
        }
    }

    fn push_live(&mut self, live: Live, limits: OutboxLimits) {
        let full = self.frames + live.frames > limits.frames.max(live.frames)
            || (self.bytes > 0 && self.bytes + live.bytes.len() > limits.bytes);
        if !full && !self.lagging.contains_key(&live.conversation) {
            self.frames += live.frames;
            self.push_item(Item::Live(live));
            if planted(Bug::ReorderLive) {
                self.swap_last();
            }
            return;
        }
        self.replaced += live.frames - live.answers.len();
        for range in &live.answers {
            self.push_item(Item::Answer(live.bytes.slice(range.clone())));
        }
        if planted(Bug::DropOnFullQueue) {
            return;
        }
        self.lag(live.conversation, live.last, true);
    }

    /// What `Bug::ReorderLive` does.
    fn swap_last(&mut self) {
        if let [.., before, last] = self.items.make_contiguous()
            && let (Item::Live(_), Item::Live(_)) = (&before, &last)
        {
            std::mem::swap(before, last);
        }
    }

    fn push_item(&mut self, item: Item) {
        self.bytes += match &item {
            Item::Live(live) => live.bytes.len(),
            Item::Answer(frame) | Item::Notice(frame) => frame.len(),
        };
        self.items.push_back(item);
    }

    /// The conversation lags up to this head; the client is told (again) when `tell`.
    fn lag(&mut self, conversation: ConversationId, head: Seq, tell: bool) {
        let lag = self.lagging.entry(conversation).or_insert(Lag { head, told: true });
        lag.head = lag.head.max(head);
        if tell && lag.told {
            lag.told = false;
            self.untold += 1;
        }
    }

    fn forget_lag(&mut self, conversation: ConversationId) {
        if let Some(lag) = self.lagging.remove(&conversation)
            && !lag.told
        {
            self.untold -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: OutboxLimits = OutboxLimits { frames: 4, bytes: 10_000 };

    fn conversation() -> ConversationId {
        ConversationId::from_bytes([7; 16])
    }

    fn live(seq: u64) -> Outgoing {
        let mut bytes = Vec::new();
        wire::frame(&mut bytes, |out| out.extend_from_slice(format!("{{\"seq\":{seq}}}").as_bytes()));
        Outgoing::Live(Live {
            conversation: conversation(),
            last: Seq(seq),
            frames: 1,
            bytes: bytes.into(),
            answers: Box::default(),
        })
    }

    fn synced(reached: u64) -> Outgoing {
        let mut bytes = Vec::new();
        wire::frame(&mut bytes, |out| out.extend_from_slice(format!("{{\"synced\":{reached}}}").as_bytes()));
        Outgoing::Synced { frame: bytes.into(), conversation: conversation(), reached: Some(Seq(reached)) }
    }

    fn drain(outbox: &mut Outbox) -> Vec<serde_json::Value> {
        let mut out = Vec::new();
        outbox.drain(&mut out, usize::MAX);
        wire::payloads(&out).map(|json| serde_json::from_str(json).unwrap()).collect()
    }

    #[test]
    fn what_has_no_room_becomes_one_head_until_the_client_has_synced() {
        let mut outbox = Outbox::default();
        for seq in 1..=6 {
            outbox.push(live(seq), LIMITS).unwrap();
        }
        let seen = drain(&mut outbox);
        assert_eq!(seen.len(), 5);
        assert_eq!(
            (seen[3]["seq"].as_u64(), seen[4]["type"].as_str(), seen[4]["seq"].as_u64()),
            (Some(4), Some("head"), Some(6))
        );
        outbox.push(live(7), LIMITS).unwrap();
        assert_eq!(drain(&mut outbox)[0]["type"], "head", "7 would be a gap after 4");
        outbox.push(synced(6), LIMITS).unwrap();
        assert_eq!(drain(&mut outbox).len(), 2, "the page, and the head that it did not reach");
        outbox.push(synced(7), LIMITS).unwrap();
        outbox.push(live(8), LIMITS).unwrap();
        assert_eq!(drain(&mut outbox)[1]["seq"], 8);
        assert!(outbox.is_empty());
    }

    #[test]
    fn an_answer_within_a_batch_outlives_the_batch() {
        let mut outbox = Outbox::default();
        outbox.push(Outgoing::Head(Head { conversation: conversation(), seq: Seq(5) }), LIMITS).unwrap();
        let Outgoing::Live(mut batch) = live(6) else { panic!("made above") };
        batch.answers = std::iter::once(0..batch.bytes.len()).collect();
        outbox.push(Outgoing::Live(batch), LIMITS).unwrap();
        let mut out = Vec::new();
        assert_eq!(outbox.drain(&mut out, usize::MAX).answers, 1);
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn receipts_that_nobody_takes_have_a_bound() {
        let mut outbox = Outbox::default();
        let receipt = |number: u32| {
            Outgoing::Receipt(Receipt {
                conversation: conversation(),
                user: UserId::new(&format!("user-{number}")).unwrap(),
                delivered: Seq(1),
                read: Seq(1),
            })
        };
        let kept = (0..).take_while(|number| outbox.push(receipt(*number), LIMITS).is_ok()).count();
        assert!((10..200).contains(&kept), "{kept} receipts in 10,000 bytes");
        assert!(outbox.bytes() < LIMITS.bytes + 500);
        assert_eq!(outbox.push(receipt(0), LIMITS), Err(Overfull), "a newer one of the same takes no more");
        assert_eq!((drain(&mut outbox).len(), outbox.bytes()), (kept + 1, 0), "none is lost");
        outbox.push(receipt(0), LIMITS).unwrap();
    }

    proptest! {
        /// Whatever happens, what the client can piece together from live messages and pages has no gap.
        #[test]
        fn a_client_never_sees_a_gap(steps in prop::collection::vec(0u8..3, 1..300)) {
            let (mut outbox, mut head, mut have) = (Outbox::default(), 0, 0);
            for step in steps {
                match step {
                    0 => { head += 1; outbox.push(live(head), LIMITS).unwrap(); }
                    1 => outbox.push(synced(head), LIMITS).unwrap(),
                    _ => for frame in drain(&mut outbox) {
                        if let Some(reached) = frame["synced"].as_u64() {
                            have = have.max(reached);
                        } else if frame["type"] != "head" {
                            let seq = frame["seq"].as_u64().unwrap();
                            prop_assert!(seq <= have + 1, "{seq} after {have}");
                            have = have.max(seq);
                        }
                    },
                }
            }
            outbox.push(synced(head), LIMITS).unwrap();
            drain(&mut outbox);
            prop_assert!(outbox.is_empty() && outbox.bytes() == 0);
        }
    }
}
