//! Which web pages may open a connection.

use serde_json::json;

use crate::support::http;
use crate::support::server::{Folder, Server};
use crate::support::socket::Socket;

/// The status of a handshake from this page: 101 when it was accepted.
async fn status(server: &Server, fields: &[(&str, &str)]) -> u16 {
    match Socket::open_with(server, fields).await {
        Ok(_) => 101,
        Err(refused) => refused.status,
    }
}

#[tokio::test]
async fn without_a_list_a_page_must_come_from_this_server() {
    let server = Server::start().await;
    let address = server.addresses().public;
    let port = address.port();
    let own = format!("http://{address}");
    assert_eq!(status(&server, &[]).await, 101, "programs name no origin");
    assert_eq!(status(&server, &[("Origin", &own)]).await, 101);
    for origin in [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1",
        &format!("http://127.0.0.1:{}", port ^ 1),
        &format!("http://127.0.0.1:{port}.evil.example"),
        &format!("http://evil.example#http://127.0.0.1:{port}"),
        &format!("ftp://127.0.0.1:{port}"),
        &format!("http://127.0.0.1:{port}/"),
        &format!("HTTP://127.0.0.1:{port}"),
    ] {
        assert_eq!(status(&server, &[("Origin", origin)]).await, 403, "{origin}");
        let fields = [("Origin", origin)];
        let answer = http::post_with(address, "/v1/session", &json!({ "name": "alice" }), &fields).await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert_eq!(
        status(&server, &[("Origin", &own), ("Origin", "http://evil.example")]).await,
        403,
        "two of them"
    );
}

#[tokio::test]
async fn a_foreign_name_that_leads_here_opens_nothing_while_a_name_is_enough() {
    let server = Server::start().await;
    let address = server.addresses().public;
    for (name, accepted) in [("127.0.0.1", true), ("localhost", true), ("evil.example", false)] {
        let host = format!("{name}:{}", address.port());
        let origin = format!("http://{host}");
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let opened = Socket::over(Box::new(stream), &host, &[("Origin", &origin)]).await;
        assert_eq!(
            opened.err().map_or(101, |refused| refused.status),
            if accepted { 101 } else { 403 },
            "{host}"
        );
    }
}

#[tokio::test]
async fn with_a_list_a_page_must_be_on_it_exactly() {
    let folder = Folder::new();
    let list = r#"public_origins = ["https://chat.example", "http://app.example:8443"]"#;
    folder.write("causerie.toml", format!("[server]\n{list}\n"));
    let server = Server::start_in(folder, &[]).await;
    let own = format!("http://{}", server.addresses().public);
    for (origin, expected) in [
        ("https://chat.example", 101),
        ("http://app.example:8443", 101),
        ("http://chat.example", 403),
        ("https://chat.example:8443", 403),
        ("https://chat.example.evil.example", 403),
        ("https://evilchat.example", 403),
        ("https://sub.chat.example", 403),
        ("https://CHAT.example", 403),
        ("http://app.example", 403),
        ("https://chat.example/", 403),
        ("null", 403),
        (&own, 403),
    ] {
        assert_eq!(status(&server, &[("Origin", origin)]).await, expected, "{origin}");
    }
}
