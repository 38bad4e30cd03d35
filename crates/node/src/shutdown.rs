//! Signals, and the phase that they put the server in.
//!
//! `SIGTERM` and `SIGINT` begin the drain, a second one ends it at once; `SIGHUP` asks for a reload. Whoever must end
//! with the server holds a [`Shutdown`]; nobody polls.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How far the end has come. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The server serves.
    Serving,
    /// No new connections; those there are told goodbye.
    Draining,
    /// Everything ends now.
    Stopping,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read the configuration, keys and certificates again.
    Reload,
    /// The phase has changed to this one.
    Enter(Phase),
}

/// Receives the process's signals. There is one, and the composition root awaits it.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    phase: watch::Sender<Phase>,
}

impl Signals {
    /// Begins to receive signals, which no longer end the process by themselves.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            phase: watch::Sender::new(Phase::Serving),
        })
    }

    /// A handle for those who end with the server.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.phase.subscribe())
    }

    /// The next signal's meaning; the handles know it before this returns. Cancel safe.
    pub async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => return Request::Reload,
        }
        let next = if *self.phase.borrow() == Phase::Serving { Phase::Draining } else { Phase::Stopping };
        self.enter(next);
        Request::Enter(next)
    }

    /// Goes on to a phase without a signal: when the drain is over, or a part of the server has failed.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let forward = phase > *current;
            *current = phase.max(*current);
            forward
        });
    }
}

/// Tells its holder when the server drains and when it stops.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<Phase>);

impl Shutdown {
    /// A handle for a server that is ended by dropping or using the sender: for tests and embedders.
    pub fn channel() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Self(receiver))
    }

    /// The present phase.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Returns when the server drains or stops; at once when it does already. Cancel safe.
    pub async fn draining(&mut self) {
        self.reached(Phase::Draining).await;
    }

    /// Returns when the server stops; at once when it does already. Cancel safe.
    pub async fn stopping(&mut self) {
        self.reached(Phase::Stopping).await;
    }

    /// A sender that is gone counts as the end, so that nobody waits for a server that is no more.
    async fn reached(&mut self, phase: Phase) {
        let _ = self.0.wait_for(|current| *current >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    fn raise(signal: Signal) {
        kill_process(getpid(), signal).unwrap();
    }

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_stops() {
        let mut signals = Signals::listen().unwrap();
        let mut shutdown = signals.shutdown();
        assert_eq!(shutdown.phase(), Phase::Serving);
        raise(Signal::HUP);
        assert_eq!(signals.next().await, Request::Reload);
        assert_eq!(shutdown.phase(), Phase::Serving, "a reload ends nothing");
        raise(Signal::TERM);
        assert_eq!(signals.next().await, Request::Enter(Phase::Draining));
        shutdown.draining().await;
        assert_eq!(shutdown.phase(), Phase::Draining);
        raise(Signal::INT);
        assert_eq!(signals.next().await, Request::Enter(Phase::Stopping));
        shutdown.stopping().await;
        signals.enter(Phase::Draining);
        assert_eq!(shutdown.phase(), Phase::Stopping, "it never goes back");
    }

    #[tokio::test]
    async fn a_server_that_is_gone_has_stopped() {
        let (sender, mut shutdown) = Shutdown::channel();
        drop(sender);
        shutdown.draining().await;
        shutdown.stopping().await;
    }
}
