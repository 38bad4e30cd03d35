//! Canaries: secrets, tokens and texts that go everywhere, and must be found in no line, metric or message of an error.
//!
//! Every one contains [`CANARY`], or is a token of which no part may be found.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::frames::{direct, fresh_id, send};
use crate::support::http::{self, Response};
use crate::support::keys::{Pair, in_seconds};
use crate::support::program;
use crate::support::raw::{Raw, frame, handshake, opcode};
use crate::support::server::{Folder, Server, Signal};
use crate::support::socket::Socket;

const CANARY: &str = "canary";
const SIGNING: &str = "canary-of-the-signing-secret-0123456789";
const ADMIN: &str = "canary-of-the-admin-token";
const HOUR: Duration = Duration::from_hours(1);

/// A server whose secrets are canaries and that says everything it can say.
async fn server(format: &str) -> Server {
    let folder = Folder::new();
    let settings = [
        format!("auth.hmac_secret_file={}", folder.write("secret", SIGNING).display()),
        format!("admin.token_file={}", folder.write("admin", ADMIN).display()),
        "telemetry.log=trace".to_owned(),
        format!("telemetry.log_format={format}"),
        "limits.body_bytes=1000".to_owned(),
    ];
    Server::start_in(folder, &settings.each_ref().map(String::as_str)).await
}

/// A request to the operators' listener with a token.
async fn admin(server: &Server, request: &str, token: &str, body: &str) -> Response {
    let stream = TcpStream::connect(server.addresses().admin).await.expect("the server listens");
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    http::over(stream, &head).await.expect("an answer")
}

/// The parts of a token that say something: its claims and its signature, as they stand in it.
fn parts(token: &str) -> Vec<String> {
    token.split('.').skip(1).map(str::to_owned).collect()
}

/// Signs in rightly and wrongly, in every place where a token can stand; returns the tokens.
async fn sign_in_in_all_ways(server: &Server, secret: &Pair) -> Vec<String> {
    let good = secret.token("", "alice", HOUR);
    let expired = secret.sign("", &json!({ "sub": "alice", "exp": in_seconds(HOUR) - 7200.0 }));
    let forged = Pair::Secret(b"canary-of-another-secret-0123456789".to_vec()).token("", "alice", HOUR);
    let tokens = [good, expired, forged];
    let header = format!("{CANARY}-of-a-header");
    let others = [format!("{CANARY}-of-a-bad-token"), format!("a.{CANARY}.b"), format!("{header}.e30.e30")];
    for token in tokens.iter().chain(&others) {
        let (mut socket, answer) = Socket::hello(server, token, "phone").await;
        if answer["type"] == "welcome" {
            socket.ask(json!({ "type": "refresh", "token": token })).await;
            socket.ask(json!({ "type": "refresh", "token": others[0] })).await;
        }
        let bearer = format!("Bearer {token}");
        let mut socket = Socket::open_with(server, &[("Authorization", &bearer), ("Cookie", token)])
            .await
            .expect("a handshake");
        socket.ask(json!({ "type": "hello", "device": "laptop" })).await;
        let address = server.addresses().public;
        let mut raw = Raw::connect(address).await;
        raw.write(handshake(address).replacen("/v1/ws", &format!("/v1/ws?token={token}"), 1).as_bytes())
            .await;
        raw.status().await;
        http::get(address, &format!("/v1/info?token={token}")).await;
        http::get(address, &format!("/{token}")).await;
        http::post_with(address, "/v1/session", &json!({ "name": token }), &[("Authorization", &bearer)])
            .await;
        for path in ["/metrics", "/admin/sessions", "/events", "/nothing"] {
            assert_ne!(admin(server, &format!("GET {path}?token={token}"), token, "").await.status, 200);
        }
    }
    tokens.into()
}

/// Bodies and settings that are stored, and all kinds that are not.
async fn write_in_all_ways(server: &Server, token: &str) {
    let (mut alice, _) = Socket::hello(server, token, "tablet").await;
    let conversation = alice.create(direct("bob")).await;
    let text = format!("{CANARY}-of-a-text");
    alice.done(send(&conversation, &text)).await;
    let key = fresh_id();
    let with = |body: Value| json!({ "type": "send", "to": "bob", "client_message_id": key, "body": body });
    let data = STANDARD.encode(&text);
    for body in [
        json!({ "content_type": "a/b", "data": data, "more": { "of": text } }),
        json!({ "content_type": "a/b", "text": text }),
        json!({ "content_type": "a/b", "text": text.repeat(100) }),
        json!({ "content_type": text, "data": text }),
        json!({ "content_type": [text], "text": text }),
        json!(text),
    ] {
        alice.ask(with(body)).await;
    }
    alice.ask(json!({ "type": "settings.set", "settings": { "draft": text } })).await;
    alice.ask(json!({ "type": "settings.set", "settings": text })).await;
    alice.ask(json!({ "type": text, "body": text })).await;
    alice.ask(json!({ "type": "sync", "conversation": text })).await;
    alice.say(format!("{{\"type\":\"send\",\"body\":{{\"text\":\"{text}\"")).await;
    alice.say(text.clone()).await;
    alice.sync_all(&conversation, 0, 10).await;
    alice.done(json!({ "type": "settings.get" })).await;
    let garbage =
        [format!("{CANARY} of garbage"), format!("GET /{CANARY} HTTP/9\r\n\r\n"), "\u{16}".to_owned()];
    for garbage in garbage {
        let mut raw = Raw::connect(server.addresses().public).await;
        raw.write(garbage.as_bytes()).await;
        raw.reset();
    }
    for broken in [
        frame(true, opcode::BINARY, text.as_bytes()),
        frame(true, opcode::TEXT, &[text.as_bytes(), b"\xff"].concat()),
        frame(true, opcode::CLOSE, &[b"\x03\xe8", text.as_bytes()].concat()),
        frame(true, 0x7, text.as_bytes()),
    ] {
        let mut raw = super::welcomed(server, token, "raw").await;
        raw.write(&broken).await;
        raw.end().await;
    }
    let export = admin(server, "GET /admin/users/alice/export", ADMIN, "").await;
    assert!(export.body.contains(&text), "an export holds the texts, the log does not: {}", export.body);
    admin(server, "POST /admin/revoke", ADMIN, &format!("{{\"{CANARY}\":\"{CANARY}\"}}")).await;
    admin(server, "POST /admin/kick", ADMIN, CANARY).await;
    admin(server, "POST /admin/revoke", ADMIN, r#"{"user":"alice"}"#).await;
    alice.end().await;
}

#[tokio::test]
async fn no_line_and_no_metric_shows_a_secret_a_token_or_a_text() {
    for format in ["text", "json"] {
        let mut server = server(format).await;
        let secret = Pair::Secret(SIGNING.as_bytes().to_vec());
        let tokens = sign_in_in_all_ways(&server, &secret).await;
        write_in_all_ways(&server, &tokens[0]).await;
        server.folder().write("secret", format!("{CANARY}-too-short"));
        server.signal(Signal::HUP);
        server.says("the old ones stay", 1).await;
        let metrics = admin(&server, "GET /metrics", ADMIN, "").await;
        assert_eq!(metrics.status, 200);
        assert!(metrics.body.contains("causerie_connections"), "{}", metrics.body);
        let sessions = admin(&server, "GET /admin/sessions", ADMIN, "").await;
        server.terminate().await;
        let lines = server.lines();
        for needed in ["TRACE", "DEBUG", "INFO", "signed in", "connection ended"] {
            assert!(lines.iter().any(|line| line.contains(needed)), "{needed}: it says everything it can");
        }
        let canaries: Vec<String> = tokens.iter().flat_map(|token| parts(token)).collect();
        let shown = lines.iter().chain([&metrics.body, &sessions.body]).flat_map(|text| text.lines());
        for line in shown {
            // Addresses and users may be shown: one sign-in above is by a name that is a token, and is refused.
            let found = canaries.iter().find(|part| line.contains(part.as_str()));
            assert!(!line.contains(CANARY) && found.is_none(), "{line}");
        }
    }
}

#[tokio::test]
async fn no_error_of_a_command_repeats_a_secret() {
    let server = Server::start().await;
    let folder = Folder::new();
    let data = folder.data().display().to_string();
    let url = format!("http://{}", server.addresses().public);
    let short = folder.write("short", format!("{CANARY}-short")).display().to_string();
    let toml = |name: &str, content: &str| folder.write(name, content).display().to_string();
    let wrong_type = toml("a.toml", "[auth]\nhmac_secret = [\"canary\"]\n");
    let unquoted = toml("b.toml", "[auth]\nhmac_secret = canary\n");
    let unknown = toml("c.toml", "[auth]\nhmac_sekret = \"canary\"\n");
    let too_short = toml("d.toml", "[auth]\nhmac_secret = \"canary\"\n[admin]\ntoken = \"canary\"\n");
    let elsewhere = toml("e.toml", "hmac_secret = \"canary\"\n");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let serve =
        |name: &str, value: &str| words(&["serve", "--data", &data, "--listen", "127.0.0.1:0", name, value]);
    for arguments in [
        serve("--set", "auth.hmac_secret=canary"),
        serve("--set", "auth.hmac_sekret=canary"),
        serve("--set", "admin.token=canary"),
        serve("--set", "canary"),
        serve("--config", &wrong_type),
        serve("--config", &unquoted),
        serve("--config", &unknown),
        serve("--config", &too_short),
        serve("--config", &elsewhere),
        words(&["check-config", &wrong_type]),
        words(&["check-config", &too_short]),
        words(&["token", "--user", "alice", "--config", &too_short]),
        words(&["send", "--server", &url, "--token", "canary.canary.canary", "--to", "bob", "Hello"]),
        words(&["send", "--server", "http://127.0.0.1:1", "--token", "canary", "--to", "bob", "Hello"]),
        words(&["admin", "sessions", "--admin", "http://127.0.0.1:1", "--admin-token-file", &short]),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = program::run(&arguments).await;
        assert!(!ended.status.success(), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?} says why");
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(CANARY), "{arguments:?}: {ended:?}");
    }
}
