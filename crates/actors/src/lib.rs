//! Connections and conversations as actors: the rules of chat, and the embedder's API.
//!
//! A conversation's actor alone gives out its order; a connection's actor alone reads and writes its socket. Decisions
//! are pure ([`conversation::handle`], [`connection::handle`]), the actors around them perform.
//! This crate knows nothing of TCP, TLS, HTTP, tokens' formats or files: those are its embedder's, of which the
//! server is the first.
//!
//! To embed it, start with [`Chat::builder`]: [`Rules`], [`Authenticator`], [`Transport`] and [`EventSink`] are yours to
//! implement. To read it, start with [`Chat`], then follow a message: [`connection`], [`conversation`], and back through
//! [`connection::outbox`].

pub mod authenticate;
mod background;
pub mod bounded;
pub mod bucket;
mod builder;
mod chat;
pub mod connection;
pub mod conversation;
mod describe;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod listener;
mod local_client;
mod local_user;
mod loops;
pub mod metrics;
mod node;
mod operator;
mod reply;
mod review;
pub mod revocation;
pub mod rules;
pub mod settings;
mod sink;
pub mod wheel;

pub use authenticate::{AuthenticateError, Authenticator, BoxFuture, Identity};
pub use builder::{ChatBuilder, StartError};
pub use causerie_cluster::directory::ConnectionId;
pub use chat::Chat;
pub use connection::channel::{ChannelClient, ChannelTransport, channel};
pub use connection::{ConnectionHandle, Incoming, SessionInfo, Transport, TransportEnd};
pub use conversation::Change;
pub use listener::CommitListener;
pub use local_client::{Ended, LocalClient};
pub use local_user::{LocalUser, Messages};
pub use metrics::{Limit, Metrics};
pub use node::Node;
pub use operator::Depths;
pub use reply::Reply;
pub use rules::{DefaultRules, Draft, Rules, SendContext, Verdict};
pub use settings::{Rate, Settings};
pub use sink::EventSink;
