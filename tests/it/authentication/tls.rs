//! TLS on the clients' listener.

use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::PATIENCE;
use crate::support::frames::direct;
use crate::support::http;
use crate::support::server::{Folder, Server, Signal};
use crate::support::socket::Socket;

/// A certificate for `localhost`, signed by itself, in the two files of a folder.
fn certificate(folder: &Folder) -> rcgen::Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    folder.write("key.pem", made.signing_key.serialize_pem());
    folder.write("cert.pem", made.cert.pem());
    made.cert
}

/// A connection of a client that trusts only this certificate; `None` when it does not trust what it is shown.
async fn connect(server: &Server, trusted: &rcgen::Certificate) -> Option<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).expect("a certificate");
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.addresses().public).await.expect("the server listens");
    let name = ServerName::try_from("localhost").expect("a name");
    timeout(PATIENCE, TlsConnector::from(Arc::new(client)).connect(name, stream))
        .await
        .expect("no handshake in time")
        .ok()
}

#[tokio::test]
async fn a_certificate_is_served_and_replaced_without_closing_a_connection() {
    let folder = Folder::new();
    let first = certificate(&folder);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let settings =
        [format!("tls.cert_file={}", path("cert.pem")), format!("tls.key_file={}", path("key.pem"))];
    let server = Server::start_in(folder, &settings.each_ref().map(String::as_str)).await;
    let session = {
        let stream = connect(&server, &first).await.expect("the certificate is trusted");
        let body = json!({ "name": "alice" }).to_string();
        let request = format!(
            "POST /v1/session HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        http::over(stream, &request).await.unwrap()
    };
    assert_eq!(session.status, 200, "{}", session.body);
    let session: serde_json::Value = serde_json::from_str(&session.body).unwrap();
    let stream = connect(&server, &first).await.unwrap();
    let mut alice = Socket::over(Box::new(stream), "localhost", &[]).await.unwrap();
    alice.done(json!({ "type": "hello", "token": session["token"], "device": "phone" })).await;
    let conversation = alice.create(direct("bob")).await;

    let second = certificate(server.folder());
    server.signal(Signal::HUP);
    server.says("reloaded", 1).await;
    assert!(connect(&server, &second).await.is_some(), "the new one is shown");
    assert!(connect(&server, &first).await.is_none(), "the old one is not");
    server.folder().write("cert.pem", "broken");
    server.signal(Signal::HUP);
    server.says("the old one stays", 1).await;
    assert!(connect(&server, &second).await.is_some(), "a broken one changes nothing");
    alice.done(crate::support::frames::send(&conversation, "still here")).await;

    // Who does not speak TLS hears nothing.
    let plain = TcpStream::connect(server.addresses().public).await.unwrap();
    let answer = http::over(plain, "GET /v1/info HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.is_err(), "{answer:?}");
}
