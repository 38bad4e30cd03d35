//! One WebSocket as the generator drives it: bytes in and out, no buffer while idle.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use anyhow::{Context as _, bail};
use causerie_protocol::SUBPROTOCOL;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use crate::wire::{self, Frame};

/// How much is read at a time.
const READ: usize = 64 * 1024;
/// How long opening may take.
const OPENING: Duration = Duration::from_secs(30);

thread_local! {
    /// Shared by all connections of a thread: used between two waits only.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// From where to connect, one after the other; empty: the system decides.
    pub(crate) sources: Vec<IpAddr>,
    /// Whether it keeps what it is told, so that this can be synced; a floor does not.
    pub(crate) keeps: bool,
}

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    /// The beginning of a frame that has not come whole.
    rest: Vec<u8>,
    /// What has not been written.
    out: Vec<u8>,
    closed: Option<u16>,
}

impl Link {
    /// Connects and upgrades. `number` chooses the source address.
    pub(crate) async fn open(target: &Target, number: usize) -> anyhow::Result<Self> {
        let open = async {
            let stream = connect(target, number).await.context("connecting")?;
            let mut link = Self { stream, rest: Vec::new(), out: Vec::new(), closed: None };
            link.upgrade(target.address).await.context("the WebSocket handshake")?;
            anyhow::Ok(link)
        };
        tokio::time::timeout(OPENING, open).await.context("no answer in time")?
    }

    /// The key is fixed and the answer to it is not checked: this is no client for a browser's world.
    async fn upgrade(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let request = format!(
            "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
        );
        self.out.extend_from_slice(request.as_bytes());
        self.flush()?;
        loop {
            self.stream.readable().await?;
            let mut buffer = [0; 1024];
            match self.stream.try_read(&mut buffer) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            if let Some(end) = memchr::memmem::find(&self.rest, b"\r\n\r\n") {
                if !self.rest.starts_with(b"HTTP/1.1 101") {
                    bail!("{}", String::from_utf8_lossy(&self.rest));
                }
                self.rest = self.rest.split_off(end + 4);
                return Ok(());
            }
        }
    }

    /// Appends a text frame to what will be written.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        wire::text(&mut self.out, write);
    }

    /// Appends a close frame.
    pub(crate) fn push_close(&mut self) {
        wire::close(&mut self.out);
    }

    /// Writes what the socket takes; [`receive`](Self::receive) writes the rest.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.try_write(&self.out) {
                Ok(count) if count == self.out.len() => self.out.clear(),
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until something comes and hands over the payloads. May be dropped while it waits.
    ///
    /// # Errors
    /// The connection is over; what came before was handed over.
    pub(crate) async fn receive(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        if self.take_rest(&mut take)? {
            return Ok(());
        }
        self.flush()?;
        poll_fn(|context| self.poll_receive(context, &mut take)).await?;
        if self.closed.is_some() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.flush()
    }

    /// One read, handed over whole. `poll_read`, because after a read that did not fill the buffer it knows that there is
    /// no more; the other ways ask the system a second time.
    fn poll_receive(
        &mut self,
        context: &mut task::Context<'_>,
        take: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        while !self.out.is_empty() && ready!(self.stream.poll_write_ready(context)).is_ok() {
            self.flush()?;
        }
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            Poll::Ready(self.take_bytes(buffer.filled(), take))
        })
    }

    /// The code with which the server closed, if it did.
    pub(crate) fn closed(&self) -> Option<u16> {
        self.closed
    }

    /// What came together with the answer to the handshake.
    fn take_rest(&mut self, take: &mut impl FnMut(&[u8])) -> io::Result<bool> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        let rest = std::mem::take(&mut self.rest);
        let used = feed(&rest, &mut self.out, &mut self.closed, take)?;
        self.rest.extend_from_slice(&rest[used..]);
        Ok(used > 0)
    }

    fn take_bytes(&mut self, bytes: &[u8], take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        if self.rest.is_empty() {
            let used = feed(bytes, &mut self.out, &mut self.closed, take)?;
            self.rest.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        self.rest.extend_from_slice(bytes);
        let used = feed(&self.rest, &mut self.out, &mut self.closed, take)?;
        self.rest.drain(..used);
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
        Ok(())
    }
}

fn feed(
    bytes: &[u8],
    out: &mut Vec<u8>,
    closed: &mut Option<u16>,
    take: &mut impl FnMut(&[u8]),
) -> io::Result<usize> {
    wire::feed(bytes, out, |frame| match frame {
        Frame::Text(payload) => take(payload),
        Frame::Close(code) => *closed = Some(code),
        Frame::Control => {}
    })
}

async fn connect(target: &Target, number: usize) -> io::Result<TcpStream> {
    let socket = if target.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = target.sources.get(number % target.sources.len().max(1)) {
        // The port is chosen when the destination is known, from all that are free towards it.
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
        socket.bind((*source, 0).into())?;
    }
    let stream = socket.connect(target.address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
