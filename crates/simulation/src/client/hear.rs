//! What a session does with what it hears.

use causerie_checker::history::{Change, Digest, Membership, Outcome, Page, Read, Seen, Way};
use causerie_protocol::frame::ErrorFrame;
use causerie_protocol::frame::down::{self, Change as Changed, EntryKind, HistoryAccess, Page as DownPage};
use causerie_protocol::frame::error::Outcome as Ending;
use causerie_protocol::frame::up;
use causerie_protocol::{ConversationId, Down, RequestId, Seq, Up};

use super::session::{PageRequest, Session, Trouble};
use crate::presence::Told;
use crate::stage::Topic;

/// Items of a page: small, so that there are many.
const ITEMS: usize = 40;

impl Session {
    /// Takes in one frame.
    pub(super) fn take_in(&mut self, text: &str) {
        {
            let mut book = self.stage.book.borrow_mut();
            book.trace(&self.name, "<", text);
            book.counts.frames[self.user] += 1;
        }
        match Down::parse(text) {
            Ok(Down::Message(message)) => self.see(&message, Seen::LIVE),
            Ok(Down::Sent(sent)) => self.sent(&sent),
            Ok(Down::Head(head)) => self.tell(head.conversation, head.seq.0),
            Ok(Down::Page(DownPage::Messages { id, items, head, more, .. })) => {
                self.page(id.as_ref(), &items, head.0, more);
            }
            Ok(Down::Presence(presence)) => {
                let at = self.stage.time.elapsed();
                let told = Told { at, session: self.number, user: presence.user, online: presence.online };
                self.stage.told.borrow_mut().push(told);
            }
            Ok(Down::Goodbye(_)) => self.stage.book.borrow_mut().counts.goodbyes += 1,
            Ok(Down::Receipt(receipt)) => self.receipt(&receipt),
            Ok(Down::Pong(_)) => {}
            Ok(Down::Error(error)) => self.error(error),
            Ok(answer) => self.answered(answer),
            Err(error) => {
                self.stage.book.borrow_mut().fail(format!("{} got what is no frame: {error}", self.name));
            }
        }
    }

    fn see(&mut self, message: &down::Message, page: u32) {
        self.memory.borrow_mut().learn(message.conversation, message.seq.0);
        let mut book = self.stage.book.borrow_mut();
        let at = book.stamp();
        let conversation = book.history.conversation(message.conversation.0.as_u128());
        let from = book.history.user(message.from.as_str());
        let body = message.body.as_json();
        if message.kind == EntryKind::Membership {
            book.history.membership(conversation, message.seq.0, || membership(body));
        }
        book.history.see(Seen {
            at,
            seq: message.seq.0,
            client: Seen::halves(message.client_message_id.0.as_u128()),
            body: Digest::of(body.as_bytes()),
            session: self.number,
            conversation,
            from,
            page,
        });
    }

    /// How far somebody is never goes back, over all connections of a device and all lives of the node. A membership that
    /// ends takes it away, so only those that stay are looked at.
    fn receipt(&mut self, receipt: &down::Receipt) {
        let stays = |topic: &Topic| topic.id == receipt.conversation && topic.members_stay();
        if !self.stage.topics.borrow().iter().any(stays) {
            return;
        }
        let mut memory = self.memory.borrow_mut();
        let before = memory.receipts.entry((receipt.conversation, receipt.user.clone())).or_default();
        if receipt.delivered < before.0 || receipt.read < before.1 {
            let what = format!("{} was told {receipt:?} after {before:?}", self.name);
            self.stage.book.borrow_mut().fail(what);
        }
        *before = (receipt.delivered, receipt.read);
    }

    fn sent(&mut self, sent: &down::Sent) {
        let Some(place) = self.flight(sent.id.as_ref()) else { return };
        let flight = self.flights.remove(place);
        let outcome = Outcome::Sent(sent.seq.0);
        self.stage.book.borrow_mut().ended(flight.record, flight.begun, outcome);
        let mut memory = self.memory.borrow_mut();
        memory.learn(sent.conversation, sent.seq.0);
        memory.open.retain(|message| message.key != flight.message.key);
        memory.answered = Some(flight.message);
    }

    fn error(&mut self, error: ErrorFrame) {
        *self.stage.book.borrow_mut().counts.errors.entry(error.code.name()).or_default() += 1;
        if let Some(place) = self.flight(error.id.as_ref()) {
            let flight = self.flights.remove(place);
            let refused = error.outcome == Ending::None;
            let outcome = if refused { Outcome::Refused } else { Outcome::Unknown };
            self.stage.book.borrow_mut().ended(flight.record, flight.begun, outcome);
            // A refusal says nothing of an attempt before it whose end is not known: that one is to be sent again.
            if refused && flight.message.attempt == 0 {
                self.memory.borrow_mut().open.retain(|message| message.key != flight.message.key);
            }
            return;
        }
        let id = number(error.id.as_ref());
        self.pages.retain(|page| Some(page.id) != id);
        self.answered(Down::Error(error));
    }

    fn answered(&mut self, answer: Down) {
        if self.awaited.is_some() && number(answer.id()) == self.awaited {
            self.awaited = None;
            self.answer = Some(answer);
        }
    }

    fn flight(&self, id: Option<&RequestId>) -> Option<usize> {
        let id = number(id)?;
        self.flights.iter().position(|flight| flight.request == id)
    }

    /// The server told this session to sync.
    fn tell(&mut self, conversation: ConversationId, seq: u64) {
        {
            let mut book = self.stage.book.borrow_mut();
            book.counts.heads += 1;
            let (at, place) = (book.stamp(), book.history.conversation(conversation.0.as_u128()));
            book.history.heard(at, self.number, place, seq);
        }
        let told = self.told.entry(conversation).or_default();
        *told = seq.max(*told);
        let asked = |page: &PageRequest| page.conversation == conversation && page.way == Way::After;
        let due = self.due.iter().any(|(due, ..)| *due == conversation);
        if !due && !self.pages.iter().any(asked) {
            let known = self.memory.borrow().known(conversation);
            self.due.push((conversation, known, false));
        }
    }

    fn page(&mut self, id: Option<&RequestId>, items: &[down::Message], head: u64, more: bool) {
        let id = number(id);
        let Some(place) = self.pages.iter().position(|page| Some(page.id) == id) else { return };
        let PageRequest { conversation, way, position, last, begun, .. } = self.pages.remove(place);
        let page = {
            let mut book = self.stage.book.borrow_mut();
            let (at, place) = (book.stamp(), book.history.conversation(conversation.0.as_u128()));
            let session = self.number;
            book.history.page(Page {
                begun,
                at,
                position,
                head,
                session,
                conversation: place,
                way,
                more,
                last,
            })
        };
        items.iter().for_each(|item| self.see(item, page));
        let end = items.last().map_or(position, |item| item.seq.0);
        if way == Way::After {
            // A head that was told meanwhile wants another sync.
            let told = self.told.get(&conversation).copied().unwrap_or_default();
            let behind = !more && !last && told > end.max(head);
            if more && end > position || behind {
                self.due.push((conversation, end, last));
            }
        }
    }

    /// Asks for the pages that are due.
    pub(super) async fn follow_up(&mut self) -> Result<(), Trouble> {
        while let Some((conversation, position, last)) = self.due.pop() {
            self.ask_page(conversation, Way::After, position, last).await?;
        }
        Ok(())
    }

    /// Asks for a page, without waiting for it.
    pub(super) async fn ask_page(
        &mut self,
        conversation: ConversationId,
        way: Way,
        position: u64,
        last: bool,
    ) -> Result<i64, Trouble> {
        let id = self.number_request();
        let (request, limit) = (Some(id.into()), Some(ITEMS));
        let frame = match way {
            Way::After => Up::Sync(up::Sync { id: request, conversation, after: Seq(position), limit }),
            Way::Before => {
                Up::History(up::History { id: request, conversation, before: Some(Seq(position)), limit })
            }
        };
        let begun = self.stage.book.borrow().stamp();
        self.pages.push(PageRequest { id, conversation, way, position, last, begun });
        self.say(&frame).await?;
        Ok(id)
    }

    /// Tells how far the user has read.
    pub(super) async fn read(&mut self, conversation: ConversationId, seq: u64) -> Result<(), Trouble> {
        if seq == 0 {
            return Ok(());
        }
        {
            let mut book = self.stage.book.borrow_mut();
            let (at, place) = (book.stamp(), book.history.conversation(conversation.0.as_u128()));
            book.history.read_up_to(Read { at, session: self.number, conversation: place, seq });
        }
        self.say(&Up::Read(up::Cursor { id: None, conversation, seq: Seq(seq) })).await
    }

    /// A send that takes longer than any may take is a broken promise.
    pub(super) fn watch_flights(&self) {
        let Some(flight) = self.flights.first() else { return };
        let limit = self.stage.plan.send_limit();
        let mut book = self.stage.book.borrow_mut();
        let took = book.elapsed().saturating_sub(std::time::Duration::from_nanos(flight.begun));
        if took > limit && book.failures.is_empty() {
            let key = flight.message.key;
            book.fail(format!("P2: {} has no answer to its send {key} after {took:?}", self.name));
        }
    }
}

fn number(id: Option<&RequestId>) -> Option<i64> {
    match id {
        Some(RequestId::Number(number)) => Some(*number),
        _ => None,
    }
}

/// What a membership entry says, in the judge's words.
fn membership(body: &str) -> Membership {
    let Ok(body) = serde_json::from_str::<down::Membership>(body) else {
        return Membership { change: Change::Other, users: Vec::new(), full_history: false };
    };
    let change = match body.change {
        Changed::Created => Change::Created,
        Changed::Added => Change::Added,
        Changed::Removed | Changed::Left => Change::Gone,
        Changed::Role | Changed::Renamed => Change::Other,
    };
    let users = body.users.iter().map(|user| user.as_str().into()).collect();
    Membership { change, users, full_history: body.history == Some(HistoryAccess::Full) }
}
