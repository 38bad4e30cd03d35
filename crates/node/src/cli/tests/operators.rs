//! The commands for operators against a server's admin listener, over a real socket.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;

use super::{Cli, Command, events, parse, run};
use crate::admin;
use crate::admin::tests::Room;
use crate::shutdown::Phase;

/// A listener, its address, and the task that serves it.
async fn serve(room: &Room) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = admin::run(listener, room.router.clone(), room.shutdown.clone());
    let tracker = tokio_util::task::TaskTracker::new();
    (url, tracker.spawn(server))
}

/// Runs a command that prints, and returns its lines.
async fn command(arguments: &'static [&'static str], url: &str) -> anyhow::Result<Vec<Value>> {
    let url = url.to_owned();
    let printed = spawn_blocking(move || run(&[arguments, &["--admin", &url]].concat())).await.unwrap()?;
    Ok(printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Hands on each piece that a command prints; ends the command when nobody takes them.
struct Pieces(SyncSender<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `causerie events --follow`, as it runs: its pieces, which are lines, and its end.
fn follow(url: &str) -> (Receiver<Vec<u8>>, tokio::task::JoinHandle<anyhow::Result<()>>) {
    let (sender, pieces) = sync_channel(0);
    let Cli { command: Some(Command::Events(args)), .. } =
        parse(&["events", "--follow", "--after", "1", "--admin", url]).unwrap()
    else {
        panic!("not events")
    };
    (pieces, spawn_blocking(move || events::run(&args, &mut Pieces(sender))))
}

async fn next(pieces: Receiver<Vec<u8>>) -> (Value, Receiver<Vec<u8>>) {
    spawn_blocking(move || (serde_json::from_slice(&pieces.recv().unwrap()).unwrap(), pieces)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_commands_do_what_they_say() {
    let room = Room::new().await;
    let (url, server) = serve(&room).await;
    room.send("alice", "bob", "hello").await;
    let (_alice, _) = room.client("alice", "phone").await;
    assert_eq!(command(&["admin", "sessions"], &url).await.unwrap()[0]["user"], "alice");
    let listed = command(&["admin", "conversations", "--user", "alice"], &url).await.unwrap();
    assert_eq!(listed[0]["with"], "bob");
    assert_eq!(command(&["admin", "kick", "--user", "alice"], &url).await.unwrap()[0]["closed"], 1);
    command(&["admin", "revoke", "--token-id", "t"], &url).await.unwrap();
    command(&["admin", "block", "--user", "mallory"], &url).await.unwrap();
    assert_eq!(command(&["admin", "blocked"], &url).await.unwrap()[0]["user"], "mallory");
    command(&["admin", "unblock", "--user", "mallory"], &url).await.unwrap();
    let exported = command(&["admin", "export-user", "alice"], &url).await.unwrap();
    assert_eq!(exported.last().unwrap()["body"]["text"], "hello");
    command(&["admin", "erase-user", "alice", "--yes"], &url).await.unwrap();
    const MISSING: [&str; 3] = ["admin", "conversation", "0e8b5a0c-6b0f-8d2c-9a54-3c1f0d7e9b21"];
    let refusal = command(&MISSING, &url).await.unwrap_err().to_string();
    assert!(refusal.contains("404 Not Found: There is no conversation 0e8b"), "{refusal}");
    assert_eq!(command(&["events"], &url).await.unwrap()[0]["type"], "causerie.message");
    room.phase.send(Phase::Stopping).unwrap();
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followed_events_come_as_they_are_stored_until_the_server_ends() {
    let room = Room::new().await;
    let (url, server) = serve(&room).await;
    room.send("alice", "bob", "1").await;
    room.send("alice", "bob", "2").await;
    let (pieces, command) = follow(&url);
    let (event, pieces) = next(pieces).await;
    assert_eq!(event["position"], "2");
    room.send("alice", "bob", "3").await;
    let (event, pieces) = next(pieces).await;
    assert_eq!((&event["position"], &event["data"]["body"]["text"]), (&"3".into(), &"3".into()));
    room.phase.send(Phase::Stopping).unwrap();
    command.await.unwrap().unwrap();
    drop(pieces);
    server.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_away_frees_its_place() {
    let room = Room::new().await;
    let (url, server) = serve(&room).await;
    room.send("alice", "bob", "1").await;
    room.send("alice", "bob", "2").await;
    let (pieces, command) = follow(&url);
    let (_, pieces) = next(pieces).await;
    drop(pieces);
    // The command notices with the next line, and hangs up; the server notices that.
    room.send("alice", "bob", "3").await;
    let ended = command.await.unwrap();
    assert!(ended.is_err_and(|error| error.to_string().contains("pipe")));
    room.all_streams_ended().await;
    room.phase.send(Phase::Stopping).unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_follower_that_hangs_up_while_nothing_happens_frees_its_place() {
    let room = Room::new().await;
    let (url, server) = serve(&room).await;
    let mut follower = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    follower.write_all(b"GET /events?follow=true HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut status = [0; 15];
    follower.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK", "the head comes before the first event");
    drop(follower);
    room.all_streams_ended().await;
    room.phase.send(Phase::Stopping).unwrap();
    server.await.unwrap();
}
