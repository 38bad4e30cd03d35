//! The bugs.

/// Declares the bugs, each with the name that chooses it.
macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident = $name:literal,)+) => {
        /// A bug that the judge must find. "No fence gate" and "two owners" need several nodes, and are not here.
        // Where it is only named there is no code of it.
        #[cfg_attr(feature = "planted-bugs", derive(Clone, Copy, Debug, PartialEq, Eq))]
        pub enum Bug {
            $($(#[$doc])* $bug,)+
        }

        #[cfg(feature = "planted-bugs")]
        impl Bug {
            /// Every bug.
            pub const ALL: &'static [Self] = &[$(Self::$bug,)+];

            /// The name that chooses it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)+
                }
            }
        }
    };
}

bugs! {
    /// A message is acknowledged when it waits to be written.
    AckBeforeSync = "ack-before-sync",
    /// A message is acknowledged when it is written and not yet synced: only a power cut shows it.
    NoSync = "no-sync",
    /// Members hear of a message when it waits to be written.
    PublishBeforeCommit = "publish-before-commit",
    /// Which keys were stored is known only since the conversation was opened: a restart forgets them.
    DedupeInMemory = "dedupe-in-memory",
    /// Every page of a sync but the first begins one too far.
    PageSkips = "page-skips",
    /// Every page of a sync but the first begins one too early.
    PageRepeats = "page-repeats",
    /// Messages that have no room in a client's queue are dropped without a `head`.
    DropOnFullQueue = "drop-on-full-queue",
    /// A message that may yet be stored is refused.
    DefiniteWhenUnknown = "definite-when-unknown",
    /// Whoever asks may sync.
    NoMemberCheck = "no-member-check",
    /// A sync ends at a head that is renewed at every eighth message only.
    StaleSync = "stale-sync",
    /// A live message overtakes the one before it while both wait for the client.
    ReorderLive = "reorder-live",
    /// What is written in one breath is numbered last first.
    SendsReversed = "sends-reversed",
    /// Only one connection of each member gets messages live.
    OneDeviceOnly = "one-device-only",
    /// Readers are told a head that is still to be written.
    HeadAhead = "head-ahead",
    /// The device that tells last how far it has read decides, not the one that is furthest.
    CursorBack = "cursor-back",
    /// Some batches have no event.
    EventSkipped = "event-skipped",
}
