//! Handshakes that are not what they should be.

use serde_json::json;

use super::serves;
use crate::support::program;
use crate::support::raw::{Raw, handshake};
use crate::support::server::{Folder, Server};
use crate::support::socket::{Socket, sign_in};

/// The status that a request is answered with; 0 when it is not answered at all.
async fn status(server: &Server, request: &str) -> u16 {
    let mut raw = Raw::connect(server.addresses().public).await;
    raw.write(request.as_bytes()).await;
    raw.status().await
}

#[tokio::test]
async fn only_a_whole_handshake_of_version_13_opens_a_connection() {
    let server = Server::start().await;
    let right = handshake(server.addresses().public);
    assert_eq!(status(&server, &right).await, 101);
    let version = "Sec-WebSocket-Version: 13\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (from, to) in [
        (version, ""),
        (version, "Sec-WebSocket-Version: 0\r\n"),
        (version, "Sec-WebSocket-Version: 8\r\n"),
        (version, "Sec-WebSocket-Version: 12\r\n"),
        (version, "Sec-WebSocket-Version: 14\r\n"),
        (version, "Sec-WebSocket-Version: 130\r\n"),
        (version, "Sec-WebSocket-Version: 8, 13\r\n"),
        (version, "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Version: 13\r\n"),
        (key, ""),
        ("Upgrade: websocket\r\n", ""),
        ("Upgrade: websocket\r\n", "Upgrade: h2c\r\n"),
        ("Connection: Upgrade\r\n", ""),
        ("Connection: Upgrade\r\n", "Connection: close\r\n"),
        ("GET", "POST"),
        ("GET", "CONNECT"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("HTTP/1.1", "HTTP/2.0"),
        ("/v1/ws", "/v1/ws/"),
        ("/v1/ws", "/v1/WS"),
        ("/v1/ws", "//v1/ws"),
        ("/v1/ws", "/v1/%77s"),
        ("/v1/ws", "/v1/../v1/ws"),
        ("\r\n\r\n", "\r\nX: a\r\n b\r\n\r\n"),
        ("\r\n\r\n", "\r\nX: a\u{0}b\r\n\r\n"),
        ("\r\n\r\n", "\r\nno colon\r\n\r\n"),
        // Frames behind the request, before it was answered.
        ("\r\n\r\n", "\r\n\r\n\u{1}\u{0}"),
    ] {
        assert!(right.contains(from), "{from:?}");
        let status = status(&server, &right.replacen(from, to, 1)).await;
        assert_ne!(status, 101, "{to:?} instead of {from:?}");
    }
    serves(&server).await;
}

#[tokio::test]
async fn a_token_in_the_address_is_no_sign_in_whatever_it_is_called() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let right = handshake(server.addresses().public);
    for query in ["token", "access_token", "bearer", "authorization", "jwt", "auth"] {
        let mut raw = Raw::connect(server.addresses().public).await;
        raw.write(right.replacen("/v1/ws", &format!("/v1/ws?{query}={token}"), 1).as_bytes()).await;
        if raw.status().await == 101 {
            raw.frame(crate::support::raw::opcode::TEXT, br#"{"type":"hello","device":"phone"}"#).await;
            assert_eq!(raw.next_of("error").await["code"], "unauthenticated", "{query}");
        }
    }
    // Nor is one in another place of the head.
    for field in [
        format!("Cookie: token={token}"),
        format!("Authorization: Basic {token}"),
        format!("Authorization: {token}"),
        format!("Sec-WebSocket-Protocol: causerie.v1, {token}"),
        format!("X-Authorization: Bearer {token}"),
    ] {
        let (name, value) = field.split_once(": ").unwrap();
        let mut socket = Socket::open_with(&server, &[(name, value)]).await.unwrap();
        let answer = socket.ask(json!({ "type": "hello", "device": "phone" })).await;
        assert_eq!(answer["code"], "unauthenticated", "{field}");
    }
}

#[tokio::test]
async fn an_origin_is_on_the_list_byte_for_byte() {
    let folder = Folder::new();
    folder.write("causerie.toml", "[server]\npublic_origins = [\"https://chat.example\"]\n");
    let server = Server::start_in(folder, &[]).await;
    let opens = async |origin: &[u8]| {
        let mut request = handshake(server.addresses().public).into_bytes();
        request.truncate(request.len() - 2);
        request.extend([b"Origin: ".as_slice(), origin, b"\r\n\r\n"].concat());
        let mut raw = Raw::connect(server.addresses().public).await;
        raw.write(&request).await;
        raw.status().await == 101
    };
    assert!(opens(b"https://chat.example").await);
    for origin in [
        "https://chat.example:443",
        "https://chat.example.",
        "https://chat.example@evil.example",
        "https://user@chat.example",
        "https://chat.example#",
        "https://chat.example?",
        "https://chat.example\t.evil.example",
        "https://chat.example, https://evil.example",
        "https://evil.example, https://chat.example",
        "https://chat.example https://evil.example",
        "HTTPS://chat.example",
        "https://Chat.example",
        "https://ch\u{430}t.example",
        "wss://chat.example",
        "chat.example",
        "https://*",
        "*",
        "null",
    ] {
        assert!(!opens(origin.as_bytes()).await, "{origin}");
    }
    assert!(!opens(b"https://chat.example\xff").await, "not UTF-8");
}

#[tokio::test]
async fn a_list_of_origins_has_no_patterns() {
    for origin in ["*", "https://*.example", "https://*", "null", "chat.example", "https://chat.example/path"]
    {
        let folder = Folder::new();
        let file = folder.write("c.toml", format!("[server]\npublic_origins = [\"{origin}\"]\n"));
        let refused = program::run(&["check-config", &file.display().to_string()]).await;
        assert!(!refused.status.success(), "{origin}: {refused:?}");
        assert!(refused.stderr.contains("public_origins"), "{origin}: {}", refused.stderr);
    }
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_has_no_more_time_than_any_other() {
    let server = Server::start_with(&["timeouts.handshake_s=1"]).await;
    let endless = format!("GET /v1/ws HTTP/1.1\r\nX: {}", "x".repeat(10_000));
    let mut raw = Raw::connect(server.addresses().public).await;
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
    let mut said = 0;
    for byte in endless.as_bytes() {
        if !raw.write(&[*byte]).await {
            break;
        }
        said += 1;
        tick.tick().await;
    }
    assert!(said < 1_000, "{said} bytes were taken in 20 s");
    server.metric_reaches("causerie_handshakes_failed_total{step=\"timeout\"}", 1.0).await;
    serves(&server).await;
}
