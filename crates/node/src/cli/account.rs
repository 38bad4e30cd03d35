//! What the commands that talk to a server share: who one is, where the server is, and connecting to it.

use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use causerie_client::{
    Client, ConnectError, ConnectOptions, Credentials, Ended, Events, NameSignIn, RequestError,
};
use causerie_protocol::{ConversationId, DeviceId, Down, UserId};

/// How often a request that the server asks to be repeated later is repeated.
const TRIES: u32 = 20;

/// Who you are and where the server is.
#[derive(Debug, clap::Args)]
pub(super) struct Account {
    /// Who you are. Signs in by name, where the server allows that; with --token it is only checked.
    #[arg(long = "as", value_name = "NAME", required_unless_present = "token")]
    name: Option<UserId>,

    /// The server's address.
    #[arg(long, value_name = "URL", env = "CAUSERIE_SERVER", default_value = "http://127.0.0.1:8080")]
    pub(super) server: String,

    /// The token to sign in with. Better in the environment, where other users of the machine do not see it.
    #[arg(long, value_name = "JWT", env = "CAUSERIE_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// The name of this device. A device is connected once: a second connection under its name replaces the first.
    #[arg(long, value_name = "NAME")]
    device: Option<DeviceId>,
}

impl Account {
    /// Connects; `command` names the device where the person did not, and `tune` changes what should be unusual.
    pub(super) async fn connect(
        &self,
        command: &str,
        tune: impl FnOnce(&mut ConnectOptions),
    ) -> anyhow::Result<(Client, Events)> {
        let device = match &self.device {
            Some(device) => device.clone(),
            None => default_device(command)?,
        };
        let mut options = ConnectOptions::new(&self.server, self.credentials()?, device);
        options.agent = format!("causerie-{command}/{}", env!("CARGO_PKG_VERSION"));
        tune(&mut options);
        let connected = Client::connect(options).await;
        let (client, events) = connected.map_err(|error| self.explain(error))?;
        if let Some(name) = self.name.as_ref().filter(|name| **name != client.welcome().user) {
            bail!("the token is one of {}, not of {name}", client.welcome().user);
        }
        Ok((client, events))
    }

    /// The direct conversation with a user, where the name alone says who one is.
    pub(super) fn direct_with(&self, user: Option<&UserId>) -> Option<ConversationId> {
        self.name.as_ref().zip(user).map(|(me, user)| ConversationId::direct(me, user))
    }

    fn credentials(&self) -> anyhow::Result<Credentials> {
        Ok(match (&self.token, &self.name) {
            (Some(token), _) => Credentials::Token(token.trim().into()),
            (None, Some(name)) => {
                Credentials::Provider(Arc::new(NameSignIn::new(&self.server, name.as_str())))
            }
            (None, None) => bail!("say who you are: --as NAME, or --token"),
        })
    }

    fn explain(&self, error: ConnectError) -> anyhow::Error {
        let hint = match &error {
            ConnectError::Ended(Ended::Unreachable(_)) if self.server.starts_with("http://127.") => {
                "Is it running? `causerie serve` starts one on this machine."
            }
            ConnectError::Ended(Ended::NoToken(_)) => {
                "Where sign-in by name is off, give a token: --token, or CAUSERIE_TOKEN."
            }
            _ => return error.into(),
        };
        anyhow::anyhow!("{error}\n{hint}")
    }
}

/// The same for the same terminal, so that one terminal is one device; otherwise one for each process.
fn default_device(command: &str) -> anyhow::Result<DeviceId> {
    let terminal = std::fs::read_link("/proc/self/fd/0").ok();
    let terminal =
        terminal.as_ref().and_then(|path| path.to_str()).and_then(|path| path.strip_prefix("/dev/"));
    let place = match terminal {
        Some(terminal) if terminal.starts_with("pts/") || terminal.starts_with("tty") => {
            terminal.replace('/', "-")
        }
        _ => std::process::id().to_string(),
    };
    format!("{command}-{place}").parse().context("the name of this device")
}

/// The conversation that a command is about: a named one, or the direct one with a user.
pub(super) fn conversation(
    client: &Client,
    conversation: Option<ConversationId>,
    with: Option<&UserId>,
) -> Option<ConversationId> {
    conversation.or_else(|| with.map(|user| ConversationId::direct(&client.welcome().user, user)))
}

/// Asks again as long as the server says "later".
pub(super) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, RequestError>
where
    F: Future<Output = Result<T, RequestError>>,
{
    for _ in 1..TRIES {
        match ask().await {
            Err(RequestError::Refused(error)) if error.retry => later(error.retry_after_ms).await,
            answer => return answer,
        }
    }
    ask().await
}

/// Waits as long as the server asked.
pub(super) async fn later(retry_after_ms: Option<u64>) {
    tokio::time::sleep(Duration::from_millis(retry_after_ms.unwrap_or(250))).await;
}

/// Prints one frame as one JSON line.
pub(super) fn print_line(frame: &Down) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", frame.to_json())?;
    out.flush()
}
