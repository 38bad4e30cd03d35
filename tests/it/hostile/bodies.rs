//! Bodies that are right in their form and strange in their content: kept byte for byte, or refused by name.

use serde_json::json;

use super::{serves, welcomed};
use crate::support::frames::{direct, fresh_id};
use crate::support::raw::{Raw, opcode};
use crate::support::server::Server;
use crate::support::socket::{Socket, sign_in};

/// Sends a body as it stands; returns the answer's bytes.
async fn send(raw: &mut Raw, conversation: &str, body: &str) -> String {
    let id = fresh_id();
    let frame = format!(
        "{{\"type\":\"send\",\"id\":1,\"conversation\":\"{conversation}\",\"client_message_id\":\"{id}\",\"body\":{body}}}"
    );
    raw.frame(opcode::TEXT, frame.as_bytes()).await;
    text(raw).await
}

/// The next text frame as it came.
async fn text(raw: &mut Raw) -> String {
    loop {
        let frame = raw.next().await.expect("the connection lives");
        if frame.opcode == opcode::TEXT {
            return String::from_utf8(frame.payload).expect("text is UTF-8");
        }
    }
}

#[tokio::test]
async fn what_the_protocol_does_not_forbid_comes_back_byte_for_byte() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let token = sign_in(&server, "bob").await;
    let mut bob = welcomed(&server, &token, "laptop").await;
    let more = |more: &str| format!("{{\"content_type\":\"a/b\",\"text\":\"\",{more}}}");
    let bodies = [
        r#"{"text":"\u0000\u202e\u2066\ufeff\ud83e\udd80\/\u00e9","content_type":"text/plain"}"#.to_owned(),
        "{\"text\":\"\u{202e}\u{feff}\u{2028}\u{e000}\u{10ffff}\u{7f}\",\"content_type\":\"text/plain\"}"
            .to_owned(),
        "{ \"content_type\"\t: \"text/plain\" , \"text\" : \"spaces\" }".to_owned(),
        more(r#""number":1e308,"small":-0.0e-999,"long":123456789012345678901234567890.5"#),
        more(r#""twice":1,"twice":[2],"":null,"\u0074wice":3"#),
        more(&format!("\"deep\":{}{}", "[".repeat(31), "]".repeat(31))),
        more(&format!("\"wide\":[{}]", vec!["{}"; 2_000].join(","))),
    ];
    for body in &bodies {
        let sent = send(&mut bob, &conversation, body).await;
        assert!(sent.contains("\"sent\""), "{body}: {sent}");
    }
    for _ in 0..2 {
        let token = sign_in(&server, "alice").await;
        let mut laptop = welcomed(&server, &token, "laptop").await;
        let sync = json!({ "type": "sync", "conversation": conversation, "after": 0 }).to_string();
        laptop.frame(opcode::TEXT, sync.as_bytes()).await;
        let page = text(&mut laptop).await;
        for body in &bodies {
            assert!(page.contains(&format!("\"body\":{body}}}")), "{body} is not in {page}");
        }
        server.kill().await;
        server.restart().await;
    }
}

#[tokio::test]
async fn what_others_could_not_read_is_refused_by_name_and_stored_nowhere() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let token = sign_in(&server, "bob").await;
    let mut bob = welcomed(&server, &token, "laptop").await;
    let more = |more: &str| format!("{{\"content_type\":\"a/b\",\"text\":\"\",\"more\":{more}}}");
    for (body, words) in [
        (more(&format!("{}{}", "[".repeat(32), "]".repeat(32))), "nested deeper than 32 levels"),
        (more(&format!("{}0{}", "{\"a\":".repeat(10_000), "}".repeat(10_000))), "nested deeper"),
        (more(r#""\ud800""#), "surrogate"),
        (more(r#"{"\udc00":0}"#), "surrogate"),
        (more("[1e999]"), "too large for a double"),
        (r#"{"content_type":"a/b","text":"\ud800"}"#.to_owned(), "hex escape"),
        (r#"{"content_type":"a/b","text":"a","text":"b"}"#.to_owned(), "duplicate field"),
        (more("1e"), "invalid number"),
        (more("01"), "invalid number"),
        (more("NaN"), "expected"),
        (more("'x'"), "expected"),
    ] {
        let answer = send(&mut bob, &conversation, &body).await;
        assert!(answer.contains("\"invalid_frame\"") && answer.contains(words), "{body:.100}: {answer}");
    }
    let settings = |json: &str| format!("{{\"type\":\"settings.set\",\"id\":1,\"settings\":{json}}}");
    for (json, words) in [
        (format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32)), "nested deeper than 32 levels"),
        (r#"{"a":"\ud800"}"#.to_owned(), "surrogate"),
    ] {
        bob.frame(opcode::TEXT, settings(&json).as_bytes()).await;
        let answer = text(&mut bob).await;
        assert!(answer.contains("\"invalid_frame\"") && answer.contains(words), "{json}: {answer}");
    }
    assert_eq!(alice.sync_all(&conversation, 0, 100).await.len(), 0);
    serves(&server).await;
}
