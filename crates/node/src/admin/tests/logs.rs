//! What the log says of work for clients: where, and never what.

use super::*;
use crate::config::{LogFormat, Telemetry};
use crate::telemetry::tests::Lines;

/// A token and a text that must be in no line, at any level; and what must be there.
#[tokio::test]
async fn lines_name_connection_and_conversation_and_never_a_token_or_a_text() {
    let (token, text) = ("alice/canary-of-a-token/1700000000", "canary-of-a-text");
    let lines = Lines::default();
    let config = Telemetry { log: "trace".to_owned(), log_format: LogFormat::Json, ..Telemetry::default() };
    let (subscriber, _telemetry) = crate::telemetry::build(&config, lines.clone(), false).unwrap();
    // As long as there is one subscriber only, what a line's place cares for is asked on the thread that comes there
    // first, which may be another test's.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _default = tracing::subscriber::set_default(subscriber);
    let room = Room::new().await;
    let (alice, welcome) = room.client(token, "phone").await;
    let body = json!({ "content_type": "text/plain", "text": text });
    let key = uuid::Uuid::now_v7();
    let send = json!({ "type": "send", "id": 2, "to": "bob", "client_message_id": key, "body": body });
    alice.send(send.to_string()).await.unwrap();
    let sent = frame(&alice).await;
    assert_eq!(sent["type"], "sent");
    room.lines("/admin/users/alice/export").await;
    room.post("/admin/revoke", json!({ "token_id": "canary-of-a-token" })).await;
    assert_eq!(frame(&alice).await["type"], "goodbye");
    while alice.next().await.is_some() {}
    let log = lines.text();
    assert!(!log.contains("canary"), "{log}");
    let number: u64 = welcome["session"].as_str().unwrap().rsplit_once('-').unwrap().1.parse().unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |message: &str| {
        let found = events.iter().find(|event| event["message"] == message);
        found.unwrap_or_else(|| panic!("nothing says `{message}` in\n{log}"))
    };
    assert_eq!(said("connection opened")["connection"], number);
    assert_eq!(
        (&said("signed in")["user"], &said("signed in")["connection"]),
        (&json!("alice"), &json!(number))
    );
    assert_eq!(said("connection ended")["reason"], "revoked");
    let inside = |name: &'static str| {
        move |event: &&Value| event["spans"].as_array().into_iter().flatten().any(|span| span["name"] == name)
    };
    let connection = events.iter().find(inside("connection")).unwrap();
    assert_eq!(connection["span"]["connection"], number, "{connection}");
    let conversation = events.iter().find(inside("conversation")).unwrap();
    assert_eq!(conversation["span"]["conversation"], sent["conversation"], "{conversation}");
    assert!(events.iter().any(|event| event["message"] == "an operator revoked a token"));
}
