//! A real server process for the browser test: started on free ports, ended by its id.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::process;

/// How long the server may take to say where it listens, and to drain when asked to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropped without [`Server::stop`], it is killed.
pub(crate) struct Server {
    child: Child,
    /// Brings the address once, and closes when the server has ended.
    announced: Receiver<String>,
    url: String,
}

impl Server {
    /// Starts `binary` on an empty data folder and waits until it has said where it listens.
    pub(crate) fn start(binary: &Path, data: &Path, log: &Path) -> Result<Self> {
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        let mut command = Command::new(binary);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0", "--data"])
            .arg(data);
        let mut log_file = File::create(log)?;
        let (sender, announced) = sync_channel(1);
        let child = process::start(command, move |line| {
            if let Some(url) = announced_url(&line) {
                // Full when it announces itself twice: the first address stands.
                let _ = sender.try_send(url.to_owned());
            }
            writeln!(log_file, "{line}").is_ok()
        })?;
        let mut server = Self { child, announced, url: String::new() };
        server.url = server.announced.recv_timeout(PATIENCE).with_context(|| {
            format!("the server did not say where it listens; its log: {}", log.display())
        })?;
        Ok(server)
    }

    /// Where people reach it, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks it to end and expects that it drains and ends well.
    pub(crate) fn stop(mut self) -> Result<()> {
        process::signal(&self.child, Signal::TERM)?;
        while self.announced.recv_timeout(PATIENCE).map_or_else(still_runs, |_| Ok(true))? {}
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status} after SIGTERM");
        Ok(())
    }
}

fn still_runs(error: RecvTimeoutError) -> Result<bool> {
    ensure!(
        error == RecvTimeoutError::Disconnected,
        "the server still runs {} s after SIGTERM",
        PATIENCE.as_secs()
    );
    Ok(false)
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the line that invites people: `… listening on http://127.0.0.1:8080`.
fn announced_url(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("listening on ")?;
    let url = after.split_whitespace().next()?.trim_end_matches(['/', '.', ',']);
    url.starts_with("http://").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::announced_url;

    #[test]
    fn the_address_is_read_from_the_line_that_announces_it() {
        assert_eq!(
            announced_url("causerie listening on http://127.0.0.1:4711/"),
            Some("http://127.0.0.1:4711")
        );
        assert_eq!(announced_url("listening on http://[::1]:80, sign-in by name"), Some("http://[::1]:80"));
        assert_eq!(announced_url("see http://example.org"), None);
        assert_eq!(announced_url("admin API on http://127.0.0.1:1"), None);
    }
}
