//! A transport inside the process: for bots, tests, and embedders whose frames come by another way.
//!
//! Both directions are bounded. What the server writes waits until the other side takes it, so a side that does not read
//! lags exactly as a slow socket does.

use std::io;
use std::task::{Context, Poll};

use causerie_protocol::frame::CloseCode;
use causerie_protocol::wire;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::mpsc;

use super::transport::{Incoming, Transport, TransportEnd};

/// Frames that wait in each direction.
const FRAMES: usize = 256;

/// The server's side.
#[derive(Debug)]
pub struct ChannelTransport {
    up: mpsc::Receiver<String>,
    down: Arc<Down>,
}

/// The client's side.
#[derive(Debug)]
pub struct ChannelClient {
    up: Option<mpsc::Sender<String>>,
    down: Arc<Down>,
}

#[derive(Debug, Default)]
struct Down {
    queue: Mutex<Queue>,
    room: AtomicWaker,
    frames: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<String>,
    closed: Option<CloseCode>,
    ended: bool,
    abandoned: bool,
}

/// Two ends of one connection.
pub fn channel() -> (ChannelTransport, ChannelClient) {
    let (up, receiver) = mpsc::channel(FRAMES);
    let down = Arc::new(Down::default());
    (ChannelTransport { up: receiver, down: Arc::clone(&down) }, ChannelClient { up: Some(up), down })
}

impl ChannelClient {
    /// Says a frame as JSON; waits while the server does not read.
    ///
    /// # Errors
    /// Gives the frame back when the server has ended.
    pub async fn send(&self, frame: impl Into<String>) -> Result<(), String> {
        let frame = frame.into();
        match &self.up {
            Some(up) => up.send(frame).await.map_err(|error| error.0),
            None => Err(frame),
        }
    }

    /// The next frame as JSON; `None` after the last one. Nothing is lost when this is given up in the middle.
    pub async fn next(&self) -> Option<String> {
        loop {
            let notified = self.down.frames.notified();
            {
                let mut queue = self.down.queue.lock();
                if let Some(frame) = queue.frames.pop_front() {
                    self.down.room.wake();
                    return Some(frame);
                }
                if queue.ended {
                    return None;
                }
            }
            notified.await;
        }
    }

    /// Why the server closed, once it has.
    pub fn close_code(&self) -> Option<CloseCode> {
        self.down.queue.lock().closed
    }

    /// Says nothing more: the server sees an orderly end.
    pub fn close(&mut self) {
        self.up = None;
    }
}

impl Drop for ChannelClient {
    fn drop(&mut self) {
        self.down.queue.lock().abandoned = true;
        self.down.room.wake();
    }
}

impl Drop for ChannelTransport {
    fn drop(&mut self) {
        self.down.queue.lock().ended = true;
        self.down.frames.notify_waiters();
        self.down.frames.notify_one();
    }
}

impl Transport for ChannelTransport {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
        _: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportEnd>> {
        match self.up.poll_recv(context) {
            Poll::Ready(Some(frame)) => {
                take(Incoming::Text(&frame));
                Poll::Ready(Ok(()))
            }
            Poll::Ready(None) => Poll::Ready(Err(TransportEnd::Closed)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<io::Result<()>> {
        self.down.room.register(context.waker());
        let mut queue = self.down.queue.lock();
        if queue.abandoned {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if queue.frames.len() >= FRAMES {
            return Poll::Pending;
        }
        queue.frames.extend(wire::payloads(out).map(str::to_owned));
        *out = Vec::new();
        self.down.frames.notify_one();
        Poll::Ready(Ok(()))
    }

    fn write_close(&mut self, code: CloseCode, _: &str, _: &mut Vec<u8>) {
        self.down.queue.lock().closed = Some(code);
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn peer(&self) -> String {
        "in process".to_owned()
    }
}
