//! Joining the histories of several recorders.

use super::{ConversationUsers, History, Seen, index};

/// What the numbers of the absorbed history are in the absorbing one.
struct Renumbering {
    users: Vec<u32>,
    conversations: Vec<u32>,
    nodes: Vec<u32>,
    session: u32,
    page: u32,
    seen: u32,
}

impl History {
    /// Takes over everything of another history. The numbers of the other no longer count.
    pub fn absorb(&mut self, other: Self) {
        let new = Renumbering {
            users: other.users.all().iter().map(|name| self.users.number(name.as_ref())).collect(),
            conversations: other.conversations.all().iter().map(|id| self.conversations.number(id)).collect(),
            nodes: other.nodes.all().iter().map(|name| self.nodes.number(name.as_ref())).collect(),
            session: index(self.sessions.len()),
            page: index(self.pages.len()),
            seen: index(self.seen.len()),
        };
        self.absorb_observations(other, &new);
    }

    fn absorb_observations(&mut self, other: Self, new: &Renumbering) {
        let user = |number: u32| new.users[number as usize];
        let conversation = |number: u32| new.conversations[number as usize];
        let node = |number: u32| new.nodes[number as usize];
        self.sessions.extend(other.sessions.into_iter().map(|mut row| {
            (row.user, row.node) = (user(row.user), node(row.node));
            row
        }));
        // The rows that name a session and a conversation.
        macro_rules! take {
            ($($rows:ident),+) => {$(
                self.$rows.extend(other.$rows.into_iter().map(|mut row| {
                    row.session += new.session;
                    row.conversation = conversation(row.conversation);
                    row
                }));
            )+};
        }
        take!(attempts, pages, reads, changed);
        self.receipts.extend(other.receipts.into_iter().map(|mut row| {
            row.session += new.session;
            (row.conversation, row.user) = (conversation(row.conversation), user(row.user));
            row
        }));
        self.page_places.extend(other.page_places.into_iter().map(|place| place + new.seen));
        self.seen.extend(other.seen.into_iter().map(|mut row| {
            row.session += new.session;
            row.conversation = conversation(row.conversation);
            row.from = user(row.from);
            row.page = if row.page == Seen::LIVE { row.page } else { row.page + new.page };
            row
        }));
        self.heads.extend(other.heads.into_iter().map(|mut row| {
            row.session += new.session;
            row.conversation = conversation(row.conversation);
            row.place += new.seen;
            row
        }));
        self.views.extend(other.views.into_iter().map(|mut row| {
            row.session += new.session;
            row.conversation = conversation(row.conversation);
            row.users.iter_mut().for_each(|number| *number = user(*number));
            row
        }));
        for ((number, seq), membership) in other.memberships {
            self.memberships.entry((conversation(number), seq)).or_insert(membership);
        }
        for (number, users) in other.direct {
            self.direct.insert(conversation(number), ConversationUsers(users.0.map(user)));
        }
        self.faults.extend(other.faults);
        self.log_ended |= other.log_ended;
        self.logged.extend(other.logged.into_iter().map(|mut row| {
            row.conversation = conversation(row.conversation);
            row
        }));
        self.owners.extend(other.owners.into_iter().map(|mut row| {
            (row.node, row.conversation) = (node(row.node), conversation(row.conversation));
            row
        }));
        self.commits.extend(other.commits.into_iter().map(|mut row| {
            (row.node, row.conversation) = (node(row.node), conversation(row.conversation));
            row
        }));
    }
}
