//! `[presence]`

use std::time::Duration;

use super::kind::seconds;
use super::section::section;

section! {
    /// Who is online.
    Presence = "presence" {
        /// How often a client says that it is there, when it has nothing else to say.
        ///
        /// Shorter notices a dead phone sooner and costs its battery more.
        heartbeat as "heartbeat_s": Duration = Duration::from_secs(30), seconds(5..=300);
        /// A connection that has said nothing for this long is closed.
        ///
        /// Longer than `heartbeat_s`; twice it forgives one heartbeat that was lost on the way.
        ttl as "ttl_s": Duration = Duration::from_secs(60), seconds(10..=900);
        /// How long a user counts as online after the last connection ended.
        ///
        /// Long enough for a phone to change networks and for a page to be loaded again without anybody noticing.
        grace as "grace_s": Duration = Duration::from_secs(5), seconds(0..=300);
    }
}
