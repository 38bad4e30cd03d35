//! What a conversation knows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use causerie_planted::{Bug, planted};
use causerie_protocol::frame::down::{ConversationKind, Role};
use causerie_protocol::{ClientMessageId, ConversationId, DeviceId, Seq, UserId, frame::down};
use causerie_store::model::{ConversationRow, ConversationState, Cursor, MemberRow, UserConversation};
use causerie_store::{Batch, Entry};
use hashbrown::{DefaultHashBuilder, HashMap};
use indexmap::IndexMap;

use crate::describe::describe;

use super::dedupe::{Fingerprint, Recent};
use super::effect::Answer;
use super::input::{Change, Create, Origin, SendRequest};
use crate::bounded::Permit;
use crate::bucket::Bucket;
use crate::reply::Reply;
use crate::settings::Settings;

/// A member, as the conversation knows it.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The membership.
    pub row: MemberRow,
    /// How far the user is.
    pub cursor: Cursor,
    /// The last position that it wrote since the conversation was opened, or in its last entries.
    pub(super) last_sent: Seq,
}

/// Something that waits for its turn.
#[derive(Debug)]
pub(super) enum Waiting {
    Send(Box<WaitingSend>),
    Change(Arc<Origin>, Change, Reply, Duration),
    Create(Arc<Origin>, Create, Reply, Duration),
    Erase(UserId, Reply),
}

/// How much is known about whether a send is new.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing yet.
    Unknown,
    /// The store is being asked, since the head was here.
    Asked(Seq),
    /// The store did not have the key among the positions up to here.
    NewAt(Seq),
    /// It has this entry already.
    Existing(Box<Entry>),
}

#[derive(Debug)]
pub(super) struct WaitingSend {
    pub(super) request: SendRequest,
    pub(super) fingerprint: Fingerprint,
    pub(super) known: Known,
}

/// What a batch does not say of a message.
#[derive(Debug)]
pub(super) struct Numbered {
    pub(super) origin: Arc<Origin>,
    pub(super) since: Duration,
    /// Its share in the node's bound on bytes that wait.
    pub(super) permit: Permit,
}

/// The batch that is under way.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) replies: Vec<Answer>,
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) removed: Vec<UserId>,
    /// Whence each message came, in case that it has to be numbered anew; empty for a change.
    pub(super) sends: Vec<Numbered>,
    pub(super) since: Duration,
    /// An attempt may have been stored: nothing else may take these positions, whatever a later attempt says.
    pub(super) doubtful: bool,
    /// The same batch, while its outcome is unknown and it has to be tried again.
    pub(super) again: Option<Batch>,
}

/// The state of one conversation.
#[derive(Debug)]
pub struct Conversation {
    pub(super) id: ConversationId,
    /// `None` until the conversation exists.
    pub(super) row: Option<ConversationRow>,
    /// In an order that depends on nothing but what happened: who is told first is the same in every replay.
    pub(super) members: IndexMap<UserId, Member, DefaultHashBuilder>,
    /// The position of the last committed entry, and the entry.
    pub(super) head: Seq,
    pub(super) last: Option<Entry>,
    pub(super) recent: Recent,
    /// In a direct conversation: who has blocked the other.
    pub(super) blocked_by: Vec<UserId>,
    pub(super) queue: VecDeque<Waiting>,
    /// How many sends of each user wait.
    pub(super) queued: HashMap<UserId, usize>,
    pub(super) finding: usize,
    pub(super) in_flight: Option<InFlight>,
    pub(super) cursors: HashMap<(UserId, DeviceId), Cursor>,
    pub(super) cursors_in_flight: Vec<(UserId, DeviceId, Cursor)>,
    pub(super) cursors_stored: Option<Duration>,
    pub(super) sends: Bucket,
    /// When the conversation is woken: for work under way, and to see whether it may close.
    pub(super) wakes: [Option<Duration>; 2],
    pub(super) used: Duration,
}

impl Conversation {
    /// A conversation as it stands in the store: its row and members, its last entries, the highest of all client message
    /// ids, and who has blocked whom.
    pub fn new(
        id: ConversationId,
        state: Option<ConversationState>,
        tail: &[Entry],
        highest: Option<ClientMessageId>,
        blocked_by: Vec<UserId>,
        settings: &Settings,
        now: Duration,
    ) -> Self {
        let (row, members) = state.map_or((None, Vec::new()), |state| (Some(state.row), state.members));
        let head = tail.last().map_or(Seq::ZERO, |entry| entry.seq);
        let floor = tail.first().map_or(Seq::ZERO, |entry| Seq(entry.seq.0 - 1));
        let mut conversation = Self {
            id,
            row,
            members: members
                .into_iter()
                .map(|(user, row, cursor)| (user, Member { row, cursor, last_sent: Seq::ZERO }))
                .collect(),
            head,
            last: tail.last().cloned(),
            recent: Recent::new(settings.recent_keys, floor, highest),
            blocked_by,
            queue: VecDeque::new(),
            queued: HashMap::new(),
            finding: 0,
            in_flight: None,
            cursors: HashMap::new(),
            cursors_in_flight: Vec::new(),
            cursors_stored: None,
            sends: Bucket::new(settings.conversation_sends, now),
            wakes: [None; 2],
            used: now,
        };
        for entry in tail {
            let forgets = planted(Bug::DedupeInMemory);
            let key = if forgets { ClientMessageId(uuid::Uuid::nil()) } else { entry.client_message_id };
            conversation.recent.push(entry.seq, Fingerprint::of(&entry.from, key), key);
            if let Some(member) = conversation.members.get_mut(&entry.from) {
                member.last_sent = entry.seq;
            }
        }
        conversation
    }

    /// Which conversation this is.
    pub fn id(&self) -> ConversationId {
        self.id
    }

    /// Who is told of what happens.
    pub fn members(&self) -> impl Iterator<Item = &UserId> {
        self.members.keys()
    }

    /// Whether it could end now without anybody noticing.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.in_flight.is_none()
            && self.finding == 0
            && self.cursors.is_empty()
            && self.cursors_in_flight.is_empty()
    }

    /// Whether there is such a conversation.
    pub fn exists(&self) -> bool {
        self.row.is_some()
    }

    /// When something last happened.
    pub fn used(&self) -> Duration {
        self.used
    }

    /// The conversation as a member sees it.
    pub(super) fn describe(&self, user: &UserId) -> Option<down::Conversation> {
        let (row, member) = (self.row.as_ref()?, self.members.get(user)?);
        let listed = UserConversation {
            conversation: self.id,
            row: row.clone(),
            member: member.row,
            removed: false,
            cursor: member.cursor,
        };
        Some(describe(user, &listed, self.head, self.last.as_ref()))
    }

    pub(super) fn is_direct(&self) -> bool {
        self.row.as_ref().is_none_or(|row| row.kind == ConversationKind::Direct)
    }
}

/// The membership of a user of a direct conversation.
pub(super) const DIRECT_MEMBER: MemberRow =
    MemberRow { role: Role::Member, join_seq: Seq::ZERO, first: Seq(1) };
