//! An echo behind the gateway's own request head, handshake and codec, for the Autobahn suite to attack.
//!
//! The suite wants back what it says, and the gateway's clients do not: so what is between the socket and the frames is
//! the gateway's, and what is done with a message is not. Frames are as large as the suite's largest, binary messages are
//! echoed too, and what breaks the protocol is told with the protocol's own codes. `cargo xtask test --only autobahn` installs the suite, names it by variables, and judges its report;
//! without them there is nothing to do here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use causerie_actors::TransportEnd;
use causerie_protocol::{SystemClock, wire};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::Origins;
use super::handshake::Handshake;
use super::head;
use super::prefixed::Prefixed;
use super::websocket::{FrameLimits, WebSocketTransport, Wire};
use crate::auth::{Authority, SignIn};
use crate::config::Config;
use crate::reload::Reloader;
use crate::telemetry;

/// Name the Python that has the suite, and the folder for its report.
const PYTHON: &str = "CAUSERIE_AUTOBAHN_PYTHON";
const REPORT: &str = "CAUSERIE_AUTOBAHN_REPORT";
/// The suite's largest messages have 16 MiB.
const LARGEST: usize = 16 << 20;

#[tokio::test]
async fn the_codec_stands_the_autobahn_suite() {
    let (Some(python), Some(report)) = (std::env::var_os(PYTHON), std::env::var_os(REPORT)) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let spec = write_spec(&PathBuf::from(report), listener.local_addr().unwrap());
    let origins = Arc::new(origins());
    let mut suite = Command::new(python);
    suite.args(["-m", "autobahntestsuite.wstest", "--mode", "fuzzingclient", "--spec"]).arg(spec);
    let suite = tokio::task::spawn_blocking(move || suite.status());
    tokio::pin!(suite);
    let mut echoes = JoinSet::new();
    let status = loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                let origins = Arc::clone(&origins);
                echoes.spawn(async move { echo(stream, &origins).await });
            }
            // A connection that the suite breaks ends with an error; what that means is the suite's to say.
            Some(ended) = echoes.join_next() => drop(ended.unwrap()),
            status = &mut suite => break status.unwrap().unwrap(),
        }
    };
    assert!(status.success(), "the suite's client ended with {status}");
}

/// Which cases are run against what: all but those of compression, which the gateway does not offer.
fn write_spec(report: &Path, address: SocketAddr) -> PathBuf {
    let spec = json!({
        "outdir": report,
        "servers": [{ "agent": "causerie", "url": format!("ws://{address}/v1/ws"), "options": { "version": 18 } }],
        "cases": ["*"],
        "exclude-cases": ["12.*", "13.*"],
        "exclude-agent-cases": {},
    });
    let path = report.join("spec.json");
    std::fs::write(&path, spec.to_string()).unwrap();
    path
}

/// The page's rules as they are without a configuration; the suite is no page and names no origin.
fn origins() -> Origins {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.store.data_dir = folder.path().to_owned();
    let authority = Arc::new(Authority::open(&config, Arc::new(SystemClock::default())).unwrap());
    let (_, telemetry) = telemetry::build(&config.telemetry, std::io::sink, false).unwrap();
    let reloader = Reloader::new(config, authority, None, Arc::new(telemetry));
    Origins::new(Arc::new(reloader), SignIn::Token)
}

async fn echo(mut stream: TcpStream, origins: &Origins) -> std::io::Result<()> {
    let address = stream.peer_addr()?;
    let head = head::read(&mut stream).await?;
    assert!(head.is_websocket());
    let handshake = Handshake { origins, token: &mut None };
    let stream = Prefixed::new(head.bytes, stream);
    let socket =
        tokio_tungstenite::accept_hdr_async(stream, handshake).await.map_err(std::io::Error::other)?;
    let (_, mut stream) = socket.into_inner().into_parts();
    let limits = FrameLimits { unauthenticated: LARGEST, authenticated: LARGEST };
    let mut transport = WebSocketTransport::new(tokio::io::empty(), limits, address);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let mut out = Vec::new();
        let end = say_again(&mut transport, &buffer[..read], &mut out);
        stream.write_all(&out).await?;
        if end.is_some() {
            stream.shutdown().await?;
            // As the gateway does: to the end, so that the close frame is not lost to a reset.
            while stream.read(&mut buffer).await? > 0 {}
            return Ok(());
        }
    }
}

/// Takes in bytes and writes what is to be answered; returns the end, if this is it.
fn say_again(
    transport: &mut WebSocketTransport<tokio::io::Empty>,
    mut input: &[u8],
    out: &mut Vec<u8>,
) -> Option<TransportEnd> {
    loop {
        let mut wire = Wire { input, output: out };
        let next = transport.next(&mut wire);
        input = wire.input;
        match next {
            Ok(Some(Message::Text(text))) => frame(out, TEXT, text.as_bytes()),
            Ok(Some(Message::Binary(bytes))) => frame(out, BINARY, &bytes),
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(end) => {
                if let Some(code) = close_code(&end) {
                    transport.close(code, "protocol violation", out);
                }
                return Some(end);
            }
        }
    }
}

/// What the suite wants to hear at which end. A chat client hears 4009 for all of them: it tells it to stay away.
fn close_code(end: &TransportEnd) -> Option<u16> {
    match end {
        TransportEnd::Violation(why) if why.contains("UTF-8") => Some(1007),
        TransportEnd::Violation(_) => Some(1002),
        TransportEnd::TooLarge { .. } => Some(1009),
        TransportEnd::Closed | TransportEnd::Broken(_) => None,
    }
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// A whole frame as the gateway writes it, but for the first byte of a binary one.
fn frame(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    let start = out.len();
    wire::frame(out, |out| out.extend_from_slice(payload));
    out[start] = first;
}
