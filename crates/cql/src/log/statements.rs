//! The statements of the log, prepared.

use crate::error::OpenError;
use crate::session::Cql;
use crate::statement::Prepared;

/// All of them.
#[derive(Debug)]
pub(super) struct Statements {
    /// `conv, page, kind, seq, cmid, epoch, body`; the timestamp is the batch's.
    pub(super) insert: Prepared,
    /// `timestamp, conv, page, seq`: the entries above a position.
    pub(super) cut: Prepared,
    /// `conv, page, limit`: the last entries of a page, falling.
    pub(super) last: Prepared,
    /// `conv, page, first, last`: entries, falling.
    pub(super) range: Prepared,
    /// `conv, page, cmids`: the idempotency rows of a page.
    pub(super) keys: Prepared,
    /// `conv`
    pub(super) head: Prepared,
    /// `conv, head, timestamp`
    pub(super) put_head: Prepared,
    /// `shard, conv, timestamp`
    pub(super) mark: Prepared,
    /// `timestamp, shard, conv`
    pub(super) unmark: Prepared,
    /// `shard`
    pub(super) marked: Prepared,
    /// `conv`
    pub(super) emitted: Prepared,
    /// `conv, seq, timestamp`
    pub(super) put_emitted: Prepared,
}

impl Statements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, OpenError> {
        let messages = "$data.messages WHERE conv = ? AND page = ? AND kind";
        let read = |text: String| async move { cql.prepare_read(&text).await };
        let write = |text: &'static str| cql.prepare_write(text);
        Ok(Self {
            insert: write(
                "INSERT INTO $data.messages (conv, page, kind, seq, cmid, epoch, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .await?,
            cut: write(
                "DELETE FROM $data.messages USING TIMESTAMP ? WHERE conv = ? AND page = ? AND kind = 0 AND seq > ?",
            )
            .await?,
            last: read(format!("SELECT seq, epoch, body FROM {messages} = 0 LIMIT ?")).await?,
            range: read(format!("SELECT seq, epoch, body FROM {messages} = 0 AND seq >= ? AND seq <= ?")).await?,
            keys: read(format!("SELECT cmid, body FROM {messages} = 1 AND seq = 0 AND cmid IN ?")).await?,
            head: cql.prepare_read("SELECT head FROM $data.heads WHERE conv = ?").await?,
            put_head: write("INSERT INTO $data.heads (conv, head) VALUES (?, ?) USING TIMESTAMP ?").await?,
            mark: write("INSERT INTO $data.emit_dirty (shard, conv) VALUES (?, ?) USING TIMESTAMP ?").await?,
            unmark: write("DELETE FROM $data.emit_dirty USING TIMESTAMP ? WHERE shard = ? AND conv = ?").await?,
            marked: cql.prepare_read("SELECT conv FROM $data.emit_dirty WHERE shard = ?").await?,
            emitted: cql.prepare_read("SELECT seq FROM $data.emit_cursor WHERE conv = ?").await?,
            put_emitted: write("INSERT INTO $data.emit_cursor (conv, seq) VALUES (?, ?) USING TIMESTAMP ?").await?,
        })
    }
}
