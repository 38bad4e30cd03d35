//! One HTTP request over a plain connection of its own.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::PATIENCE;

/// A response, whole.
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

/// Gets `path`.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<Response> {
    request(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")).await
}

/// Posts a JSON document to `path`.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &serde_json::Value) -> Result<Response> {
    let body = body.to_string();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n");
    request(address, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
}

/// HTTP/1.0, so that the answer is not chunked and ends with the connection.
async fn request(address: SocketAddr, request: &str) -> Result<Response> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(PATIENCE, exchange).await.context("no answer in time")??;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?.parse()?;
    Ok(Response { status, body: body.to_owned() })
}
