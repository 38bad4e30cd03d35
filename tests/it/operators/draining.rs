//! An orderly end: everybody is told, and what was taken is answered.

use serde_json::json;

use crate::support::frames::{direct, fresh_id, send, send_as, seq};
use crate::support::server::{Server, Signal};
use crate::support::socket::Socket;

#[tokio::test]
async fn a_server_that_is_asked_to_end_says_goodbye_and_ends_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start().await;
        let mut alice = Socket::sign_in(&server, "alice", "phone").await;
        let mut nobody = Socket::open(&server).await;
        server.signal(signal);
        let goodbye = alice.next("goodbye").await;
        assert_eq!(goodbye["reason"], "draining", "{goodbye}");
        assert!(goodbye["reconnect_after_ms"].as_u64() > Some(0), "{goodbye}");
        assert_eq!(alice.end().await.code, Some(4000));
        nobody.end().await;
        assert!(server.ended().await.success());
        assert!(Socket::open_with(&server, &[]).await.is_err(), "nobody is let in any more");
        server.restart().await;
        Socket::sign_in(&server, "alice", "phone").await.create(direct("bob")).await;
    }
}

#[tokio::test]
async fn what_was_taken_before_the_end_is_answered_and_what_is_answered_is_there() {
    let mut server = Server::start().await;
    for round in 0..3 {
        let mut alice = Socket::sign_in(&server, "alice", "phone").await;
        let conversation = alice.create(direct("bob")).await;
        let ids: Vec<_> = (0..200).map(|_| fresh_id()).collect();
        for id in &ids {
            alice.begin(send_as(&conversation, id, "Hello")).await;
        }
        alice.next("sent").await;
        let status = server.terminate().await;
        assert!(status.success(), "{status}");
        assert_eq!(alice.end().await.code, Some(4000));
        let answered = alice.heard(|frame| frame["type"] == "sent");
        let errors = alice.heard(|frame| frame["type"] == "error");
        assert!(errors.is_empty(), "round {round}: {errors:?}");
        assert!(!answered.is_empty());

        server.restart().await;
        let mut alice = Socket::sign_in(&server, "alice", "phone").await;
        let stored = alice.sync_all(&conversation, 0, 200).await;
        let before = stored.len();
        // Everything that the server has is what it has answered: it took nothing in silence.
        for sent in &answered {
            let found =
                stored.iter().find(|message| message["client_message_id"] == sent["client_message_id"]);
            assert_eq!(found.map(seq), Some(seq(sent)), "{sent}");
        }
        let mine = stored.iter().filter(|message| ids.iter().any(|id| message["client_message_id"] == **id));
        assert_eq!(mine.count(), answered.len(), "round {round}: stored, and not answered");
        for id in &ids {
            let mut again = send_as(&conversation, id, "Hello");
            again["attempt"] = json!(1);
            alice.done(again).await;
        }
        let after = alice.sync_all(&conversation, 0, 200).await;
        assert_eq!(after.len(), before + ids.len() - answered.len(), "nothing twice");
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let mut server = Server::start_with(&["timeouts.drain_s=600"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    alice.done(send(&conversation, "Hello")).await;
    server.signal(Signal::TERM);
    alice.next("goodbye").await;
    server.signal(Signal::TERM);
    server.ended().await;
}
