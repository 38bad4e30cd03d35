//! The bot.
//!
//! Guaranteed: every question in a conversation that the bot is in is answered, once. A live frame is only a bell; what
//! the bot answers is what it reads from the log, in order, from its own position on. The position moves *after* the
//! answer is durable, so an end in between repeats the answer, and a repeated answer has the same key as the first one:
//! the conversation knows it and writes nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_actors::{Chat, LocalClient, LocalUser};
use causerie_protocol::frame::down::{EntryKind, Message};
use causerie_protocol::frame::{ErrorCode, ErrorFrame};
use causerie_protocol::{Body, ClientMessageId, Clock, ConversationId, Down, MessageId, Seq, UserId};
use causerie_store::model::UserConversation;

/// Messages that are read at once.
const PAGE: usize = 100;

/// Answers `!time` and `!help` wherever it is a member.
pub(crate) struct Bot {
    chat: Chat,
    me: LocalUser,
    inbox: LocalClient,
    clock: Arc<dyn Clock>,
    /// Up to where everything is answered.
    positions: HashMap<ConversationId, Seq>,
}

impl Bot {
    /// Connects. Questions that come from now on wait until it [`run`](Self::run)s.
    pub(crate) fn new(chat: &Chat, name: UserId, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let me = chat.user(name, "the-bot".parse()?);
        let inbox = me.connect();
        Ok(Self { chat: chat.clone(), me, inbox, clock, positions: HashMap::new() })
    }

    /// Answers until the node ends.
    ///
    /// # Errors
    /// What cannot be helped by trying again: the store does not answer, or the bot is not understood.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        while let Some(frame) = self.inbox.hear().await {
            match frame {
                // Connected: nothing is missed from here on. What came before is read now.
                Down::Welcome(_) => {
                    for listed in self.chat.store().conversations_of(self.me.user().clone()).await? {
                        self.catch_up(listed.conversation, Seq(u64::MAX)).await?;
                    }
                }
                Down::Message(message) => self.catch_up(message.conversation, message.seq).await?,
                Down::Head(head) => self.catch_up(head.conversation, head.seq).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Answers everything in a conversation that is not answered yet, if that is below `heard`.
    async fn catch_up(&mut self, conversation: ConversationId, heard: Seq) -> anyhow::Result<()> {
        let Some(mut position) = self.position(conversation).await? else { return Ok(()) };
        while position < heard {
            let page = match self.me.sync(conversation, position, PAGE).await {
                Ok(page) => page,
                Err(error) if error.code == ErrorCode::NotFound => {
                    // Not a member any more. Whoever invites the bot again begins anew.
                    self.positions.remove(&conversation);
                    return Ok(());
                }
                Err(error) => {
                    wait_if_it_helps(error).await?;
                    continue;
                }
            };
            for message in &page.items {
                self.answer(message).await?;
                position = message.seq;
            }
            self.positions.insert(conversation, position);
            self.me.mark_read(conversation, position);
            if !page.more {
                break;
            }
        }
        Ok(())
    }

    /// Up to where everything is answered: the bot's read cursor, or the entry that let it in. `None`: not a member.
    async fn position(&self, conversation: ConversationId) -> anyhow::Result<Option<Seq>> {
        if let Some(position) = self.positions.get(&conversation) {
            return Ok(Some(*position));
        }
        let listed = self.chat.store().conversation_of(self.me.user().clone(), conversation).await?;
        let position = |listed: UserConversation| listed.cursor.read.max(listed.member.join_seq);
        Ok(listed.filter(|listed| !listed.removed).map(position))
    }

    /// Returns when the answer is durable, or when there is nothing to say.
    async fn answer(&self, question: &Message) -> anyhow::Result<()> {
        if question.kind != EntryKind::Message || question.from == *self.me.user() {
            return Ok(());
        }
        let text = question.body.content()?.text.unwrap_or_default();
        let Some(answer) = self.reply_to(&text) else { return Ok(()) };
        let (key, answer) = (answer_key(question.message_id), Body::text(&answer));
        loop {
            match self.me.send(question.conversation, key, answer.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) => match error.code {
                    // It was answered before, at another time of day. Once is enough.
                    ErrorCode::Conflict => return Ok(()),
                    // Blocked, removed, or against the rules of the house: there is nobody to tell.
                    ErrorCode::Forbidden | ErrorCode::NotFound => return Ok(()),
                    _ => wait_if_it_helps(error).await?,
                },
            }
        }
    }

    fn reply_to(&self, text: &str) -> Option<String> {
        match text.trim() {
            "!time" => Some(format!("It is {}.", self.clock.wall())),
            "!help" => Some("Ask me for the !time.".to_owned()),
            command if command.starts_with('!') => Some(format!("I do not know {command}; there is !help.")),
            _ => None,
        }
    }
}

/// The key of the answer to a message: the same whenever it is made, and no other message's.
pub(crate) fn answer_key(question: MessageId) -> ClientMessageId {
    let mut key = *b"\0\0\0\0\0\0\0\0answer 1";
    key[..8].copy_from_slice(&question.0.to_be_bytes());
    ClientMessageId::from_bytes(key)
}

/// Waits as long as the error says; one that trying again does not help is returned.
async fn wait_if_it_helps(error: ErrorFrame) -> Result<(), ErrorFrame> {
    if !error.retry {
        return Err(error);
    }
    tokio::time::sleep(Duration::from_millis(error.retry_after_ms.unwrap_or(1000))).await;
    Ok(())
}
