//! The client over a real socket, against a server that follows a script.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod peer;

use causerie_client::{
    Client, ConnectError, ConnectOptions, Credentials, Draft, Ended, Event, SendError, Start,
};
use causerie_protocol::frame::down::{Done, Page};
use causerie_protocol::frame::{ErrorCode, ErrorFrame};
use causerie_protocol::{ConversationId, Down, Seq, Up, UserId};
use peer::{Listener, message, sent};

fn options(listener: &Listener) -> ConnectOptions {
    ConnectOptions::new(listener.url(), Credentials::Token("canary".into()), "phone".parse().unwrap())
}

fn bob() -> UserId {
    "bob".parse().unwrap()
}

fn conversation() -> ConversationId {
    ConversationId::direct(&"alice".parse().unwrap(), &bob())
}

async fn next_message(events: &mut causerie_client::Events) -> (Seq, UserId) {
    loop {
        match events.recv().await.unwrap() {
            Event::Message(message) => return (message.seq, message.from),
            _ => continue,
        }
    }
}

#[tokio::test]
async fn a_send_is_answered_and_stands_in_its_place_among_the_others() {
    let listener = Listener::bind().await;
    let (accepted, connected) = tokio::join!(listener.welcome("alice"), Client::connect(options(&listener)));
    let (mut peer, (client, mut events)) = (accepted, connected.unwrap());
    assert_eq!(client.welcome().user.as_str(), "alice");
    peer.no_conversations().await;

    let first = client.submit(Draft::text(bob(), "one")).await;
    let second = client.submit(Draft::text(bob(), "two")).await;
    let (one, two) = (peer.send().await, peer.send().await);
    assert_eq!((one.attempt, one.after, one.to.as_ref().map(UserId::as_str)), (0, Some(Seq(0)), Some("bob")));
    peer.say(sent(&one, 1)).await;
    peer.say(message("bob", 2)).await;
    peer.say(sent(&two, 3)).await;
    assert_eq!((first.await.unwrap().seq, second.await.unwrap().seq), (Seq(1), Seq(3)));
    for expected in [(1, "alice"), (2, "bob"), (3, "alice")] {
        let (seq, from) = next_message(&mut events).await;
        assert_eq!((seq.0, from.as_str()), expected);
    }
    match peer.hear().await {
        Up::Delivered(cursor) => assert_eq!((cursor.conversation, cursor.seq), (conversation(), Seq(2))),
        other => panic!("{other:?}"),
    }
    client.read(conversation(), Seq(3)).await;
    let (_, heard) = tokio::join!(client.close(), peer.hear());
    assert!(matches!(heard, Up::Read(cursor) if cursor.seq == Seq(3)), "told before it went");
    assert!(events.recv().await.is_none());
}

#[tokio::test]
async fn after_a_lost_connection_the_unanswered_goes_out_again_unchanged() {
    let listener = Listener::bind().await;
    let (accepted, connected) = tokio::join!(listener.welcome("alice"), Client::connect(options(&listener)));
    let (mut peer, (client, mut events)) = (accepted, connected.unwrap());
    peer.no_conversations().await;
    let sending = client.submit(Draft::text(conversation(), "one")).await;
    let before = peer.send().await;
    drop(peer);

    let mut peer = listener.welcome("alice").await;
    let again = peer.send().await;
    assert_eq!(
        (again.attempt, again.client_message_id, again.after),
        (1, before.client_message_id, before.after)
    );
    assert_eq!(again.body.get(), before.body.get());
    peer.say(sent(&again, 1)).await;
    assert_eq!(sending.await.unwrap().seq, Seq(1));
    assert!(matches!(events.recv().await, Some(Event::Connected(_))));
    assert!(matches!(events.recv().await, Some(Event::Disconnected { again_in: Some(_), .. })));
    assert!(matches!(events.recv().await, Some(Event::Connected(_))));
}

#[tokio::test]
async fn without_resume_a_lost_connection_ends_what_is_unanswered_as_unknown() {
    let listener = Listener::bind().await;
    let options = ConnectOptions { resume: false, start: Start::Nothing, ..options(&listener) };
    let (accepted, connected) = tokio::join!(listener.welcome("alice"), Client::connect(options));
    let (mut peer, (client, mut events)) = (accepted, connected.unwrap());
    let sending = client.submit(Draft::text(bob(), "one")).await;
    let sent = peer.send().await;
    drop(peer);
    match sending.await {
        Err(SendError::Unknown { draft, .. }) => {
            assert_eq!((draft.attempt, draft.client_message_id), (1, sent.client_message_id));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(events.ended().await, Ended::Lost(_)));
    assert!(matches!(client.send(Draft::text(bob(), "two")).await, Err(SendError::NotSent(_))));
}

#[tokio::test]
async fn a_client_that_is_replaced_stays_away() {
    let listener = Listener::bind().await;
    let (accepted, connected) = tokio::join!(listener.welcome("alice"), Client::connect(options(&listener)));
    let (peer, (_client, mut events)) = (accepted, connected.unwrap());
    peer.close(4003).await;
    assert!(
        matches!(events.ended().await, Ended::StayAway { code: Some(code), .. } if code.number() == 4003)
    );
}

#[tokio::test]
async fn a_refused_sign_in_is_told_with_its_reason() {
    let listener = Listener::bind().await;
    let refuse = async {
        let (mut peer, hello) = listener.hello().await;
        peer.say(Down::Error(ErrorFrame::new(hello.id, ErrorCode::Unauthenticated, "no such key"))).await;
        peer.close(4001).await;
    };
    let ((), connected) = tokio::join!(refuse, Client::connect(options(&listener)));
    match connected {
        Err(ConnectError::Ended(Ended::Refused(error))) => assert_eq!(error.message, "no such key"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_not_waited_for() {
    let listener = Listener::bind().await;
    let options = options(&listener);
    drop(listener);
    assert!(matches!(Client::connect(options).await, Err(ConnectError::Ended(Ended::Unreachable(_)))));
}

#[tokio::test]
async fn a_slow_application_gets_everything_and_holds_little() {
    let listener = Listener::bind().await;
    let options = ConnectOptions { events: 4, start: Start::Beginning, ..options(&listener) };
    let (accepted, connected) = tokio::join!(listener.welcome("alice"), Client::connect(options));
    let (mut peer, (client, mut events)) = (accepted, connected.unwrap());
    let serve = async move {
        peer.no_conversations().await;
        for seq in 1..=200 {
            peer.say(message("bob", seq)).await;
        }
        loop {
            match peer.hear_or_end().await {
                Some(Up::Sync(sync)) => {
                    let from = sync.after.0 + 1;
                    let to = (sync.after.0 + sync.limit.unwrap() as u64).min(200);
                    let items = (from..=to).map(|seq| match message("bob", seq) {
                        Down::Message(message) => *message,
                        other => panic!("{other:?}"),
                    });
                    let page = Page::Messages {
                        id: sync.id,
                        conversation: sync.conversation,
                        items: items.collect(),
                        head: Seq(200),
                        more: to < 200,
                    };
                    peer.say(Down::Page(page)).await;
                }
                Some(Up::Blocks(request)) => peer.say(Down::Ok(Done { id: request.id, seq: None })).await,
                Some(Up::Delivered(cursor)) if cursor.seq == Seq(200) => return,
                Some(_) => {}
                None => panic!("the client went"),
            }
        }
    };
    let listen = async {
        // The answer comes though nobody has listened so far: events do not stand in the way of answers.
        assert!(client.blocks().await.is_err());
        for seq in 1..=200 {
            assert_eq!(next_message(&mut events).await.0, Seq(seq));
        }
    };
    tokio::join!(serve, listen);
}

#[tokio::test]
async fn signing_in_by_name_gives_a_token() {
    let listener = Listener::bind().await;
    let url = listener.url();
    let answer = r#"{"token":"t0","user":"alice","expires":"2026-01-01T00:00:00.000Z"}"#;
    let (request, signed_in) = tokio::join!(listener.http(answer), causerie_client::sign_in(&url, "alice"));
    assert!(
        request.starts_with("POST /v1/session HTTP/1.0\r\n") && request.ends_with(r#"{"name":"alice"}"#),
        "{request}"
    );
    assert_eq!(&*signed_in.unwrap().token, "t0");
}
