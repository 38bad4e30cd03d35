//! A thin client of a server's admin listener.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::config::Secret;
use crate::http_client;

/// The variable that the server reads its token from; the commands use the same.
const TOKEN_VARIABLE: &str = "CAUSERIE_ADMIN__TOKEN";

/// The most of a refusal that is shown, in bytes.
const MAX_REFUSAL_BYTES: u64 = 4 * 1024;

/// Which server, and how it knows us.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Server {
    /// The admin listener of the server
    #[arg(
        long,
        value_name = "URL",
        env = "CAUSERIE_ADMIN_URL",
        default_value = "http://127.0.0.1:8081",
        global = true
    )]
    admin: String,
    /// A file with the admin token, when the server asks for one; or put it into CAUSERIE_ADMIN__TOKEN
    #[arg(long, value_name = "FILE", env = "CAUSERIE_ADMIN__TOKEN_FILE", global = true)]
    admin_token_file: Option<PathBuf>,
}

/// The client.
pub(super) struct AdminHttp {
    agent: Agent,
    base: String,
    authorization: Option<String>,
}

impl AdminHttp {
    /// A client of this server. `timeout` is for a whole answer; `None` for one that goes on.
    ///
    /// # Errors
    /// The token's file cannot be read.
    pub(super) fn new(server: &Server, timeout: Option<Duration>) -> anyhow::Result<Self> {
        let token = match (&server.admin_token_file, std::env::var(TOKEN_VARIABLE)) {
            (Some(path), _) => Some(Secret::read(path)?),
            (None, Ok(token)) if !token.is_empty() => Some(Secret::new(token.into_bytes())),
            (None, _) => None,
        };
        let bearer = |token: &Secret| Ok(format!("Bearer {}", std::str::from_utf8(token.expose())?));
        let authorization: anyhow::Result<Option<String>> = token.as_ref().map(bearer).transpose();
        Ok(Self {
            agent: http_client::agent(timeout),
            base: server.admin.trim_end_matches('/').to_owned(),
            authorization: authorization.context("the admin token is not a text")?,
        })
    }

    /// Gets a page and writes it line by line as it comes.
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)], out: &mut impl Write) -> anyhow::Result<()> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in query {
            request = request.query(name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        self.finish(request.call(), out)
    }

    /// Sends a JSON object.
    pub(super) fn post(
        &self,
        path: &str,
        body: &serde_json::Value,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let mut request =
            self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        self.finish(request.send(body.to_string()), out)
    }

    /// Deletes.
    pub(super) fn delete(&self, path: &str, out: &mut impl Write) -> anyhow::Result<()> {
        let mut request = self.agent.delete(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        self.finish(request.call(), out)
    }

    fn finish(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let answer =
            answer.with_context(|| format!("no answer from {} (is the server running?)", self.base))?;
        let status = answer.status();
        let body = answer.into_body().into_with_config().limit(u64::MAX).reader();
        if !status.is_success() {
            bail!("the server refuses: {status}{}", reason(body));
        }
        let mut body = BufReader::new(body);
        let mut line = Vec::new();
        while body.read_until(b'\n', &mut line).context("the answer ended early")? > 0 {
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            out.write_all(&line)?;
            out.flush()?;
            line.clear();
        }
        Ok(())
    }
}

/// What a refusal says of itself.
fn reason(body: impl Read) -> String {
    let mut bytes = Vec::new();
    let read = body.take(MAX_REFUSAL_BYTES).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let object = serde_json::from_str::<serde_json::Value>(&text).ok();
    let message = object.as_ref().and_then(|object| object["message"].as_str()).unwrap_or(text.trim());
    if read.is_err() || message.is_empty() { String::new() } else { format!(": {message}") }
}

/// A part of a path, whatever it contains.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
