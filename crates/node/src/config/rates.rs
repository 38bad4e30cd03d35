//! `[rates]`

use super::kind::number;
use super::section::section;

section! {
    /// How fast everything may happen. Each is a steady rate and a burst that may run ahead of it; a refusal says when
    /// to try again. A rate of 0 switches it off. The defaults stop a client gone wild, not a busy one: no person and
    /// hardly a bot comes near. Lower them where strangers sign in; raise them for bridges and load tests.
    Rates = "rates" {
        /// Messages a second of one connection.
        connection_sends_per_s: u32 = 20_000, number(0..=1_000_000);
        /// Messages that one connection may send at once.
        connection_sends_burst: u32 = 40_000, number(1..=1_000_000);
        /// Requests a second of one connection that are not messages: history, sync, membership, cursors.
        connection_requests_per_s: u32 = 20_000, number(0..=1_000_000);
        /// Requests that one connection may make at once. A client asks about every conversation when it connects.
        connection_requests_burst: u32 = 40_000, number(1..=1_000_000);
        /// Messages a second of one user, over all devices.
        user_sends_per_s: u32 = 40_000, number(0..=1_000_000);
        /// Messages that one user may send at once.
        user_sends_burst: u32 = 80_000, number(1..=1_000_000);
        /// Messages a second in one conversation, from all its members.
        conversation_sends_per_s: u32 = 40_000, number(0..=1_000_000);
        /// Messages that may come to one conversation at once.
        conversation_sends_burst: u32 = 80_000, number(1..=1_000_000);
        /// New connections a second from one network address.
        ///
        /// Behind a proxy all clients share its address, and after a restart all come back at once: keep it high there.
        /// On the open Internet 20 is generous.
        address_connects_per_s: u32 = 20_000, number(0..=1_000_000);
        /// Connections that one network address may open at once.
        address_connects_burst: u32 = 40_000, number(1..=1_000_000);
    }
}
