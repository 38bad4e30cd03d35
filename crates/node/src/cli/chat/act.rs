//! Doing what a line asks for. Each gives the text to say.

use std::collections::BTreeSet;

use causerie_client::{Draft, RequestError};
use causerie_protocol::frame::down::Member;
use causerie_protocol::frame::up::HistoryAccess;
use causerie_protocol::{ConversationId, UserId, limits};

use super::command::{Command, HELP};
use super::{Chat, words};

/// Messages that are shown at once.
const PAGE: usize = 20;
/// Conversations that are listed.
const LISTED: usize = 50;

type Said = Result<String, RequestError>;

impl Chat {
    pub(super) async fn act(&mut self, command: Command) -> Said {
        match command {
            Command::Help => return Ok(HELP.to_owned()),
            Command::Quit => return Ok(String::new()),
            Command::List => return self.load().await.map(|()| self.rooms.list()),
            Command::With(user) => return self.open_direct(user).await,
            Command::Group { title, members } => {
                let history = HistoryAccess::default();
                let made = self.client.create_group(Some(title), members, history, None).await?;
                let id = made.conversation;
                self.rooms.learn(made);
                return self.open(id).await;
            }
            Command::OpenNumber(number) => {
                return match self.rooms.numbered(number) {
                    Some(conversation) => self.open(conversation).await,
                    None => Ok(format!("There is no conversation {number}; /list shows them.")),
                };
            }
            Command::OpenId(conversation) => return self.open(conversation).await,
            _ => {}
        }
        match self.rooms.open_one() {
            Some(conversation) => self.act_in(conversation, command).await,
            None => Ok("No conversation is open: /with USER, or /list and /open N.".to_owned()),
        }
    }

    async fn act_in(&mut self, conversation: ConversationId, command: Command) -> Said {
        match command {
            Command::Say(text) => {
                let sending = self.client.submit(Draft::text(conversation, &text)).await;
                let beginning = words::quote(&text);
                self.sends.spawn(async move { (beginning, sending.await) });
            }
            Command::Members => return Ok(list_members(&self.members(conversation).await?)),
            Command::Who => {
                let members = self.members(conversation).await?;
                return Ok(self.rooms.who_is_online(&members));
            }
            Command::History => return self.history(conversation).await,
            // What changed comes as a message, and says so.
            Command::Add(users) => drop(self.client.members_add(conversation, users).await?),
            Command::Remove(users) => drop(self.client.members_remove(conversation, users).await?),
            Command::Rename(title) => {
                self.client.rename(conversation, title).await?;
                self.learn(conversation).await?;
            }
            Command::Leave => drop(self.client.leave(conversation).await?),
            Command::Help
            | Command::Quit
            | Command::List
            | Command::With(_)
            | Command::Group { .. }
            | Command::OpenNumber(_)
            | Command::OpenId(_) => {}
        }
        Ok(String::new())
    }

    /// Reads the conversations anew.
    pub(super) async fn load(&mut self) -> Result<(), RequestError> {
        let page = self.client.conversations(None, Some(LISTED)).await?;
        self.rooms.reorder(page.items.iter().map(|item| item.conversation).collect());
        page.items.into_iter().for_each(|item| self.rooms.learn(item));
        Ok(())
    }

    /// Asks for one conversation that is not known.
    pub(super) async fn learn(&mut self, conversation: ConversationId) -> Result<(), RequestError> {
        let item = self.client.conversation(conversation).await?;
        self.rooms.learn(item);
        Ok(())
    }

    pub(super) async fn open_direct(&mut self, user: UserId) -> Said {
        let id = ConversationId::direct(self.rooms.me(), &user);
        if !self.rooms.knows(id) {
            let made = self.client.create_direct(user).await?;
            self.rooms.learn(made);
        }
        self.open(id).await
    }

    /// Opens a conversation: shows its last messages, marks them as read, and watches who is in it.
    pub(super) async fn open(&mut self, conversation: ConversationId) -> Said {
        if !self.rooms.knows(conversation) {
            self.learn(conversation).await?;
        }
        let page = self.client.history(conversation, None, Some(PAGE)).await?;
        self.rooms.open(conversation);
        if let Some(last) = page.items.last() {
            self.client.read(conversation, last.seq).await;
        }
        let text = self.rooms.page(conversation, &page.items, page.more);
        self.watch().await;
        let name = self.rooms.name(conversation);
        Ok(if text.is_empty() { format!("— {name}: nothing yet") } else { format!("— {name}\n{text}") })
    }

    async fn history(&mut self, conversation: ConversationId) -> Said {
        let before = self.rooms.oldest(conversation);
        let page = self.client.history(conversation, before, Some(PAGE)).await?;
        if page.items.is_empty() {
            return Ok("That is the beginning.".to_owned());
        }
        Ok(self.rooms.page(conversation, &page.items, page.more))
    }

    async fn members(&self, conversation: ConversationId) -> Result<Vec<Member>, RequestError> {
        Ok(self.client.members(conversation, None, Some(limits::PAGE_ITEMS)).await?.items)
    }

    /// Watches who is in the open conversation, as far as the server allows, and nobody else.
    pub(super) async fn watch(&mut self) {
        let Some(conversation) = self.rooms.open_one() else { return };
        let watched = async {
            let users = match self.rooms.peer(conversation) {
                Some(peer) => vec![peer.clone()],
                None => self.members(conversation).await?.into_iter().map(|member| member.user).collect(),
            };
            let others = users.into_iter().filter(|user| user != self.rooms.me());
            let others: BTreeSet<_> = others.take(self.client.welcome().limits.watch_users).collect();
            let gone: Vec<_> = self.watched.difference(&others).cloned().collect();
            let new: Vec<_> = others.difference(&self.watched).cloned().collect();
            if !gone.is_empty() {
                self.client.unwatch(gone).await?;
            }
            if !new.is_empty() {
                self.client.watch(new).await?;
            }
            Ok::<_, RequestError>(others)
        };
        match watched.await {
            Ok(others) => self.watched = others,
            Err(error) => self.terminal.say(words::problem(&error)).await,
        }
    }
}

fn list_members(members: &[Member]) -> String {
    let line = |member: &Member| {
        let name = words::names(std::slice::from_ref(&member.user));
        format!(
            "  {name}, {}; read up to {}, received up to {}",
            words::role(member.role),
            member.read,
            member.delivered
        )
    };
    members.iter().map(line).collect::<Vec<_>>().join("\n")
}
