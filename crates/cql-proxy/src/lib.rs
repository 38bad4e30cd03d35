//! A proxy in front of a CQL server that breaks what passes, frame by frame: for tests of what a client does when the
//! answer to one certain request is late, lost, or an error.
//!
//! ```no_run
//! use causerie_cql_proxy::{Action, Failure, Kind, Pick, Proxy, WriteType};
//!
//! # async fn example() -> Result<(), causerie_cql_proxy::ProxyError> {
//! let proxy = Proxy::start("127.0.0.1:9042").await?;
//! // The client under test is given `proxy.address()` as its only contact point.
//!
//! // The next batch that touches `messages` is applied, and its answer lost.
//! let lost = proxy.rule(Pick::of(Kind::Batch).text("ks.messages").once(), Action::DropAnswer);
//! // … the client appends …
//! lost.took_effect(1).await?; // fails after 30 s: a test whose fault never happened proves nothing
//!
//! // The next such batch never reaches the server until it is let go: a write that lands late.
//! let held = proxy.rule(Pick::of(Kind::Batch).text("ks.messages").once(), Action::HoldRequest);
//! held.took_effect(1).await?;
//! held.release();
//!
//! // Each third read of the fence times out, as the server would say it.
//! proxy.rule(Pick::of(Kind::Execute).text("node_fence").every(3), Action::Answer(Failure::ReadTimeout));
//! // Applied, and answered with a time-out all the same.
//! proxy.rule(Pick::any().text("ks.shards").once(), Action::Replace(Failure::WriteTimeout(WriteType::Cas)));
//!
//! // How many requests a piece of work costs.
//! let before = proxy.counts();
//! // … work …
//! let cost = proxy.counts().since(before).total();
//! # let _ = cost;
//! proxy.stop().await;
//! # Ok(()) }
//! ```
//!
//! What a rule sees: QUERY, PREPARE, EXECUTE and BATCH. The text of an EXECUTE or of a batch's statement is learned from
//! the PREPARE that passed here, so a session must have been built through the proxy. Texts are compared without regard
//! to case, with runs of blanks made one; all texts of a [`Pick`] must be found. Statements on `system…` keyspaces are
//! the driver's own business (topology, schema, every minute): no rule meets them unless its text names `system`.
//! The first rule that has its turn acts, in the order the rules were added; [`Action::Count`] never keeps a later rule
//! from acting.
//!
//! Guaranteed:
//! - An action in front of the server ([`Action::DropRequest`], [`Action::CloseBefore`], [`Action::Answer`]): the server
//!   never saw that request. One behind it ([`Action::DropAnswer`], [`Action::HoldAnswer`], [`Action::CloseAfter`],
//!   [`Action::Replace`]): the server answered it *without an error* first. An error of the server passes as it is, and
//!   does not use up a turn.
//! - Time plays no part: what is held stays until [`Rule::release`], also when the client has gone away meanwhile.
//! - The driver does not go around: `system.peers` is answered without rows and `rpc_address` in `system.local` is the
//!   proxy's, so that the one node it knows is the proxy. With three nodes upstream, the one behind the proxy
//!   coordinates everything. (No address translator is needed.) Then change the schema past the proxy: a driver that knows
//!   one node waits for the agreement of one.
//!
//! Not spoken: TLS, compression, protocol versions other than 4, and (on ScyllaDB) the shard-aware port, which a driver
//! must be told not to use. Values are never decoded. A frame above 32 MiB ends its connection.

mod action;
mod bytes;
mod connection;
mod counts;
mod error;
mod failure;
mod frame;
mod pending;
mod pick;
mod proxy;
mod request;
mod rows;
mod rule;
mod rules;
mod statements;

pub use action::Action;
pub use counts::Counts;
pub use error::ProxyError;
pub use failure::{Failure, WriteType};
pub use pick::Pick;
pub use proxy::Proxy;
pub use request::Kind;
pub use rule::Rule;
