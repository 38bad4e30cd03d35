//! A client that costs little: a socket, and a small buffer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::raw::{frame, handshake, opcode};

/// One connection.
pub(super) struct Light(BufReader<TcpStream>);

impl Light {
    /// Connects. Clients of one number in eight share an address, so that all of them together have ports enough.
    pub(super) async fn connect(server: SocketAddr, number: usize) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(8 * 1024)?;
        let of = u8::try_from(number % 8)?;
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1 + of)), 0))?;
        Ok(Self(BufReader::with_capacity(512, socket.connect(server).await?)))
    }

    /// Connects and does the handshake.
    pub(super) async fn open(server: SocketAddr, number: usize) -> Result<Self> {
        let mut light = Self::connect(server, number).await?;
        light.write(handshake(server).as_bytes()).await?;
        let mut line = String::new();
        light.0.read_line(&mut line).await?;
        ensure!(line.starts_with("HTTP/1.1 101"), "no handshake: {line:?}");
        while line.trim_end() != "" {
            line.clear();
            light.0.read_line(&mut line).await?;
        }
        Ok(light)
    }

    /// Connects and says hello; returns once it is welcome.
    pub(super) async fn enter(server: SocketAddr, number: usize, token: &str) -> Result<Self> {
        let mut light = Self::open(server, number).await?;
        light.say(&json!({ "type": "hello", "token": token, "device": "light" })).await?;
        light.next_of("welcome").await?;
        Ok(light)
    }

    /// Writes bytes as they are.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.0.get_mut().write_all(bytes).await?)
    }

    /// Says a frame.
    pub(super) async fn say(&mut self, value: &Value) -> Result<()> {
        self.write(&frame(true, opcode::TEXT, value.to_string().as_bytes())).await
    }

    /// The next frame of this type; what comes before is dropped.
    pub(super) async fn next_of(&mut self, kind: &str) -> Result<Value> {
        loop {
            let value = self.next().await?;
            if value["type"] == kind {
                return Ok(value);
            }
            ensure!(value["type"] != "error" && value["type"] != "goodbye", "{value} instead of {kind}");
        }
    }

    /// Reads until the server has closed; what comes is dropped.
    pub(super) async fn end(mut self) {
        let mut bytes = [0; 512];
        while self.0.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    }

    /// The next text frame; control frames are dropped.
    async fn next(&mut self) -> Result<Value> {
        loop {
            let first = self.0.read_u8().await?;
            let length = match self.0.read_u8().await? {
                126 => u64::from(self.0.read_u16().await?),
                127 => self.0.read_u64().await?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length)?];
            self.0.read_exact(&mut payload).await?;
            if first & 0x0F == opcode::TEXT {
                return serde_json::from_slice(&payload).context("a frame is JSON");
            }
        }
    }
}
