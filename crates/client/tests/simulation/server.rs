//! A server in a few lines: logs, idempotency, pages, receipts.

use std::collections::BTreeMap;

use causerie_protocol::frame::down::{
    Conversation, ConversationKind, Done, EntryKind, HistoryAccess, Limits, Message, Page, Pong, Role, Sent,
    Welcome,
};
use causerie_protocol::frame::{ErrorCode, ErrorFrame};
use causerie_protocol::{
    Body, ClientMessageId, ConversationId, DeviceId, Down, MessageId, Seq, Timestamp, Up, UserId, frame::up,
};

pub(crate) const WINDOW: usize = 3;
const PAGE_MESSAGES: usize = 3;
const PAGE_CONVERSATIONS: usize = 2;

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn peer(number: u8) -> UserId {
    user(["bob", "carol", "dave", "erin"][usize::from(number)])
}

pub(crate) fn conversation(number: u8) -> ConversationId {
    ConversationId::direct(&user("alice"), &peer(number))
}

#[derive(Default)]
pub(crate) struct Server {
    pub(crate) logs: BTreeMap<ConversationId, Vec<Message>>,
    pub(crate) keys: BTreeMap<ClientMessageId, (ConversationId, Seq)>,
    pub(crate) delivered: BTreeMap<ConversationId, Seq>,
    pub(crate) read: BTreeMap<ConversationId, Seq>,
    pub(crate) refused: bool,
}

impl Server {
    pub(crate) fn head(&self, conversation: ConversationId) -> Seq {
        Seq(self.logs.get(&conversation).map_or(0, Vec::len) as u64)
    }

    pub(crate) fn append(
        &mut self,
        conversation: ConversationId,
        from: UserId,
        id: ClientMessageId,
        body: Body,
    ) -> Message {
        let seq = self.head(conversation).next();
        let message = Message {
            conversation,
            seq,
            message_id: MessageId(seq.0),
            kind: EntryKind::Message,
            from,
            device: DeviceId::new("d").unwrap(),
            client_message_id: id,
            time: Timestamp(1),
            body,
        };
        self.logs.entry(conversation).or_default().push(message.clone());
        assert!(self.keys.insert(id, (conversation, seq)).is_none(), "one key, one seq");
        message
    }

    /// Answers a frame; `luck` decides whether a send or a sync is refused for now.
    pub(crate) fn answer(&mut self, frame: Up, luck: u8) -> Option<Down> {
        Some(match frame {
            Up::Hello(hello) => Down::Welcome(Box::new(Welcome {
                id: hello.id,
                user: user("alice"),
                device: hello.device,
                node: "n1".to_owned(),
                session: "s".to_owned(),
                time: Timestamp(1000),
                heartbeat_ms: 30_000,
                expires: None,
                limits: Limits { body_bytes: 100, sends_in_flight: WINDOW, watch_users: 1 },
            })),
            Up::Ping(ping) => Down::Pong(Pong { id: ping.id }),
            Up::Refresh(refresh) => Down::Ok(Done { id: refresh.id, seq: None }),
            Up::Send(send) => self.send(send, luck),
            Up::Sync(sync) if luck % 16 == 1 => {
                Down::Error(ErrorFrame::new(sync.id, ErrorCode::Unavailable, "later"))
            }
            Up::Sync(sync) => self.sync(sync),
            Up::Conversations(request) if luck % 16 == 2 => {
                Down::Error(ErrorFrame::new(request.id, ErrorCode::Busy, "later"))
            }
            Up::Conversations(request) => self.conversations(request),
            Up::Delivered(cursor) => {
                let delivered = self.delivered.entry(cursor.conversation).or_default();
                *delivered = cursor.seq.max(*delivered);
                return None;
            }
            Up::Read(cursor) => {
                let read = self.read.entry(cursor.conversation).or_default();
                *read = cursor.seq.max(*read);
                return None;
            }
            other => panic!("the session does not write {other:?} by itself"),
        })
    }

    fn send(&mut self, send: up::Send, luck: u8) -> Down {
        let conversation = send
            .conversation
            .unwrap_or_else(|| ConversationId::direct(&user("alice"), &send.to.clone().unwrap()));
        assert!(
            send.after.is_some_and(|after| after <= self.head(conversation)),
            "after is known when a send is made"
        );
        if luck % 16 == 3 {
            self.refused = true;
            return Down::Error(ErrorFrame::new(send.id, ErrorCode::Busy, "too much is waiting"));
        }
        let (at, seq) = match self.keys.get(&send.client_message_id) {
            Some(place) => *place,
            None => {
                let body = Body::stored(send.body.get());
                let message = self.append(conversation, user("alice"), send.client_message_id, body);
                (message.conversation, message.seq)
            }
        };
        if luck % 16 == 4 {
            self.refused = true;
            return Down::Error(ErrorFrame::new(send.id, ErrorCode::UnknownOutcome, "no answer in time"));
        }
        Down::Sent(Sent {
            id: send.id,
            conversation: at,
            client_message_id: send.client_message_id,
            seq,
            message_id: MessageId(seq.0),
            time: Timestamp(1),
        })
    }

    fn sync(&self, sync: up::Sync) -> Down {
        let log = self.logs.get(&sync.conversation).map_or(&[][..], Vec::as_slice);
        let limit = sync.limit.unwrap_or(PAGE_MESSAGES).min(PAGE_MESSAGES);
        let after = usize::try_from(sync.after.0).unwrap().min(log.len());
        let items: Vec<_> = log[after..].iter().take(limit).cloned().collect();
        let more = after + items.len() < log.len();
        let head = self.head(sync.conversation);
        Down::Page(Page::Messages { id: sync.id, conversation: sync.conversation, items, head, more })
    }

    fn conversations(&self, request: up::Conversations) -> Down {
        let moved = |conversation: &ConversationId| {
            !request
                .known
                .iter()
                .any(|it| it.conversation == *conversation && it.seq == self.head(*conversation))
        };
        let from: usize = request.after.map_or(0, |after| after.parse().unwrap());
        let all: Vec<_> = self.logs.keys().copied().collect();
        let page = &all[from.min(all.len())..(from + PAGE_CONVERSATIONS).min(all.len())];
        let items = page.iter().copied().filter(moved).map(|conversation| Conversation {
            conversation,
            kind: ConversationKind::Direct,
            title: None,
            peer: None,
            member_count: 2,
            role: Role::Member,
            history: HistoryAccess::SinceJoin,
            head: self.head(conversation),
            first: Seq(1),
            delivered: Seq::ZERO,
            read: Seq::ZERO,
            unread: 0,
            last: None,
        });
        let next = from + PAGE_CONVERSATIONS;
        let next = (next < all.len()).then(|| next.to_string());
        Down::Page(Page::Conversations { id: request.id, items: items.collect(), next })
    }
}
