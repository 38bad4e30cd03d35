//! The tables of messages, conversations and users. All writes are plain; none of these tables has a conditional one.
//!
//! `$data` stands for the keyspace, `$large` and `$small` for the compaction of tables that mostly grow and of small ones
//! that are overwritten. Never a strategy by time windows: write timestamps are counters.

/// Version 1.
pub(super) const TABLES: &[&str] = &[
    // kind 0: the message at `seq`, `cmid` a constant, so that one position is one row. kind 1: the idempotency row, `seq`
    // 0, `cmid` a hash of sender and client message id, `body` the position. Both in one partition: one mutation.
    "CREATE TABLE IF NOT EXISTS $data.messages (conv uuid, page int, kind tinyint, seq bigint, cmid uuid, \
     epoch bigint, body blob, PRIMARY KEY ((conv, page), kind, seq, cmid)) \
     WITH CLUSTERING ORDER BY (kind ASC, seq DESC, cmid ASC)$large",
    // What a conversation is, and who is in it. Bucket 0 has the static columns: what it is (`row`), how far the log is in
    // these tables (`applied`), and since when new members go to buckets 1 to 256 (`spread_at`, null while all are in
    // bucket 0). Together, so that one mutation changes all of a small group, and one read never sees half of it.
    "CREATE TABLE IF NOT EXISTS $data.members (conv uuid, bucket int, user text, row blob static, \
     applied bigint static, spread_at bigint static, member blob, PRIMARY KEY ((conv, bucket), user))$small",
    // A row stays when a membership ends: a list keeps what was left. Of `joined` and `ended` the higher is true.
    "CREATE TABLE IF NOT EXISTS $data.user_conversations (user text, conv uuid, member blob, joined bigint, \
     ended bigint, PRIMARY KEY ((user), conv))$small",
    "CREATE TABLE IF NOT EXISTS $data.heads (conv uuid PRIMARY KEY, head blob)$small",
    // Timestamp = position, so that the highest wins. A membership that ends begins a new `generation`: what is written
    // late to an earlier one is shadowed by its deletion, and low positions of the next one are not.
    "CREATE TABLE IF NOT EXISTS $data.cursors (user text, conv uuid, generation bigint, device text, \
     delivered bigint, read bigint, PRIMARY KEY ((user), conv, generation, device))$small",
    "CREATE TABLE IF NOT EXISTS $data.receipts (conv uuid, user text, generation bigint, delivered bigint, \
     read bigint, PRIMARY KEY ((conv), user, generation))$small",
    "CREATE TABLE IF NOT EXISTS $data.emit_cursor (conv uuid PRIMARY KEY, seq bigint)$small",
    "CREATE TABLE IF NOT EXISTS $data.emit_dirty (shard int, conv uuid, PRIMARY KEY ((shard), conv))$small",
    // `version` is the highest write timestamp so far: the next is above it, whatever the clocks of the nodes say.
    "CREATE TABLE IF NOT EXISTS $data.users (user text PRIMARY KEY, version bigint, profile blob, settings text, \
     last_seen bigint)$small",
    "CREATE TABLE IF NOT EXISTS $data.blocks (user text, version bigint static, other text, \
     PRIMARY KEY ((user), other))$small",
    "CREATE TABLE IF NOT EXISTS $data.revoked_users (bucket int, user text, before bigint, \
     PRIMARY KEY ((bucket), user))$small",
    "CREATE TABLE IF NOT EXISTS $data.revoked_tokens (bucket int, expires bigint, token_id text, revoked boolean, \
     PRIMARY KEY ((bucket), expires, token_id))$small",
    "CREATE TABLE IF NOT EXISTS $data.suspensions (bucket int, user text, suspended boolean, \
     PRIMARY KEY ((bucket), user))$small",
];
