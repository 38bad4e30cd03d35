//! Every question is answered once.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use causerie_actors::{Change, Chat, LocalUser};
use causerie_protocol::frame::down::{EntryKind, HistoryAccess};
use causerie_protocol::{Body, ClientMessageId, Clock, ConversationId, Down, Seq, Timestamp, UserId};
use causerie_store::fjall::{FjallConfig, FjallStore};
use tokio::task::JoinSet;

use crate::bot::{Bot, answer_key};

/// A clock that shows another time at every look.
#[derive(Default)]
struct Restless(AtomicU64);

impl Clock for Restless {
    fn wall(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + self.0.fetch_add(1000, Relaxed))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Relaxed))
    }
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

async fn start(directory: &Path) -> Chat {
    let config = FjallConfig { reserve_bytes: 0, ..FjallConfig::new(directory) };
    let store = FjallStore::open(config).unwrap();
    Chat::builder().store(Arc::new(store)).start().await.unwrap()
}

fn alice(chat: &Chat) -> LocalUser {
    chat.user(user("alice"), "desk".parse().unwrap())
}

/// Writes as Alice, with a key that the text makes.
async fn ask(chat: &Chat, conversation: ConversationId, key: u8, text: &str) {
    let key = ClientMessageId::from_bytes([key; 16]);
    alice(chat).send(conversation, key, Body::text(text)).await.unwrap();
}

/// A group of Alice and the bot.
async fn group(chat: &Chat) -> ConversationId {
    let key = ClientMessageId::from_bytes([0; 16]);
    let members = vec![user("bot")];
    let group = alice(chat).create_group("Us".parse().unwrap(), members, HistoryAccess::Full, key).await;
    group.unwrap().conversation
}

/// What everybody wrote, oldest first.
async fn read(chat: &Chat, conversation: ConversationId) -> Vec<(String, String)> {
    let page = alice(chat).sync(conversation, Seq::ZERO, 100).await.unwrap();
    let written = page.items.into_iter().filter(|item| item.kind == EntryKind::Message);
    written.map(|item| (item.from.to_string(), item.body.content().unwrap().text.unwrap())).collect()
}

/// Lets the bot live until it has answered `!help` in this conversation, and so everything before it.
async fn let_it_answer(chat: &Chat, conversation: ConversationId, key: u8) {
    let mut inbox = alice(chat).connect();
    while !matches!(inbox.hear().await, Some(Down::Welcome(_))) {}
    let mut tasks = JoinSet::new();
    let bot = Bot::new(chat, user("bot"), Arc::new(Restless::default())).unwrap();
    tasks.spawn(bot.run());
    ask(chat, conversation, key, "!help").await;
    let question = loop {
        match inbox.hear().await.expect("the node runs") {
            Down::Message(message) if message.client_message_id.as_bytes() == &[key; 16] => break message,
            _ => {}
        }
    };
    let answer = answer_key(question.message_id);
    while !matches!(inbox.hear().await, Some(Down::Message(message)) if message.client_message_id == answer) {
    }
    assert_eq!(chat.kick(&user("bot"), None), 1);
    tasks.join_next().await.unwrap().unwrap().unwrap();
}

fn answers(log: &[(String, String)], begins: &str) -> usize {
    log.iter().filter(|(from, text)| from == "bot" && text.starts_with(begins)).count()
}

#[tokio::test]
async fn questions_are_answered_where_the_bot_is_invited() {
    let directory = tempfile::tempdir().unwrap();
    let chat = start(directory.path()).await;
    let group = group(&chat).await;
    let direct = ConversationId::direct(&user("alice"), &user("bot"));
    alice(&chat)
        .send_to(user("bot"), ClientMessageId::from_bytes([9; 16]), Body::text("hello"))
        .await
        .unwrap();
    for (conversation, key) in [(group, 1), (direct, 2)] {
        ask(&chat, conversation, key, "!time").await;
        ask(&chat, conversation, key + 10, "what is the time?").await;
        ask(&chat, conversation, key + 20, "!weather").await;
        let_it_answer(&chat, conversation, key + 30).await;
        let log = read(&chat, conversation).await;
        assert_eq!(answers(&log, "It is 2023-11-14T22:13:"), 1, "{log:?}");
        assert_eq!(answers(&log, "I do not know !weather"), 1, "{log:?}");
        assert_eq!(answers(&log, ""), 3, "{log:?}");
    }
    chat.stop().await;
}

#[tokio::test]
async fn a_question_before_a_restart_is_answered_after_it_once() {
    let directory = tempfile::tempdir().unwrap();
    let chat = start(directory.path()).await;
    let group = group(&chat).await;
    ask(&chat, group, 1, "!time").await;
    chat.stop().await;
    drop(chat);
    // Twice, because the second time there is nothing to be done.
    for key in [2, 3] {
        let chat = start(directory.path()).await;
        let_it_answer(&chat, group, key).await;
        let log = read(&chat, group).await;
        assert_eq!(answers(&log, "It is"), 1, "{log:?}");
        chat.stop().await;
    }
}

#[tokio::test]
async fn an_answer_whose_position_was_not_kept_is_not_given_again() {
    let directory = tempfile::tempdir().unwrap();
    let chat = start(directory.path()).await;
    let group = group(&chat).await;
    ask(&chat, group, 1, "!time").await;
    // What a bot leaves that ended after its answer and before its cursor.
    let page = alice(&chat).sync(group, Seq::ZERO, 100).await.unwrap();
    let key = answer_key(page.items.last().unwrap().message_id);
    let bot = chat.user(user("bot"), "the-bot".parse().unwrap());
    bot.send(group, key, Body::text("It is late.")).await.unwrap();
    drop(bot);
    chat.stop().await;
    drop(chat);

    let chat = start(directory.path()).await;
    let_it_answer(&chat, group, 2).await;
    let log = read(&chat, group).await;
    assert_eq!(answers(&log, "It is"), 1, "{log:?}");
    chat.stop().await;
}

#[tokio::test]
async fn what_was_said_before_the_invitation_or_after_the_removal_is_not_the_bots() {
    let directory = tempfile::tempdir().unwrap();
    let chat = start(directory.path()).await;
    let key = ClientMessageId::from_bytes([0; 16]);
    let group = alice(&chat).create_group("Us".parse().unwrap(), Vec::new(), HistoryAccess::Full, key).await;
    let group = group.unwrap().conversation;
    ask(&chat, group, 1, "!time").await;
    alice(&chat).change(group, Change::Add(vec![user("bot")])).await.unwrap();
    let_it_answer(&chat, group, 2).await;
    alice(&chat).change(group, Change::Remove(vec![user("bot")])).await.unwrap();
    ask(&chat, group, 3, "!time").await;
    alice(&chat).change(group, Change::Add(vec![user("bot")])).await.unwrap();
    let_it_answer(&chat, group, 4).await;
    let log = read(&chat, group).await;
    assert_eq!((answers(&log, "Ask me"), answers(&log, "")), (2, 2), "{log:?}");
    chat.stop().await;
}
