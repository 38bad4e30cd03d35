//! The commands that people and scripts use: `token`, `send`, `tail`, `export`, `chat`.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::support::frames::{fresh_id, seqs, texts};
use crate::support::program::{self, Finished, Following};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// Runs a client command against a server.
async fn run(server: &Server, arguments: &[&str]) -> Finished {
    let url = format!("http://{}", server.addresses().public);
    let finished = program::run(&[arguments, &["--server", &url]].concat()).await;
    assert!(finished.status.success(), "{arguments:?}: {finished:?}");
    finished
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[tokio::test]
async fn what_is_sent_from_a_script_is_read_by_another() {
    let server = Server::start().await;
    let id = fresh_id();
    for _ in 0..2 {
        let sent = run(&server, &["send", "--as", "alice", "--to", "bob", "--id", &id, "Hello"]).await;
        assert_eq!(json_lines(&sent.stdout)[0]["seq"], 1, "the same id is sent once: {sent:?}");
    }
    run(&server, &["send", "--as", "alice", "--to", "bob", "How are you?"]).await;
    let read = run(&server, &["tail", "--as", "bob", "--with", "alice", "--from", "1", "--count", "2"]).await;
    let read = json_lines(&read.stdout);
    assert_eq!((seqs(&read), texts(&read)), (vec![1, 2], vec!["Hello", "How are you?"]));
    let export = json_lines(&run(&server, &["export", "--as", "bob"]).await.stdout);
    assert_eq!(export[0]["type"], "conversation", "{export:?}");
    assert_eq!(texts(&export[1..]), ["Hello", "How are you?"]);
}

#[tokio::test]
async fn a_tail_goes_on_over_a_restart() {
    let mut server = Server::start().await;
    let url = format!("http://{}", server.addresses().public);
    run(&server, &["send", "--as", "alice", "--to", "bob", "one"]).await;
    let mut tail =
        Following::start(&["tail", "--as", "bob", "--with", "alice", "--from", "1", "--server", &url]);
    assert_eq!(texts(&json_lines(&tail.line().await)), ["one"]);
    server.kill().await;
    server.restart().await;
    run(&server, &["send", "--as", "alice", "--to", "bob", "two"]).await;
    assert_eq!(texts(&json_lines(&tail.line().await)), ["two"]);
}

#[tokio::test]
async fn a_token_of_the_command_opens_the_door() {
    let server = Server::start().await;
    let data = server.folder().data().display().to_string();
    let token = program::run(&["token", "--user", "ci-bot", "--for", "15m", "--data", &data]).await;
    assert!(token.status.success(), "{token:?}");
    let (_, welcome) = Socket::hello(&server, token.stdout.trim(), "phone").await;
    assert_eq!(welcome["user"], "ci-bot", "{welcome}");
    let nowhere = server.folder().path().join("nowhere").display().to_string();
    let none = program::run(&["token", "--user", "ci-bot", "--data", &nowhere]).await;
    assert!(!none.status.success() && none.stderr.contains("no secret to sign with"), "{none:?}");
}

#[tokio::test]
async fn two_people_chat_in_their_terminals() {
    let server = Server::start().await;
    let url = format!("http://{}", server.addresses().public);
    let chat = |user: &str, with: &str| {
        let mut command = program::command();
        command.args(["chat", "--as", user, "--with", with, "--server", &url]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("the program starts")
    };
    let mut alice = chat("alice", "bob");
    let mut bob = chat("bob", "alice");
    let mut heard = Vec::new();
    for (speaker, listener, words) in [(0, 1, "Hello, Bob"), (1, 0, "Hello, Alice")] {
        let people = [&mut alice, &mut bob];
        let line = format!("{words}\n");
        let stdin = people[speaker].stdin.as_mut().expect("it is piped");
        stdin.write_all(line.as_bytes()).await.expect("it listens");
        let stdout = people[listener].stdout.take().expect("it is piped");
        let mut lines = Following::of(stdout);
        while !lines.line().await.contains(words) {}
        heard.push(lines);
    }
    let mut reader = Socket::sign_in(&server, "alice", "laptop").await;
    let page = reader.done(json!({ "type": "conversations" })).await;
    assert_eq!(page["items"][0]["last"]["body"]["text"], "Hello, Alice", "{page}");
}
