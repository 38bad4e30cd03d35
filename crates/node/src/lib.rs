//! The server: sockets, HTTP, sign-in, configuration and wiring; and the command `causerie`.
//!
//! This crate is the first embedder of `causerie-actors` and uses nothing private of it. It knows how bytes, tokens and
//! settings come in and go out; the rules of chat are below.
//!
//! Start with [`serve`], which reads like a list of what the server is made of.

mod admin;
pub mod auth;
mod backends;
pub mod cli;
pub mod config;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gateway;
mod http;
mod http_client;
pub mod process;
pub mod reload;
pub mod serve;
mod settings;
pub mod shutdown;
mod small_file;
pub mod telemetry;
pub mod tls;

pub use gateway::websocket::{FrameLimits, WebSocketTransport};
