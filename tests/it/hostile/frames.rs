//! Frames that break the rules of the protocol or of WebSocket, and floods of those that do not.

use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use serde_json::json;

use super::{serves, welcomed};
use crate::support::frames::direct;
use crate::support::raw::{Frame, Raw, frame, header, opcode};
use crate::support::server::Server;
use crate::support::socket::{Socket, sign_in};

#[tokio::test]
async fn malformed_frames_are_answered_and_the_connection_lives() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    for (text, code) in [
        ("", "invalid_frame"),
        (" ", "invalid_frame"),
        ("null", "invalid_frame"),
        ("7", "invalid_frame"),
        ("\"ping\"", "invalid_frame"),
        ("[\"ping\"]", "invalid_frame"),
        ("{", "invalid_frame"),
        ("{}", "invalid_frame"),
        ("{\"type\":7}", "invalid_frame"),
        ("{\"type\":null}", "invalid_frame"),
        ("{\"type\":\"ping\"", "invalid_frame"),
        ("{\"type\":\"ping\"}}", "invalid_frame"),
        ("{\"type\":\"ping\"}{\"type\":\"ping\"}", "invalid_frame"),
        ("{\"type\":\"ping\",}", "invalid_frame"),
        ("{'type':'ping'}", "invalid_frame"),
        ("{\"type\":\"ping\",\"type\":\"ping\"}", "invalid_frame"),
        ("{\"type\":\"ping\",\"id\":1,\"id\":2}", "invalid_frame"),
        ("{\"type\":\"ping\",\"id\":1.5}", "invalid_frame"),
        ("{\"type\":\"ping\",\"id\":99999999999999999999}", "invalid_frame"),
        ("{\"type\":\"ping\",\"id\":{}}", "invalid_frame"),
        ("{\"type\":\"sync\"}", "invalid_frame"),
        ("{\"type\":\"sync\",\"conversation\":7,\"after\":0}", "invalid_frame"),
        ("{\"type\":\"sync\",\"conversation\":\"7\",\"after\":0}", "invalid_frame"),
        (
            "{\"type\":\"sync\",\"conversation\":\"00000000-0000-8000-8000-000000000000\",\"after\":-1}",
            "invalid_frame",
        ),
        (
            "{\"type\":\"sync\",\"conversation\":\"00000000-0000-8000-8000-000000000000\",\"after\":1e3}",
            "invalid_frame",
        ),
        (
            "{\"type\":\"send\",\"to\":\"bob\",\"client_message_id\":\"00000000-0000-8000-8000-000000000000\",\"body\":{\"content_type\":\"text/plain\",\"text\":\"\\ud800\"}}",
            "invalid_frame",
        ),
        ("{\"type\":\"block\",\"user\":\"\\u0000\"}", "invalid_frame"),
        ("{\"type\":\"\u{feff}ping\"}", "unknown_type"),
        ("{\"type\":\"Ping\"}", "unknown_type"),
        ("{\"type\":\"welcome\"}", "unknown_type"),
        ("{\"type\":\"\"}", "unknown_type"),
    ] {
        alice.say(text).await;
        let error = alice.next("error").await;
        assert_eq!(
            (error["code"].as_str(), &error["outcome"]),
            (Some(code), &json!("none")),
            "{text}: {error}"
        );
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    }
    // The answer carries the id, where one could be read.
    let error = alice.ask(json!({ "type": "sync", "conversation": 7 })).await;
    assert_eq!(error["code"], "invalid_frame", "{error}");
    // What is unknown beside what is known is ignored.
    alice.done(json!({ "type": "ping", "new": { "deep": [1, 2, { "type": "hello" }] } })).await;
    alice.say(format!("{{\"type\":\"ping\",\"new\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000))).await;
    alice.next("pong").await;
    alice.create(direct("bob")).await;
}

#[tokio::test]
async fn frames_that_break_the_websocket_protocol_close_the_connection() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let ping = b"{\"type\":\"ping\"}";
    let unmasked = [header(true, opcode::TEXT, ping.len() as u64, false), ping.to_vec()].concat();
    let mut reserved = frame(true, opcode::TEXT, ping);
    reserved[0] |= 0x40;
    let nested = [frame(false, opcode::TEXT, b"{"), frame(true, opcode::TEXT, ping)].concat();
    for (what, bytes) in [
        ("binary", frame(true, opcode::BINARY, ping)),
        ("not masked", unmasked),
        ("a reserved bit", reserved),
        ("a reserved opcode", frame(true, 0x3, ping)),
        ("a reserved control opcode", frame(true, 0xB, b"")),
        ("a ping in fragments", frame(false, opcode::PING, b"")),
        ("a ping that is too long", frame(true, opcode::PING, &[0; 126])),
        ("a continuation of nothing", frame(true, opcode::CONTINUATION, ping)),
        ("a message within a message", nested),
        ("not UTF-8", frame(true, opcode::TEXT, b"{\"type\":\"\xff\xfe\"}")),
        ("an overlong encoding", frame(true, opcode::TEXT, b"{\"type\":\"\xc0\xaf\"}")),
        ("a surrogate in UTF-8", frame(true, opcode::TEXT, b"{\"type\":\"\xed\xa0\x80\"}")),
    ] {
        let mut raw = welcomed(&server, &token, "phone").await;
        raw.write(&bytes).await;
        let error = raw.next_of("error").await;
        assert_eq!(error["code"], "invalid_frame", "{what}: {error}");
        assert_eq!(raw.end().await, Some(4009), "{what}");
    }
    serves(&server).await;
}

#[tokio::test]
async fn fragments_make_one_message_however_small_they_are() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let mut raw = welcomed(&server, &token, "phone").await;
    let text = json!({ "type": "ping", "id": "é🦀" }).to_string();
    let (first, rest) = text.as_bytes().split_first().unwrap();
    raw.write(&frame(false, opcode::TEXT, &[*first])).await;
    for byte in rest {
        raw.write(&frame(false, opcode::CONTINUATION, &[])).await;
        raw.write(&frame(false, opcode::CONTINUATION, &[*byte])).await;
        // A ping in between is answered at once.
        raw.write(&frame(true, opcode::PING, &[*byte])).await;
        assert_eq!(raw.next().await, Some(Frame { opcode: opcode::PONG, payload: vec![*byte] }));
    }
    raw.write(&frame(true, opcode::CONTINUATION, &[])).await;
    assert_eq!(raw.next_of("pong").await["id"], "é🦀");
    // One byte at a time on the wire.
    for byte in frame(true, opcode::TEXT, text.as_bytes()) {
        raw.write(&[byte]).await;
    }
    assert_eq!(raw.next_of("pong").await["id"], "é🦀");
}

#[tokio::test]
async fn a_close_is_answered() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    for payload in [&b""[..], b"\x03\xe8", b"\x03\xe8bye", b"\x0f\xa0"] {
        let mut raw = welcomed(&server, &token, "phone").await;
        raw.frame(opcode::CLOSE, payload).await;
        let answer = raw.next().await.expect("a close frame");
        assert_eq!(answer.opcode, opcode::CLOSE, "{answer:?}");
        assert!(raw.next().await.is_none());
    }
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_and_disturbs_nobody() {
    let server = Server::start_with(&["timeouts.lagging_close_s=1"]).await;
    let token = sign_in(&server, "alice").await;
    let mut raw = welcomed(&server, &token, "phone").await;
    let pings: Vec<u8> = (0..5_000).flat_map(|_| frame(true, opcode::PING, &[b'x'; 100])).collect();
    raw.write(&pings).await;
    serves(&server).await;
    for _ in 0..5_000 {
        let pong = raw.next().await.expect("a pong");
        assert_eq!((pong.opcode, pong.payload.len()), (opcode::PONG, 100));
    }
    raw.frame(opcode::TEXT, b"{\"type\":\"ping\",\"id\":1}").await;
    assert_eq!(raw.next_of("pong").await["id"], 1);

    // Whoever does not take the answers is not read, and closed in the end.
    let mut deaf = welcomed(&server, &token, "laptop").await;
    let pings: Vec<u8> = (0..1_000).flat_map(|_| frame(true, opcode::PING, &[b'x'; 125])).collect();
    let mut taken = 0;
    while taken < 300 && deaf.write(&pings).await {
        taken += 1;
    }
    assert!(taken < 300, "40 MB of pings were read although nobody took the answers");
    server.metric_reaches("causerie_connections_closed_total{reason=\"lagging\"}", 1.0).await;
    serves(&server).await;
}

#[tokio::test]
async fn half_open_connections_are_reaped() {
    let settings = ["timeouts.hello_s=2", "timeouts.handshake_s=2"];
    let server = Server::start_with(&settings).await;
    let mut open = Vec::new();
    for number in 0..300 {
        let raw = if number % 2 == 0 {
            Raw::open(&server).await
        } else {
            let mut raw = Raw::connect(server.addresses().public).await;
            raw.write(b"GET /v1/ws HT").await;
            raw
        };
        if number % 3 == 0 {
            raw.reset();
        } else {
            open.push(raw);
        }
    }
    serves(&server).await;
    for mut raw in open {
        while raw.next().await.is_some() {}
    }
    let gone = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(50));
        while server.metric("causerie_connections").await > 0.0 {
            tick.tick().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, gone).await.expect("no connection is left");
}

#[tokio::test]
async fn random_bytes_close_one_connection_and_nothing_else() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let mut random = StdRng::seed_from_u64(20_260_101);
    for number in 0..60 {
        let mut bytes = vec![0; random.random_range(1..4_000)];
        random.fill_bytes(&mut bytes);
        let mut raw = match number % 3 {
            0 => Raw::connect(server.addresses().public).await,
            1 => Raw::open(&server).await,
            _ => welcomed(&server, &token, "phone").await,
        };
        raw.write(&bytes).await;
        raw.reset();
    }
    // Frames that are right outside and random within.
    let mut alice = Socket::sign_in(&server, "alice", "tablet").await;
    let seed =
        json!({ "type": "send", "to": "bob", "client_message_id": "00000000-0000-8000-8000-000000000000",
        "attempt": 0, "after": 0, "body": { "content_type": "text/plain", "text": "Hello" } })
        .to_string();
    for _ in 0..500 {
        let mut characters: Vec<char> = seed.chars().collect();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..characters.len());
            characters[at] =
                ['"', '{', '}', '[', ',', ':', '\\', '0', 'e', '\u{0}', '🦀'][random.random_range(0..11)];
        }
        alice.say(characters.into_iter().collect::<String>()).await;
    }
    alice.settle().await;
    serves(&server).await;
    assert_eq!(server.times_said("panicked"), 0);
}
