//! Accounts for many clients at once.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use causerie_client::SignedIn;
use causerie_protocol::{Clock as _, SystemClock};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::link::Target;
use crate::session::Account;

/// Requests that are on their way at once, on one connection.
const PIPELINED: usize = 64;
/// How long tokens are good for.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// How clients prove who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// By name, over HTTP.
    Name,
    /// With tokens signed here, by the HMAC secret in this file.
    Secret(PathBuf),
    /// The token is the name: the floors.
    Plain,
}

impl FromStr for SignIn {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "name" => Ok(Self::Name),
            "plain" => Ok(Self::Plain),
            _ => match text.strip_prefix("secret:") {
                Some(path) => Ok(Self::Secret(path.into())),
                None => Err("`name`, `plain` or `secret:FILE`".to_owned()),
            },
        }
    }
}

impl SignIn {
    /// An account for each user.
    pub(crate) async fn accounts(
        &self,
        target: &Target,
        users: Vec<Box<str>>,
    ) -> anyhow::Result<Vec<Account>> {
        match self {
            Self::Plain => Ok(users.into_iter().map(|user| Account { token: user.clone(), user }).collect()),
            Self::Secret(path) => {
                let secret = std::fs::read(path).with_context(|| path.display().to_string())?;
                let key = EncodingKey::from_secret(&secret);
                users.into_iter().map(|user| sign(&key, user)).collect()
            }
            Self::Name => by_name(target, users).await,
        }
    }
}

fn sign(key: &EncodingKey, user: Box<str>) -> anyhow::Result<Account> {
    let now = SystemClock::default().wall();
    let claims = json!({ "sub": user, "iat": now.0 / 1_000, "exp": now.plus(LIFETIME).0 / 1_000 });
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, key)?;
    Ok(Account { user, token: token.into() })
}

/// Signs in all names over one connection that is kept open.
async fn by_name(target: &Target, users: Vec<Box<str>>) -> anyhow::Result<Vec<Account>> {
    let mut stream = TcpStream::connect(target.address).await.context("signing in")?;
    let (mut accounts, mut input) = (Vec::with_capacity(users.len()), Vec::new());
    for users in users.chunks(PIPELINED) {
        let mut requests = Vec::new();
        for user in users {
            let body = json!({ "name": user }).to_string();
            requests.extend_from_slice(
                format!(
                    "POST /v1/session HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    target.address,
                    body.len()
                )
                .as_bytes(),
            );
        }
        stream.write_all(&requests).await?;
        for user in users {
            let (status, body) = response(&mut stream, &mut input).await?;
            if status == 404 {
                bail!("the server has no sign-in by name: use --sign-in secret:FILE");
            }
            let signed_in: SignedIn = serde_json::from_slice(&body)
                .with_context(|| format!("status {status}: {}", String::from_utf8_lossy(&body)))?;
            accounts.push(Account { user: user.clone(), token: signed_in.token });
        }
    }
    Ok(accounts)
}

/// Reads one response with a `Content-Length`; what follows it stays in `input`.
async fn response(stream: &mut TcpStream, input: &mut Vec<u8>) -> anyhow::Result<(u16, Vec<u8>)> {
    loop {
        if let Some(end) = memchr::memmem::find(input, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&input[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.context("an answer without a length")?.trim().parse()?;
            let status = head.split(' ').nth(1).context("no HTTP")?.parse()?;
            if input.len() >= end + 4 + length {
                let rest = input.split_off(end + 4 + length);
                let body = std::mem::replace(input, rest).split_off(end + 4);
                return Ok((status, body));
            }
        }
        if stream.read_buf(input).await? == 0 {
            bail!("the server closed the connection");
        }
    }
}
