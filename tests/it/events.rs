//! The event log: every stored message and receipt, for other programs, from where they were.

use serde_json::{Value, json};

use crate::support::frames::{group, of, send, seqs};
use crate::support::program::{self, Following};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// What there is after a position, as the command prints it.
async fn events(server: &Server, after: Option<&str>) -> Vec<Value> {
    let url = server.admin_url();
    let mut arguments = vec!["events", "--admin", &url];
    arguments.extend(after.into_iter().flat_map(|after| ["--after", after]));
    let printed = program::run(&arguments).await;
    assert!(printed.status.success(), "{printed:?}");
    printed.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn position(event: &Value) -> &str {
    event["position"].as_str().unwrap_or_else(|| panic!("{event} has no position"))
}

/// Sends messages and tells of one that was read; returns the conversation.
async fn talk(server: &Server) -> String {
    let mut alice = Socket::sign_in(server, "alice", "phone").await;
    let mut bob = Socket::sign_in(server, "bob", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;
    let frames = (0..10).map(|number| send(&team, &number.to_string())).collect();
    alice.pipeline(frames, 10).await;
    bob.tell(&of("read", &team, &json!({ "seq": 5 }))).await;
    alice.next("receipt").await;
    team
}

#[tokio::test]
async fn every_message_and_receipt_is_an_event_in_order() {
    let mut server = Server::start().await;
    let team = talk(&server).await;
    for _ in 0..2 {
        let all = events(&server, None).await;
        for event in &all {
            assert_eq!((&event["specversion"], &event["subject"]), (&json!("1.0"), &json!(team)), "{event}");
            assert!(event["id"].is_string() && event["source"].is_string(), "{event}");
        }
        let of_type = |kind: &str| {
            all.iter().filter(|it| it["type"] == kind).map(|it| it["data"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(seqs(&of_type("causerie.membership")), [1]);
        assert_eq!(seqs(&of_type("causerie.message")), (2..=11).collect::<Vec<u64>>());
        let receipts = of_type("causerie.receipt");
        assert_eq!((&receipts[0]["user"], &receipts[0]["read"]), (&json!("bob"), &json!(5)), "{receipts:?}");
        let positions: Vec<u64> = all.iter().map(|event| position(event).parse().unwrap()).collect();
        assert!(positions.is_sorted_by(|one, next| one < next), "{positions:?}");
        server.kill().await;
        server.restart().await;
    }
}

#[tokio::test]
async fn a_reader_goes_on_after_the_position_that_it_kept() {
    let mut server = Server::start().await;
    talk(&server).await;
    let all = events(&server, None).await;
    for (index, event) in all.iter().enumerate() {
        let rest = events(&server, Some(position(event))).await;
        assert_eq!(rest, all[index + 1..], "after {}", position(event));
    }
    server.kill().await;
    server.restart().await;
    assert_eq!(events(&server, Some(position(&all[3]))).await, all[4..], "positions outlive a kill");
    let nonsense = program::run(&["events", "--admin", &server.admin_url(), "--after", "yesterday"]).await;
    assert!(!nonsense.status.success(), "{nonsense:?}");
}

#[tokio::test]
async fn a_follower_is_told_what_comes() {
    let server = Server::start().await;
    let url = server.admin_url();
    let mut follower = Following::start(&["events", "--follow", "--admin", &url]);
    talk(&server).await;
    let mut heard = Vec::new();
    while heard.len() < 12 {
        heard.push(serde_json::from_str::<Value>(&follower.line().await).unwrap());
    }
    assert_eq!(heard, events(&server, None).await);
    let last = position(&heard[11]).to_owned();
    let mut later = Following::start(&["events", "--follow", "--after", &last, "--admin", &url]);
    talk(&server).await;
    let next: Value = serde_json::from_str(&later.line().await).unwrap();
    assert_eq!(next["type"], "causerie.membership", "the next group: {next}");
}
