//! A transport that behaves as a socket does: many frames arrive at once, and it wakes once for each arrival.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use causerie_actors::{Incoming, Transport, TransportEnd};
use causerie_protocol::frame::CloseCode;
use causerie_protocol::wire;
use parking_lot::Mutex;
use serde_json::Value;

/// Frames that are read at once, at most.
const READ: usize = 512;

#[derive(Default)]
struct Socket {
    arrived: VecDeque<String>,
    reader: Option<Waker>,
    /// Taken, and held back until somebody lets it go.
    held: Vec<Value>,
    stalled: bool,
    writer: Option<Waker>,
    written: Vec<Value>,
    closed: Option<CloseCode>,
    after_close: usize,
}

/// Both sides of the socket.
#[derive(Clone, Default)]
pub(crate) struct Burst(Arc<Mutex<Socket>>);

impl Burst {
    /// All these frames arrive together.
    pub(crate) fn arrive(&self, frames: impl IntoIterator<Item = Value>) {
        let reader = {
            let mut socket = self.0.lock();
            socket.arrived.extend(frames.into_iter().map(|frame| frame.to_string()));
            socket.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
    }

    /// From now on everything is taken and nothing gets out, until `stall(false)`: as TLS does when its socket is full.
    pub(crate) fn stall(&self, stalled: bool) {
        let writer = {
            let mut socket = self.0.lock();
            socket.stalled = stalled;
            socket.writer.take()
        };
        writer.into_iter().for_each(Waker::wake);
    }

    /// How many frames of this type were taken and are held back.
    pub(crate) fn held(&self, kind: &str) -> usize {
        self.0.lock().held.iter().filter(|frame| frame["type"] == kind).count()
    }

    /// How many frames of this type were written.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.0.lock().written.iter().filter(|frame| frame["type"] == kind).count()
    }

    /// All that was written.
    pub(crate) fn written(&self) -> Vec<Value> {
        self.0.lock().written.clone()
    }

    /// Why it was closed, and how many frames were written after the close.
    pub(crate) fn closed(&self) -> (Option<CloseCode>, usize) {
        let socket = self.0.lock();
        (socket.closed, socket.after_close)
    }
}

impl Transport for Burst {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
        _: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportEnd>> {
        let arrived = {
            let mut socket = self.0.lock();
            if socket.arrived.is_empty() {
                socket.reader = Some(context.waker().clone());
                return Poll::Pending;
            }
            let length = socket.arrived.len().min(READ);
            socket.arrived.drain(..length).collect::<Vec<_>>()
        };
        arrived.iter().for_each(|frame| take(Incoming::Text(frame)));
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<io::Result<()>> {
        let frames: Vec<Value> =
            wire::payloads(out).map(|json| serde_json::from_str(json).unwrap()).collect();
        let mut socket = self.0.lock();
        if socket.closed.is_some() {
            socket.after_close += frames.iter().filter(|frame| frame["type"] != "goodbye").count();
        }
        socket.held.extend(frames);
        *out = Vec::new();
        if socket.stalled {
            socket.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let held = std::mem::take(&mut socket.held);
        socket.written.extend(held);
        Poll::Ready(Ok(()))
    }

    fn write_close(&mut self, code: CloseCode, _: &str, _: &mut Vec<u8>) {
        self.0.lock().closed = Some(code);
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn peer(&self) -> String {
        "in the test".to_owned()
    }
}
