//! An actor that fails while a batch of it is on its way.

use std::sync::Arc;
use std::time::Duration;

use causerie_cluster::OwnerHandle;
use causerie_protocol::frame::{Down, ErrorCode, Outcome};
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Seq, UserId};
use causerie_store::memory::MemoryStore;
use uuid::Uuid;

use crate::chat::Chat;

async fn until(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it never came to be");
}

#[tokio::test]
async fn it_is_opened_anew_only_when_that_batch_is_settled() {
    let store = MemoryStore::new();
    let chat = Chat::builder().store(Arc::new(store.clone())).start().await.unwrap();
    // The one write that the node makes of itself at first.
    store.hold();
    until(|| store.held() == 1).await;
    store.release();
    let alice = chat.user(UserId::new("alice").unwrap(), DeviceId::new("phone").unwrap());
    let bob = UserId::new("bob").unwrap();
    let id = ConversationId::direct(alice.user(), &bob);
    let send = |number: u128| {
        let key = ClientMessageId(Uuid::from_u128(number));
        alice.send_to(bob.clone(), key, Body::text("x"))
    };
    let mut reader = chat.user(bob.clone(), DeviceId::new("phone").unwrap()).connect();
    assert!(matches!(reader.hear().await, Some(Down::Welcome(_))));
    send(1).await.unwrap();
    assert!(matches!(reader.hear().await, Some(Down::Message(message)) if message.seq == Seq(1)));
    store.hold();
    let failing = async {
        until(|| store.held() == 1).await;
        let conversation = chat.node().conversations.open(id).unwrap();
        conversation.fail();
        conversation
    };
    let (second, conversation) = tokio::join!(send(2), failing);
    assert_eq!(second.unwrap_err().outcome, Outcome::Unknown);
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert_eq!(send(3).await.unwrap_err().code, ErrorCode::Busy, "the second may yet be stored");
    }
    assert!(!conversation.is_closed());
    store.release();
    until(|| conversation.is_closed()).await;
    let heard = reader.hear().await;
    assert!(
        matches!(&heard, Some(Down::Head(head)) if head.seq == Seq(2)),
        "nobody was told of it: {heard:?}"
    );
    assert_eq!(send(3).await.unwrap().seq, Seq(3));
    assert_eq!(send(2).await.unwrap().seq, Seq(2));
}
