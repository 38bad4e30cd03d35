//! Keeping up with the conversations: listing them after a connect, and syncing those that are behind.

use std::time::Duration;

use causerie_protocol::frame::ErrorFrame;
use causerie_protocol::frame::down::{Conversation, Message};
use causerie_protocol::frame::up;
use causerie_protocol::{ConversationId, Seq, Up};

use super::effect::{Effect, Event};
use super::options::Start;
use super::requests::Asked;
use super::state::{Listing, Open, Phase, Session};
use super::stream::Stream;

/// Unanswered `sync`s: enough to hide a round trip, few enough to leave the server to others.
const SYNCS_MAX: usize = 4;

/// Items of a page that is asked for.
const PAGE: usize = 100;

/// Positions that are told with `conversations`, so that what has not moved is left out of the answer.
const KNOWN_MAX: usize = 200;

/// How long to wait after an answer "later" that does not say how long.
const LATER: Duration = Duration::from_millis(500);

impl Session {
    /// Whether the application wants events.
    pub(super) fn listening(&self) -> bool {
        self.options.start != Start::Nothing
    }

    /// Whether there is something to list or to sync that only waits for its time.
    pub(super) fn wants_to_follow(&self, open: &Open) -> bool {
        let listing = matches!(open.listing, Listing::Next(_));
        let behind = self.room > 0 && open.syncs < SYNCS_MAX && !self.behind.is_empty();
        self.listening() && (listing || behind)
    }

    /// Lists and syncs as far as it may be done now.
    pub(super) fn follow(&mut self, now: Duration) {
        let Phase::Up(open) = &mut self.phase else { return };
        if self.options.start == Start::Nothing || now < open.follow_after {
            return;
        }
        if let Listing::Next(after) = &open.listing {
            let after = after.clone();
            open.listing = Listing::Asked(after.clone());
            let known = self.streams.iter().take(KNOWN_MAX);
            let known = known.map(|(conversation, stream)| up::Known {
                conversation: *conversation,
                seq: stream.position(),
            });
            let known = known.collect();
            let after = after.map(String::into_boxed_str);
            self.ask(Asked::Listing, now, |id| {
                Up::Conversations(up::Conversations { id: Some(id), known, limit: Some(PAGE), after })
            });
        }
        self.sync(now);
    }

    fn sync(&mut self, now: Duration) {
        loop {
            let Phase::Up(open) = &mut self.phase else { return };
            if open.syncs >= SYNCS_MAX || self.room == 0 {
                return;
            }
            let Some(conversation) = self.behind.pop_first() else { return };
            let Some(stream) = self.streams.get_mut(&conversation) else { continue };
            let mut given = Vec::new();
            stream.drain(&mut self.room, &mut given);
            let (after, known) = (stream.position(), stream.known());
            let wanted = stream.behind() && self.room > 0;
            stream.syncing = wanted;
            open.syncs += usize::from(wanted);
            self.give(conversation, given, now);
            if wanted {
                let limit = Some(PAGE.min(self.room));
                self.ask(Asked::Sync(conversation, known), now, |id| {
                    Up::Sync(up::Sync { id: Some(id), conversation, after, limit })
                });
            }
        }
    }

    /// A message, live or from the `sent` of this device.
    pub(super) fn on_message(&mut self, message: Message, now: Duration) {
        let conversation = message.conversation;
        let before = Seq(message.seq.0.saturating_sub(1));
        let start = self.options.start;
        let stream = self.streams.entry(conversation).or_insert_with(|| match start {
            Start::Nothing | Start::Now => Stream::new(before),
            Start::Beginning => Stream::new(Seq::ZERO),
        });
        if start == Start::Nothing {
            stream.skip_to(message.seq);
            return;
        }
        let mut given = Vec::new();
        stream.take(message, &mut self.room, &mut given);
        self.give(conversation, given, now);
    }

    /// There is something up to here.
    pub(super) fn on_head(&mut self, conversation: ConversationId, seq: Seq) {
        let listed = matches!(&self.phase, Phase::Up(open) if open.listing == Listing::Done);
        match self.options.start {
            Start::Nothing => self.streams.entry(conversation).or_default().skip_to(seq),
            // The listing that is under way tells where "now" is.
            Start::Now if !listed && !self.streams.contains_key(&conversation) => {}
            // A conversation that begins while the session runs is heard from its beginning.
            Start::Now | Start::Beginning => {
                self.streams.entry(conversation).or_default().announce(seq);
                self.note(conversation);
            }
        }
    }

    /// A page of conversations.
    pub(super) fn on_listed(&mut self, items: &[Conversation], next: Option<String>) {
        for item in items {
            let start = self.options.start;
            let stream = self.streams.entry(item.conversation).or_insert_with(|| match start {
                Start::Nothing | Start::Now => Stream::new(item.head),
                Start::Beginning => Stream::new(Seq::ZERO),
            });
            stream.announce(item.head);
            self.note(item.conversation);
        }
        if let Phase::Up(open) = &mut self.phase {
            open.listing = next.map_or(Listing::Done, |next| Listing::Next(Some(next)));
        }
    }

    /// A page of messages.
    pub(super) fn on_synced(
        &mut self,
        conversation: ConversationId,
        (known, head): (Seq, Seq),
        items: Vec<Message>,
        more: bool,
        now: Duration,
    ) {
        self.sync_answered();
        let Some(stream) = self.streams.get_mut(&conversation) else { return };
        stream.syncing = false;
        if more {
            stream.announce(head);
        }
        let mut given = Vec::new();
        stream.page(items, (known, more), &mut self.room, &mut given);
        self.give(conversation, given, now);
    }

    /// A `sync` was refused: later, or never.
    pub(super) fn on_sync_refused(
        &mut self,
        now: Duration,
        conversation: ConversationId,
        error: &ErrorFrame,
    ) {
        self.sync_answered();
        let Some(stream) = self.streams.get_mut(&conversation) else { return };
        stream.syncing = false;
        if !error.retry {
            // Not ours any more. Should it be again, its next message says so.
            let known = stream.known();
            stream.skip_to(known);
        }
        self.note(conversation);
        self.follow_later(now, error);
    }

    /// The listing was refused: later, or never.
    pub(super) fn on_listing_refused(&mut self, now: Duration, error: &ErrorFrame) {
        if let Phase::Up(open) = &mut self.phase {
            let asked = std::mem::replace(&mut open.listing, Listing::Done);
            if let (true, Listing::Asked(after)) = (error.retry, asked) {
                open.listing = Listing::Next(after);
            }
        }
        self.follow_later(now, error);
    }

    fn follow_later(&mut self, now: Duration, error: &ErrorFrame) {
        if let (Phase::Up(open), true) = (&mut self.phase, error.retry) {
            open.follow_after = now + error.retry_after_ms.map_or(LATER, Duration::from_millis);
        }
    }

    fn sync_answered(&mut self) {
        if let Phase::Up(open) = &mut self.phase {
            open.syncs = open.syncs.saturating_sub(1);
        }
    }

    /// Nobody listens any more.
    pub(super) fn on_deaf(&mut self) {
        self.options.start = Start::Nothing;
        self.parked.clear();
        self.behind.clear();
    }

    /// Hands messages to the application; there was room for them.
    fn give(&mut self, conversation: ConversationId, given: Vec<Message>, now: Duration) {
        let others = given.iter().rev().find(|message| {
            Some(&message.from) != self.user.as_ref() || message.device != self.options.device
        });
        if let (true, Some(last)) = (self.options.acknowledge, others) {
            self.marks.delivered(conversation, last.seq, now);
        }
        for message in given {
            self.out.push(Effect::Emit(Event::Message(Box::new(message))));
        }
        self.note(conversation);
    }

    /// The connection is gone, and with it the answers to `sync`s.
    pub(super) fn syncs_lost(&mut self) {
        for (conversation, stream) in &mut self.streams {
            if std::mem::take(&mut stream.syncing) && stream.behind() {
                self.behind.insert(*conversation);
            }
        }
    }

    /// Keeps the set of those that want a `sync`.
    fn note(&mut self, conversation: ConversationId) {
        if self.streams.get(&conversation).is_some_and(|stream| stream.behind() && !stream.syncing) {
            self.behind.insert(conversation);
        } else {
            self.behind.remove(&conversation);
        }
    }
}
