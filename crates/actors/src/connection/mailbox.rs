//! The way to a connection: put something into its outbox and ring the bell.
//!
//! At most one wake-up is outstanding: the bell is cleared *before* the connection looks, so nothing is missed, and a
//! thousand deliveries cost one message in its mailbox.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task;

use causerie_cluster::directory::ConnectionId;
use parking_lot::Mutex;
use ractor::ActorRef;

use super::input::End;
use super::outbox::{Drained, Outbox, OutboxLimits, Outgoing};
use crate::wheel::Wake;

/// The one thing that a connection actor is told: look.
#[derive(Debug)]
pub(super) struct Look;

struct Shared {
    id: ConnectionId,
    limits: OutboxLimits,
    rung: AtomicBool,
    actor: OnceLock<ActorRef<Look>>,
    outbox: Mutex<Outbox>,
    end: Mutex<Option<End>>,
    timer: AtomicBool,
    check: AtomicBool,
    unanswered: AtomicUsize,
}

/// A connection, as everybody else sees it.
#[derive(Clone)]
pub struct ConnectionHandle(Arc<Shared>);

impl ConnectionHandle {
    /// A handle whose actor is attached later; what is put in until then waits.
    pub fn new(id: ConnectionId, limits: OutboxLimits) -> Self {
        Self(Arc::new(Shared {
            id,
            limits,
            rung: AtomicBool::new(false),
            actor: OnceLock::new(),
            outbox: Mutex::default(),
            end: Mutex::default(),
            timer: AtomicBool::new(false),
            check: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
        }))
    }

    /// Which connection this is.
    pub fn id(&self) -> ConnectionId {
        self.0.id
    }

    /// Puts something into the outbox and rings. Never blocks for longer than another push.
    pub fn push(&self, item: Outgoing) {
        let pushed = self.0.outbox.lock().push(item, self.0.limits);
        if pushed.is_err() {
            return self.end(End::LAGGING);
        }
        self.0.ring();
    }

    /// Asks the connection to end. The first reason counts.
    pub fn end(&self, end: End) {
        self.0.end.lock().get_or_insert(end);
        self.0.ring();
    }

    /// How many of its requests are under way, by its own last count.
    pub(crate) fn unanswered(&self) -> usize {
        self.0.unanswered.load(Ordering::Relaxed)
    }

    pub(super) fn note_unanswered(&self, requests: usize) {
        self.0.unanswered.store(requests, Ordering::Relaxed);
    }

    /// Asks the connection to see whether its token has been revoked.
    pub(crate) fn check_revocation(&self) {
        self.0.check.store(true, Ordering::Relaxed);
        self.0.ring();
    }

    /// Tells the connection that time has passed.
    pub(crate) fn tick(&self) {
        Wake::wake(&*self.0);
    }

    /// Whether it was asked to since the last call.
    pub(super) fn take_check(&self) -> bool {
        self.0.check.swap(false, Ordering::Relaxed)
    }

    pub(super) fn attach(&self, actor: ActorRef<Look>) {
        let _ = self.0.actor.set(actor);
        self.0.rung.store(false, Ordering::SeqCst);
        self.0.ring();
    }

    /// To be called before looking.
    pub(super) fn clear_bell(&self) {
        // A swap, not a store: it takes in what every ring before it has put down.
        self.0.rung.swap(false, Ordering::SeqCst);
    }

    pub(super) fn ring(&self) {
        self.0.ring();
    }

    pub(super) fn take_end(&self) -> Option<End> {
        self.0.end.lock().take()
    }

    pub(super) fn drain(&self, out: &mut Vec<u8>, room: usize) -> Drained {
        self.0.outbox.lock().drain(out, room)
    }

    /// Whether nothing waits, and how many bytes do.
    pub(crate) fn waiting(&self) -> (bool, usize) {
        let outbox = self.0.outbox.lock();
        (outbox.is_empty(), outbox.bytes())
    }

    pub(super) fn waker(&self) -> task::Waker {
        Arc::clone(&self.0).into()
    }

    pub(super) fn sleeper(&self) -> Weak<dyn Wake> {
        let shared: Arc<dyn Wake> = self.0.clone();
        Arc::downgrade(&shared)
    }

    /// Whether a timer rang since the last call.
    pub(super) fn take_timer(&self) -> bool {
        self.0.timer.swap(false, Ordering::Relaxed)
    }
}

impl Shared {
    fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst)
            && let Some(actor) = self.actor.get()
        {
            // Fails only when the connection has ended; then nobody looks any more.
            let _ = actor.cast(Look);
        }
    }
}

impl task::Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

impl Wake for Shared {
    fn wake(&self) {
        self.timer.store(true, Ordering::Relaxed);
        self.ring();
    }
}

impl PartialEq for ConnectionHandle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ConnectionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionHandle({})", self.0.id.0)
    }
}
