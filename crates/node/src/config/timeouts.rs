//! `[timeouts]`

use std::time::Duration;

use super::kind::seconds;
use super::section::section;

section! {
    /// How long everything may take.
    Timeouts = "timeouts" {
        /// How long a new connection may take for its TLS handshake and its request head.
        ///
        /// Shorter frees a slot sooner from a client that only occupies it; a bad mobile network needs some seconds.
        handshake as "handshake_s": Duration = Duration::from_secs(5), seconds(1..=60);
        /// How long a WebSocket may stay open before its `hello` signs in. Choose it as `handshake_s`.
        hello as "hello_s": Duration = Duration::from_secs(5), seconds(1..=60);
        /// A client whose socket takes nothing for this long, while something waits for it, is closed; it comes back and
        /// syncs.
        ///
        /// Longer spares clients on bad networks a reconnect; shorter frees the queue's memory sooner.
        lagging_close as "lagging_close_s": Duration = Duration::from_secs(30), seconds(1..=600);
        /// A send that has found no place in a batch after this long is answered `unavailable`: it is not stored.
        ///
        /// Longer rides out a slower disk; people begin to wonder after some seconds.
        send_deadline as "send_deadline_s": Duration = Duration::from_secs(5), seconds(1..=60);
        /// A send that the store has taken and not answered after this long is answered `unknown_outcome`.
        outcome_deadline as "outcome_deadline_s": Duration = Duration::from_secs(20), seconds(1..=600);
        /// A conversation with nothing to do is closed after this long, and opened again by whoever needs it.
        ///
        /// Longer keeps more in memory, about 15 KB each; shorter reads the store more often.
        conversation_idle as "conversation_idle_s": Duration = Duration::from_secs(60), seconds(1..=86_400);
        /// How long a stopping server lets its clients go one by one before it closes what is left.
        ///
        /// Less than the time after which your service manager kills: 90 s for systemd, 30 s for Kubernetes.
        drain as "drain_s": Duration = Duration::from_secs(10), seconds(0..=600);
    }
}
