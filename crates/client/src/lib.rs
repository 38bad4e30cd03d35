//! A client of Causerie, for programs.
//!
//! [`Client::connect`] opens a session and gives two ends: a [`Client`] to send and ask with, and [`Events`] to hear
//! with. The application hears each message once and in order; each send ends in exactly one way.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use causerie_client::{Client, ConnectOptions, Credentials, Draft, Event, NameSignIn};
//!
//! let server = "http://127.0.0.1:8080";
//! let credentials = Credentials::Provider(Arc::new(NameSignIn::new(server, "echo")));
//! let (client, mut events) = Client::connect(ConnectOptions::new(server, credentials, "bot-1".parse()?)).await?;
//! while let Some(event) = events.recv().await {
//!     if let Event::Message(message) = event
//!         && message.from != client.welcome().user
//!     {
//!         let sent = client.send(Draft::new(message.conversation, message.body)).await?;
//!         println!("answered at {}", sent.seq);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It knows the protocol and nothing of the server's inside. Start reading with [`session`], the core that decides;
//! the driver around it only moves bytes.

mod ask;
mod client;
mod connect;
mod draft;
mod driver;
mod net;
mod request;
pub mod session;
mod sign_in;
mod socket;
mod token;
mod url;

pub use ask::{Items, Messages};
pub use client::{Client, Sending};
pub use connect::{ConnectError, ConnectOptions, Events};
pub use draft::{Draft, SendError, Target};
pub use request::RequestError;
pub use session::{Ended, Event, Start};
pub use sign_in::{NameSignIn, SignInError, SignedIn, sign_in};
pub use token::{Credentials, Token, TokenError, TokenFuture, TokenProvider};
pub use url::{ServerUrl, UrlError};
