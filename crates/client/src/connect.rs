//! Opening a session.

use causerie_protocol::{ConversationId, DeviceId, Seq};
use tokio::sync::{mpsc, watch};

use crate::client::Client;
use crate::driver::Driver;
use crate::session::{Ended, Event, Options, Session, Start};
use crate::token::Credentials;
use crate::url::{ServerUrl, UrlError};

/// Events that wait for the application, unless told otherwise.
const EVENTS: usize = 256;

/// How to connect. Begin with [`ConnectOptions::new`] and change what should be otherwise.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The server: `http://host:port`, or `https`, `ws`, `wss`.
    pub server: String,
    /// How to sign in.
    pub credentials: Credentials,
    /// Which of the user's devices this is: kept by the client over its restarts, not used twice at the same time.
    pub device: DeviceId,
    /// The client's name and version, for the operator's eyes.
    pub agent: String,
    /// Where to begin to hear. [`Start::Now`] unless told otherwise.
    pub start: Start,
    /// The positions the application has kept: it hears what comes after them, whatever `start` says.
    pub positions: Vec<(ConversationId, Seq)>,
    /// Dial again when the connection is lost, and send again what was unanswered. On unless told otherwise; off, the
    /// session ends with its connection, and what was unanswered ends as unknown.
    pub resume: bool,
    /// Tell the server by itself that what the application was given has been delivered. On unless told otherwise.
    pub acknowledge: bool,
    /// Events that wait for the application. When they are as many, messages wait at the server instead.
    pub events: usize,
}

impl ConnectOptions {
    /// The usual: hears what comes from now on, dials again by itself, acknowledges what it hears.
    pub fn new(server: impl Into<String>, credentials: Credentials, device: DeviceId) -> Self {
        Self {
            server: server.into(),
            credentials,
            device,
            agent: concat!("causerie-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            start: Start::default(),
            positions: Vec::new(),
            resume: true,
            acknowledge: true,
            events: EVENTS,
        }
    }
}

/// Why there is no session. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server's address is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The session ended before it began.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// What a session tells, in order. Dropping it ends the listening, not the session.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
    ended: watch::Receiver<Option<Ended>>,
}

impl Events {
    /// The next event; none once the session is over. May be dropped and called again at any time.
    pub async fn recv(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// An event that is there already.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Why the session is over; waits until it is.
    pub async fn ended(&mut self) -> Ended {
        ended(&mut self.ended).await
    }
}

impl Client {
    /// Opens a session, and waits until the server has said welcome. A server that is away is not waited for.
    ///
    /// # Errors
    /// [`ConnectError`] says why there is none.
    pub async fn connect(options: ConnectOptions) -> Result<(Self, Events), ConnectError> {
        let url: ServerUrl = options.server.parse()?;
        let session = Session::new(Options {
            device: options.device,
            agent: options.agent,
            start: options.start,
            positions: options.positions,
            resume: options.resume,
            acknowledge: options.acknowledge,
            renewable: options.credentials.renewable(),
        });
        let (driver, mut ends) = Driver::new(session, url, options.credentials, options.events);
        #[expect(
            clippy::disallowed_methods,
            reason = "the last act of the task is to set `ended`, which `close` waits for"
        )]
        tokio::spawn(driver.run());
        let Ok(welcome) = ends.welcomed.await else {
            return Err(ended(&mut ends.ended).await.into());
        };
        let client = Self::new(ends.commands, *welcome, ends.ended.clone());
        Ok((client, Events { events: ends.events, ended: ends.ended }))
    }
}

/// Waits for the end of the task.
pub(crate) async fn ended(watch: &mut watch::Receiver<Option<Ended>>) -> Ended {
    let end = watch.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
    // A task that went without a word was stopped with its runtime.
    end.unwrap_or(Ended::Closed)
}
