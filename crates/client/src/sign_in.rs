//! Signing in by name, where the server allows it: a small `POST /v1/session`.
//!
//! Spoken as HTTP/1.0, so that the answer is plain bytes up to the end of the connection.

use std::io;
use std::time::Duration;

use causerie_protocol::{Timestamp, UserId};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::net;
use crate::token::{Token, TokenError, TokenFuture, TokenProvider};
use crate::url::{ServerUrl, UrlError};

/// The largest answer that is read, in bytes.
const ANSWER_MAX: u64 = 64 * 1024;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a sign-in gives.
#[derive(Clone, Deserialize)]
pub struct SignedIn {
    /// The token to connect with.
    pub token: Box<str>,
    /// Who it is for.
    pub user: UserId,
    /// When it ends.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

/// Why there was no sign-in. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The server's address is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The server could not be reached, or did not answer.
    #[error("cannot reach the server: {0}")]
    Io(#[from] io::Error),
    /// Sign-in by name is off on this server.
    #[error("this server has no sign-in by name: a token is needed")]
    Off,
    /// The server refused the name.
    #[error("the server refused the sign-in: {message} (status {status})")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// The answer could not be understood.
    #[error("the server's answer cannot be understood: {0}")]
    Answer(String),
}

/// Signs in by name.
///
/// # Errors
/// [`SignInError`]; [`SignInError::Off`] where tokens come from elsewhere.
pub async fn sign_in(server: &str, name: &str) -> Result<SignedIn, SignInError> {
    let url: ServerUrl = server.parse()?;
    let answer = tokio::time::timeout(PATIENCE, post(&url, name)).await;
    let answer = answer.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))??;
    read_answer(&answer)
}

async fn post(url: &ServerUrl, name: &str) -> io::Result<Vec<u8>> {
    let body = serde_json::json!({ "name": name }).to_string();
    let request = format!(
        "POST {} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        url.path("/v1/session"),
        url.authority(),
        body.len(),
    );
    let mut stream = net::dial(url).await?;
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_MAX).read_to_end(&mut answer).await;
    // A TLS server that closes without saying so has answered all the same, if the answer is whole.
    match read {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

fn read_answer(answer: &[u8]) -> Result<SignedIn, SignInError> {
    let text = String::from_utf8_lossy(answer);
    let malformed = || SignInError::Answer("it is not HTTP".to_owned());
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()).ok_or_else(malformed)?;
    match status {
        200 | 201 => serde_json::from_str(body).map_err(|error| SignInError::Answer(error.to_string())),
        404 => Err(SignInError::Off),
        _ => Err(SignInError::Refused { status, message: message_of(body) }),
    }
}

/// The `message` of an error in JSON, or else the beginning of the text.
fn message_of(body: &str) -> String {
    #[derive(Deserialize)]
    struct Error {
        message: String,
    }
    serde_json::from_str::<Error>(body)
        .map_or_else(|_| body.trim().chars().take(200).collect(), |error| error.message)
}

/// Gives the tokens of a user that signs in by name.
#[derive(Clone, Debug)]
pub struct NameSignIn {
    server: String,
    name: String,
}

impl NameSignIn {
    /// Signs in as `name` at `server`, whenever a token is asked for.
    pub fn new(server: impl Into<String>, name: impl Into<String>) -> Self {
        Self { server: server.into(), name: name.into() }
    }
}

impl TokenProvider for NameSignIn {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async {
            let signed_in = sign_in(&self.server, &self.name).await.map_err(|error| match error {
                SignInError::Io(error) => TokenError::Unreachable(error.to_string()),
                error => TokenError::Refused(error.to_string()),
            })?;
            Ok(Token { value: signed_in.token, expires: signed_in.expires })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str) -> Result<String, String> {
        let signed_in = read_answer(answer.as_bytes());
        signed_in.map(|it| format!("{} {}", it.user, it.token)).map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_is_read_or_explained() {
        let ok = "HTTP/1.1 200 OK\r\nx: y\r\n\r\n{\"token\":\"t\",\"user\":\"alice\",\"expires\":\"2026-01-01T00:00:00.000Z\"}";
        assert_eq!(check(ok), Ok("alice t".to_owned()));
        for (answer, error) in [
            ("HTTP/1.0 404 Not Found\r\n\r\n", "this server has no sign-in by name: a token is needed"),
            (
                "HTTP/1.0 422 No\r\n\r\n{\"message\":\"a user id is empty\"}",
                "the server refused the sign-in: a user id is empty (status 422)",
            ),
            ("SSH-2.0\r\n", "the server's answer cannot be understood: it is not HTTP"),
        ] {
            assert_eq!(check(answer), Err(error.to_owned()));
        }
    }
}
