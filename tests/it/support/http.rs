//! One HTTP request over a plain connection of its own.

use std::fmt::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A response, whole.
#[derive(Debug)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

/// Gets `path`.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    exchange(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")).await
}

/// Posts a JSON document to `path`.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &serde_json::Value) -> Response {
    post_with(address, path, body, &[]).await
}

/// The same with more header fields.
pub(crate) async fn post_with(
    address: SocketAddr,
    path: &str,
    body: &serde_json::Value,
    fields: &[(&str, &str)],
) -> Response {
    let body = body.to_string();
    let mut request =
        format!("POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n");
    for (name, value) in fields {
        // Writing to memory does not fail.
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let length = body.len();
    exchange(address, &format!("{request}Content-Length: {length}\r\n\r\n{body}")).await
}

async fn exchange(address: SocketAddr, request: &str) -> Response {
    let answer = async { over(TcpStream::connect(address).await?, request).await };
    let answer = timeout(PATIENCE, answer).await.context("no answer in time").and_then(|answer| answer);
    answer.unwrap_or_else(|error| panic!("{request}: {error:?}"))
}

/// One request over a connection that is open. HTTP/1.0, so that the answer is not chunked and ends with it.
pub(crate) async fn over(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Result<Response> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?.parse()?;
    Ok(Response { status, body: body.to_owned() })
}
