//! `[limits]`

use causerie_protocol::limits;

use super::kind::number;
use super::section::section;

section! {
    /// How much of everything there may be. Where one is reached, the client is told; nothing is dropped silently.
    Limits = "limits" {
        /// The largest content of a message, in bytes.
        ///
        /// Clients learn it at sign-in. A picture belongs elsewhere, with its address in the message.
        body_bytes: usize = limits::BODY_BYTES, number(256..=65_536);
        /// The largest frame from a client, in bytes; a larger one is refused by its declared length.
        ///
        /// At least 4,096 bytes more than four thirds of `body_bytes`, for base64 and the frame's other fields. Text of
        /// many escapes may need more: six times `body_bytes` always does.
        /// A connection keeps a buffer as large as the largest frame that its client has sent.
        frame_bytes: usize = 128 * 1024, number(4_096..=1 << 20);
        /// What a connection may send before it has signed in, in bytes.
        ///
        /// A `hello` with its token must fit: raise it when your provider's tokens carry many claims.
        unauthenticated_bytes: usize = 4_096, number(1_024..=65_536);
        /// Requests of a connection, sends and others, that may wait for their answer; above, its socket is not read.
        ///
        /// It bounds how much one client can have waiting; more helps clients far away that send in bursts.
        sends_in_flight: usize = limits::SENDS_IN_FLIGHT, number(1..=1_024);
        /// Frames that may wait for a slow reader. Above, messages are replaced by one `head` per conversation.
        ///
        /// More spares readers with short stalls a sync; it costs memory only while they stall.
        out_queue_frames: usize = 256, number(16..=65_536);
        /// Bytes that may wait for a slow reader; as `out_queue_frames`.
        ///
        /// Times the number of slow readers it is memory: 1 MiB and 1,000 of them are 1 GiB at worst.
        out_queue_bytes: usize = 1 << 20, number(65_536..=64 << 20);
        /// What the kernel may hold for a client that does not read (`SO_SNDBUF`), in bytes. 0: the kernel decides.
        ///
        /// The kernel's own choice grows to 4 MB for each. Raise it for fast clients that are far away.
        send_buffer_bytes: usize = 65_536, number(0..=16 << 20);
        /// Sends that may wait in one conversation; above, they are answered `busy`, in fair shares per sender.
        conversation_queue: usize = 1_024, number(16..=65_536);
        /// Bytes of sends that may wait in all conversations of this node; above, sends are answered `busy`.
        ///
        /// It bounds memory when the disk is slow. A few seconds of your traffic are enough.
        node_queue_bytes: usize = 256 << 20, number(1 << 20..=1 << 40);
        /// The last messages of an open conversation whose keys are remembered, so that a new message needs no look-up.
        ///
        /// Each is about 40 bytes. Raise it when clients that send no `after` write into busy conversations.
        recent_keys: usize = 1_024, number(64..=65_536);
        /// Content of one page of history, in bytes; the first message is always there.
        page_bytes: usize = 262_144, number(65_536..=16 << 20);
        /// Reads of the store for clients that are under way; more wait in line.
        reads_in_flight: usize = 256, number(1..=65_536);
        /// Client connections on this node; above, new ones are told to come back later.
        ///
        /// Each costs about 16 KB and a file descriptor; the server raises its own soft limit to the hard one
        /// (`ulimit -Hn`). A quarter of that, 1,024 at most, is kept for the store and for operators.
        max_connections: usize = 50_000, number(1..=1_000_000);
        /// Connections of one user on this node: phones, computers, tabs.
        ///
        /// Every message to the user goes to each of them. Raise it for a bot that runs many times under one name.
        connections_per_user: usize = 64, number(1..=100_000);
        /// Connections from one network address. 0: no limit.
        ///
        /// Behind a proxy all clients share its address: 0 is right there. On the open Internet, 200 lets a school or
        /// an office in and a single machine not take all.
        connections_per_address: usize = 20_000, number(0..=1_000_000);
        /// Users whose presence one connection may watch.
        ///
        /// Clients watch those on their screen; every change is told to every watcher.
        watch_users: usize = limits::WATCH_USERS, number(0..=65_536);
        /// Members of one group.
        ///
        /// A message to a group is stored once, but told to each member that is online.
        group_members: usize = 100_000, number(2..=1_000_000);
    }
}
