//! Reading and writing: what is there, in one go, and never more than may wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use causerie_cluster::directory::Leave;

use super::actor::{Flow, State, env};
use super::effect::Effect;
use super::input::Input;
use super::transport::{Incoming, TransportEnd};

/// Bytes that are written in one go.
const WRITE: usize = 64 * 1024;
/// How long the end of a connection may take.
const LINGER: Duration = Duration::from_secs(5);

impl State {
    /// Reads once; returns whether there may be more.
    pub(super) fn read(&mut self, effects: &mut Vec<Effect>) -> bool {
        while self.core.wants_more(&self.node.settings) {
            let Some(frame) = self.backlog.pop_front() else { break };
            self.feed(Input::Frame(&frame), effects);
        }
        if !self.may_read() || !self.backlog.is_empty() {
            return false;
        }
        self.backlog = VecDeque::new();
        let waker = self.handle.waker();
        let mut context = Context::from_waker(&waker);
        let node = Arc::clone(&self.node);
        let env = env(&node, self.time);
        let (core, backlog) = (&mut self.core, &mut self.backlog);
        let mut frames = 0;
        let read = self.transport.poll_read(
            &mut context,
            &mut |incoming| match incoming {
                Incoming::Text(frame) => {
                    frames += 1;
                    if backlog.is_empty() && core.wants_more(&node.settings) {
                        core.handle(Input::Frame(frame), &env, effects);
                    } else if core.may_wait(frame, effects) {
                        backlog.push_back(frame.into());
                    }
                }
                Incoming::Heartbeat => core.handle(Input::Heartbeat, &env, effects),
            },
            &mut self.out,
        );
        self.node.metrics.frames_in.inc_by(frames);
        match read {
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
            Poll::Ready(Err(end)) => {
                self.gone |= matches!(end, TransportEnd::Broken(_));
                self.feed(Input::Gone(end), effects);
                false
            }
        }
    }

    /// A client that does not take its answers is not read either: its queue stays bounded by what it asked for.
    pub(super) fn may_read(&mut self) -> bool {
        if self.core.has_ended() {
            return false;
        }
        let (_, waiting) = self.handle.waiting();
        let room = waiting < self.node.settings.out_queue_bytes && self.out.len() < WRITE;
        let may = self.core.wants_more(&self.node.settings) && room;
        if !may && !self.paused {
            self.node.metrics.reads_paused.inc();
        }
        self.paused = !may;
        may
    }

    /// Writes what there is.
    pub(super) fn write(&mut self) {
        let waker = self.handle.waker();
        let mut context = Context::from_waker(&waker);
        let (mut answers, mut blocked) = (0, false);
        while !self.gone {
            if self.out.len() < WRITE && !self.core.has_ended() {
                let drained = self.handle.drain(&mut self.out, WRITE);
                answers += drained.answers;
                self.node.metrics.replaced_by_head.inc_by(drained.replaced as u64);
            }
            if self.out.is_empty() && !self.unflushed {
                break;
            }
            let before = self.out.len();
            let written = self.transport.poll_write(&mut context, &mut self.out);
            self.node.metrics.bytes_out.inc_by((before - self.out.len()) as u64);
            // A carrier that encrypts may have taken everything and not got rid of it yet.
            self.unflushed = written.is_pending();
            match written {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => {
                    blocked = before == self.out.len();
                    break;
                }
                Poll::Ready(Err(error)) => {
                    self.gone = true;
                    self.take_in(Some(Input::Gone(TransportEnd::Broken(error.to_string()))), &mut Vec::new());
                    self.leave(Leave::Orderly);
                }
            }
        }
        if self.gone {
            self.out = Vec::new();
        }
        let mut effects = Vec::new();
        self.feed(Input::Answered(answers), &mut effects);
        self.take_in(Some(Input::Blocked(blocked)), &mut effects);
        for effect in effects {
            self.perform_one(effect);
        }
        if !self.out.is_empty() && !blocked && !self.gone {
            self.handle.ring();
        }
    }

    /// Ends the stream when the last bytes are out, or when the client does not take them in time.
    pub(super) fn shut_down(&mut self) -> Flow {
        let now = self.node.clock.monotonic();
        let Some(until) = self.linger else {
            self.linger = Some(now + LINGER);
            self.node.wheel.at(now + LINGER, self.handle.sleeper());
            self.handle.ring();
            return Flow::Continue(());
        };
        let waker = self.handle.waker();
        let done =
            self.out.is_empty() && self.transport.poll_shutdown(&mut Context::from_waker(&waker)).is_ready();
        if self.gone || done || now >= until { Flow::Break(()) } else { Flow::Continue(()) }
    }
}
