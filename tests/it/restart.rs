//! A server that is killed in the middle of everything comes back with all that it acknowledged, once each.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::frames::{direct, fresh_id, group, name, send_as, send_to, seq, seqs, sync};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn a_server_that_was_killed_comes_back_with_what_it_acknowledged() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let sent = alice.done(send_to("bob", "Hello")).await;
    server.kill().await;
    server.restart().await;
    let mut bob = Socket::sign_in(&server, "bob", "laptop").await;
    let page = bob.done(sync(name(&sent, "conversation"), 0, 100)).await;
    assert_eq!(page["items"][0]["message_id"], sent["message_id"], "{page}");
    assert_eq!(page["items"][0]["body"]["text"], "Hello", "{page}");
}

/// One writer: what it has written, and what it was answered, over all rounds.
struct Writer {
    user: String,
    conversation: String,
    /// Ids in the order written, with the frame that carries each.
    written: Vec<(String, Value)>,
    /// Positions by id.
    answered: HashMap<String, u64>,
}

impl Writer {
    /// Writes without a pause until the connection ends; first what was not answered before.
    async fn write(&mut self, socket: &mut Socket) {
        let unanswered: Vec<Value> = self
            .written
            .iter()
            .filter(|(id, _)| !self.answered.contains_key(id))
            .map(|(_, frame)| {
                let mut again = frame.clone();
                again["attempt"] = json!(1);
                again
            })
            .collect();
        let mut head = self.answered.values().copied().max().unwrap_or_default();
        for frame in unanswered {
            socket.tell(&frame).await;
        }
        while !socket.has_ended() {
            let id = fresh_id();
            let mut frame =
                send_as(&self.conversation, &id, &format!("{} {}", self.user, self.written.len()));
            frame["after"] = json!(head);
            self.written.push((id, frame.clone()));
            socket.tell(&frame).await;
            let sent = socket.heard(|frame| frame["type"] == "sent").last().map(seq);
            head = head.max(sent.unwrap_or_default());
        }
        self.note(socket);
    }

    /// Notes the answers.
    fn note(&mut self, socket: &Socket) {
        for sent in socket.heard(|frame| frame["type"] == "sent") {
            let known =
                self.answered.entry(name(&sent, "client_message_id").to_owned()).or_insert(seq(&sent));
            assert_eq!(*known, seq(&sent), "the answer changed: {sent}");
        }
    }

    /// Sends again what was not answered, to the last, and compares everything with what is stored.
    async fn check(&mut self, socket: &mut Socket) {
        let again = self.written.iter().filter(|(id, _)| !self.answered.contains_key(id));
        let again: Vec<Value> = again.map(|(_, frame)| frame.clone()).collect();
        for answer in socket.pipeline(again, 32).await {
            assert_eq!(answer["type"], "sent", "{answer}");
        }
        self.note(socket);
        let stored = socket.sync_all(&self.conversation, 0, 200).await;
        assert_eq!(seqs(&stored), (1..=stored.len() as u64).collect::<Vec<u64>>(), "dense");
        let places: HashMap<&str, Vec<u64>> = stored.iter().fold(HashMap::new(), |mut places, message| {
            places.entry(name(message, "client_message_id")).or_insert_with(Vec::new).push(seq(message));
            places
        });
        for (id, frame) in &self.written {
            assert_eq!(
                places.get(id.as_str()),
                Some(&vec![self.answered[id]]),
                "once, where it was answered: {id}"
            );
            let message = &stored[usize::try_from(self.answered[id]).expect("a position") - 1];
            assert_eq!(message["body"], frame["body"]);
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_or_doubled_when_it_is_killed_under_load() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let team = alice.create(group("Team", &["bob", "carol"])).await;
    let private = alice.create(direct("bob")).await;
    let writers = [("alice", &team), ("bob", &team), ("carol", &team), ("bob", &private)];
    let mut writers = writers.map(|(user, conversation)| Writer {
        user: user.to_owned(),
        conversation: conversation.clone(),
        written: Vec::new(),
        answered: HashMap::new(),
    });
    for round in 0..4 {
        let mut sockets = Vec::new();
        for (index, writer) in writers.iter().enumerate() {
            sockets.push(Socket::sign_in(&server, &writer.user, &format!("device-{index}")).await);
        }
        let [a, b, c, d] = &mut sockets[..] else { panic!("four connections") };
        let [one, two, three, four] = &mut writers;
        // Killed in the middle of a stream of answers, at another place in every round.
        let so_many = 100.0 * f64::from(round + 1);
        let kill = async {
            server.metric_reaches("causerie_entries_committed_total", so_many).await;
            server.kill().await;
        };
        tokio::join!(kill, one.write(a), two.write(b), three.write(c), four.write(d));
        server.restart().await;
    }
    for (index, writer) in writers.iter_mut().enumerate() {
        assert!(writer.answered.len() > 50, "{} was answered {}", writer.user, writer.answered.len());
        let mut socket = Socket::sign_in(&server, &writer.user, &format!("device-{index}")).await;
        writer.check(&mut socket).await;
    }
}

#[tokio::test]
async fn a_client_that_resumes_hears_everything_once_across_kills() {
    use causerie_client::{Client, ConnectOptions, Credentials, Draft, Event, NameSignIn, Start};
    use std::sync::Arc;

    let mut server = Server::start().await;
    let url = format!("http://{}", server.addresses().public);
    let options = |user: &str| {
        let credentials = Credentials::Provider(Arc::new(NameSignIn::new(url.clone(), user)));
        let mut options = ConnectOptions::new(url.clone(), credentials, "sdk".parse().unwrap());
        options.start = Start::Beginning;
        options
    };
    let (alice, _heard_by_alice) = Client::connect(options("alice")).await.unwrap();
    let (_bob, mut events) = Client::connect(options("bob")).await.unwrap();
    let mut heard = Vec::new();
    for round in 0..3 {
        let mut sending = Vec::new();
        for number in 0..50 {
            let draft = Draft::text(
                "bob".parse::<causerie_protocol::UserId>().unwrap(),
                &format!("{round} {number}"),
            );
            sending.push(alice.submit(draft).await);
        }
        server.kill().await;
        server.restart().await;
        for sent in sending {
            sent.await.unwrap();
        }
        while heard.len() < (round + 1) * 50 {
            let event =
                tokio::time::timeout(crate::support::PATIENCE, events.recv()).await.expect("an event");
            if let Some(Event::Message(message)) = event {
                heard.push((message.seq.0, message.body.content().unwrap().text.unwrap_or_default()));
            }
        }
    }
    let expected: Vec<_> = (0..150).map(|at| (at as u64 + 1, format!("{} {}", at / 50, at % 50))).collect();
    assert_eq!(heard, expected);
}
