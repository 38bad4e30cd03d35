//! The conversations as the person sees them: names, what is unread, ticks, who is online.
//!
//! It is told what happens and gives the text to say; it asks nobody.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use causerie_protocol::frame::down::{
    Conversation, ConversationKind, EntryKind, Member, Message, Presence, Receipt,
};
use causerie_protocol::{ConversationId, DeviceId, Seq, UserId};

use super::words;

/// A conversation.
struct Room {
    item: Conversation,
    unread: u64,
    /// The last message of one's own, and its beginning.
    own: Option<(Seq, String)>,
    /// How far the others have received and read it, as far as that was said.
    delivered: Seq,
    read: Seq,
    /// The oldest message shown.
    oldest: Option<Seq>,
    /// The newest message shown.
    newest: Seq,
}

/// All conversations.
pub(super) struct Rooms {
    me: UserId,
    device: DeviceId,
    rooms: BTreeMap<ConversationId, Room>,
    /// As /list numbered them.
    order: Vec<ConversationId>,
    open: Option<ConversationId>,
    online: BTreeMap<UserId, Presence>,
    connected: bool,
}

impl Rooms {
    pub(super) fn new(me: UserId, device: DeviceId) -> Self {
        let (rooms, order, online) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { me, device, rooms, order, open: None, online, connected: true }
    }

    pub(super) fn me(&self) -> &UserId {
        &self.me
    }

    pub(super) fn open_one(&self) -> Option<ConversationId> {
        self.open
    }

    pub(super) fn knows(&self, conversation: ConversationId) -> bool {
        self.rooms.contains_key(&conversation)
    }

    /// The conversation that /list gave a number.
    pub(super) fn numbered(&self, number: usize) -> Option<ConversationId> {
        self.order.get(number.checked_sub(1)?).copied()
    }

    /// Takes in what the server says of a conversation.
    pub(super) fn learn(&mut self, item: Conversation) {
        if !self.order.contains(&item.conversation) {
            self.order.push(item.conversation);
        }
        let id = item.conversation;
        // What is open is read as it comes; the server learns of it a little later.
        let unread = if self.open == Some(id) { 0 } else { item.unread };
        match self.rooms.get_mut(&id) {
            Some(room) => (room.item, room.unread) = (item, unread),
            None => {
                let (own, oldest, none) = (None, None, Seq::ZERO);
                self.rooms.insert(
                    id,
                    Room { item, unread, own, delivered: none, read: none, oldest, newest: none },
                );
            }
        }
    }

    /// The order in which /list numbers.
    pub(super) fn reorder(&mut self, order: Vec<ConversationId>) {
        self.order = order;
    }

    pub(super) fn open(&mut self, conversation: ConversationId) {
        self.open = Some(conversation);
        if let Some(room) = self.rooms.get_mut(&conversation) {
            room.unread = 0;
            room.oldest = None;
        }
    }

    pub(super) fn prompt(&self) -> String {
        match self.open {
            Some(conversation) => format!("{}> ", self.name(conversation)),
            None => "> ".to_owned(),
        }
    }

    /// The other user of a direct conversation.
    pub(super) fn peer(&self, conversation: ConversationId) -> Option<&UserId> {
        self.rooms.get(&conversation).and_then(|room| room.item.peer.as_ref())
    }

    /// What a conversation is called.
    pub(super) fn name(&self, conversation: ConversationId) -> String {
        let item = self.rooms.get(&conversation).map(|room| &room.item);
        let title = item.and_then(|item| item.title.as_ref()).map(|title| title.as_str());
        let peer = item.and_then(|item| item.peer.as_ref()).map(UserId::as_str);
        title.or(peer).map_or_else(|| conversation.to_string(), words::printable)
    }

    /// What /list says.
    pub(super) fn list(&self) -> String {
        if self.order.is_empty() {
            return "No conversations yet. /with USER begins one.".to_owned();
        }
        let mut text = String::new();
        for (index, conversation) in self.order.iter().enumerate() {
            let Some(room) = self.rooms.get(conversation) else { continue };
            let open = if self.open == Some(*conversation) { '*' } else { ' ' };
            let _ = write!(text, "{open}{:3}  {}", index + 1, self.name(*conversation));
            if room.item.kind == ConversationKind::Group {
                let _ = write!(text, "  ({} members)", room.item.member_count);
            }
            if room.unread > 0 {
                let _ = write!(text, "  {} unread", room.unread);
            }
            if let Some(last) = &room.item.last {
                let _ = write!(
                    text,
                    "  {} {}: {}",
                    words::date(last.time),
                    last.from,
                    words::quote(&words::content(last))
                );
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// Where /history goes on, and that it has gone on.
    pub(super) fn oldest(&self, conversation: ConversationId) -> Option<Seq> {
        self.rooms.get(&conversation).and_then(|room| room.oldest)
    }

    /// What a page of older messages says.
    pub(super) fn page(&mut self, conversation: ConversationId, items: &[Message], more: bool) -> String {
        if let (Some(first), Some(room)) = (items.first(), self.rooms.get_mut(&conversation)) {
            room.oldest = Some(first.seq);
            room.newest = room.newest.max(items.last().map_or(Seq::ZERO, |last| last.seq));
        }
        let mut lines = Vec::new();
        if more {
            lines.push("         … /history shows more".to_owned());
        }
        lines.extend(items.iter().map(|message| self.line(message)));
        lines.join("\n")
    }

    fn line(&self, message: &Message) -> String {
        let who =
            if message.from == self.me { "you".to_owned() } else { words::printable(message.from.as_str()) };
        let text = words::content(message);
        match message.kind {
            EntryKind::Message => format!("  {}  {who}: {text}", words::clock(message.time)),
            EntryKind::Membership => format!("  {}  — {who} {text}", words::clock(message.time)),
        }
    }

    /// What a new message says, and whether the person has read it by that.
    pub(super) fn message(&mut self, message: &Message, typed_is_shown: bool) -> (String, bool) {
        let open = self.open == Some(message.conversation);
        let mine = message.from == self.me;
        let line = self.line(message);
        let name = self.name(message.conversation);
        if let Some(room) = self.rooms.get_mut(&message.conversation) {
            if open && message.seq <= room.newest {
                // It was shown when the conversation was opened.
                return (String::new(), false);
            }
            if open {
                room.newest = message.seq;
            }
            room.item.head = room.item.head.max(message.seq);
            room.item.last = Some(Box::new(message.clone()));
            room.oldest = room.oldest.or(Some(message.seq));
            if mine && message.kind == EntryKind::Message {
                room.own = Some((message.seq, words::quote(&words::content(message))));
            } else if !open {
                room.unread += 1;
            }
        }
        let typed_here = mine && message.device == self.device && message.kind == EntryKind::Message;
        let text = match (typed_here && open, open) {
            (true, _) if typed_is_shown => format!("  {}  ✓ sent", words::clock(message.time)),
            (true, _) => format!("{line}  ✓"),
            (false, true) => line,
            (false, false) => format!("[{name}]{line}"),
        };
        (text, open)
    }

    /// What a receipt says: a tick for the last message of one's own.
    pub(super) fn receipt(&mut self, receipt: &Receipt) -> String {
        if receipt.user == self.me {
            return String::new();
        }
        let open = self.open == Some(receipt.conversation);
        let Some(room) = self.rooms.get_mut(&receipt.conversation) else { return String::new() };
        let (delivered, read) = (room.delivered, room.read);
        room.delivered = delivered.max(receipt.delivered);
        room.read = read.max(receipt.read);
        let Some((own, text)) = room.own.as_ref().filter(|_| open) else { return String::new() };
        let who = words::printable(receipt.user.as_str());
        if read < *own && receipt.read >= *own {
            format!("         ✓✓ read by {who}: “{text}”")
        } else if delivered < *own && receipt.delivered >= *own {
            format!("         ✓✓ delivered to {who}: “{text}”")
        } else {
            String::new()
        }
    }

    /// What a presence says: of the other in an open direct conversation.
    pub(super) fn presence(&mut self, presence: &Presence) -> String {
        let before = self.online.insert(presence.user.clone(), presence.clone());
        let changed = before.is_none_or(|before| before.online != presence.online);
        let peer = self.open.and_then(|open| self.peer(open));
        if changed && peer == Some(&presence.user) {
            format!("         {}", self.who(&presence.user))
        } else {
            String::new()
        }
    }

    fn who(&self, user: &UserId) -> String {
        let name = words::printable(user.as_str());
        match self.online.get(user) {
            Some(presence) if presence.online => format!("{name} is online"),
            Some(Presence { last_seen: Some(time), .. }) => {
                format!("{name} was last seen {}", words::date(*time))
            }
            Some(_) => format!("{name} is offline"),
            None => format!("{name}: not known"),
        }
    }

    /// What /who says.
    pub(super) fn who_is_online(&self, members: &[Member]) -> String {
        let others = members.iter().filter(|member| member.user != self.me);
        let lines: Vec<_> = others.map(|member| format!("  {}", self.who(&member.user))).collect();
        if lines.is_empty() { "  nobody else is here".to_owned() } else { lines.join("\n") }
    }

    pub(super) fn disconnected(&mut self) {
        self.connected = false;
    }

    /// Whether this was a reconnect.
    pub(super) fn reconnected(&mut self) -> bool {
        !std::mem::replace(&mut self.connected, true)
    }
}

#[cfg(test)]
mod tests;
