//! Lists that are overtaken by a change of the membership, and lists that would be too large.

use causerie_protocol::frame::down::HistoryAccess;
use causerie_protocol::{Body, ClientMessageId, DeviceId, Seq, Title};
use causerie_store::memory::MemoryStore;
use uuid::Uuid;

use super::*;
use crate::chat::Chat;
use crate::conversation::Change;
use crate::settings::Settings;

fn key(number: u128) -> ClientMessageId {
    ClientMessageId(Uuid::from_u128(number))
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

async fn start(settings: Settings) -> Chat {
    Chat::builder().store(Arc::new(MemoryStore::new())).settings(settings).start().await.unwrap()
}

#[tokio::test]
async fn who_was_removed_after_the_list_was_read_is_not_shown_what_came_after() {
    let chat = start(Settings::default()).await;
    let me = chat.user(user("alice"), DeviceId::new("phone").unwrap());
    let (title, members) = (Title::new("Team").unwrap(), vec![user("carol")]);
    let group = me.create_group(title, members, HistoryAccess::SinceJoin, key(1)).await.unwrap();
    let id = group.conversation;
    let listed = listed(chat.node(), &user("carol")).await.unwrap();
    assert_eq!(listed.len(), 1);
    me.change(id, Change::Remove(vec![user("carol")])).await.unwrap();
    assert_eq!(me.send(id, key(2), Body::text("not for carol")).await.unwrap().seq, Seq(3));
    assert!(item(chat.node(), &user("carol"), listed[0].id).await.unwrap().is_none());
    chat.stop().await;
    assert_eq!(chat.open().1, 0, "now the store is asked");
    assert!(item(chat.node(), &user("carol"), listed[0].id).await.unwrap().is_none());
    assert!(item(chat.node(), &user("alice"), listed[0].id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_page_of_large_last_messages_ends_early_and_the_next_goes_on() {
    let chat = start(Settings { page_bytes: 2_500, ..Settings::default() }).await;
    let me = chat.user(user("alice"), DeviceId::new("phone").unwrap());
    for number in 0..5 {
        let to = user(&format!("user-{number}"));
        me.send_to(to, key(1), Body::text(&"x".repeat(1_000))).await.unwrap();
    }
    let (mut seen, mut sizes, mut after) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let page = conversations(chat.node(), &me.origin, &[], 100, after.as_deref()).await;
        let Ok((page, next)) = page else { panic!("the page is refused") };
        sizes.push(page.len());
        seen.extend(page.into_iter().filter_map(|item| item.peer));
        after = next;
        if after.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, (0..5).map(|number| user(&format!("user-{number}"))).collect::<Vec<_>>());
    assert_eq!(sizes, [3, 2]);
}
