//! What every scenario can be told.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use anyhow::Context as _;
use causerie_checker::Demands;

use crate::clock;
use crate::link::Target;
use crate::sign_in::SignIn;

/// Options of all scenarios
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Where the server listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) server: String,
    /// The server's process, for its processor time and memory
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,
    /// `name` over HTTP, `secret:FILE` with an HMAC secret (a server's own is DATA/sign-in.secret), `plain` for a floor
    #[arg(long, value_name = "HOW", default_value = "name")]
    pub(crate) sign_in: SignIn,
    /// How long is measured, in seconds
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// How long the load runs before that, in seconds
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    pub(crate) warmup: f64,
    /// Text of a message, in bytes
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(32..=16_384))]
    pub(crate) body_bytes: u32,
    /// Threads of the generator; each drives its share of the connections
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) threads: u32,
    /// Connect from so many loopback addresses in turn (127.0.0.2 and on); 0: the system decides
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) sources: u8,
    /// Judge one conversation of so many. What is judged is kept in memory, about 300 bytes a message
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) judge_every: u32,
    /// How long a client that settles at the end waits for what is its due, in seconds
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) patience: u32,
    /// Fewer acknowledged messages prove nothing
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) acknowledged: u64,
    /// Write the history here, JSON lines for `causerie-checker`
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Write the history only when the judge does not pass the run
    #[arg(long, requires = "history")]
    pub(crate) history_unless_passed: bool,
    /// A history of somebody else who took part, such as who brought about faults: judged together with this one. It is
    /// read when the load has ended
    #[arg(long, value_name = "FILE")]
    pub(crate) also: Option<PathBuf>,
    /// Write the report here, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// What the users' names begin with; a run of its own makes users of its own
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
}

impl Common {
    /// The server's address, and where to connect from.
    pub(crate) fn target(&self) -> anyhow::Result<Target> {
        let mut addresses = self.server.to_socket_addrs().with_context(|| self.server.clone())?;
        let address: SocketAddr = addresses.next().context("the server's name has no address")?;
        let sources =
            (0..self.sources).map(|number| IpAddr::V4(Ipv4Addr::new(127, 0, 0, number + 2))).collect();
        Ok(Target { address, sources, keeps: self.judged() })
    }

    /// A user of this run.
    pub(crate) fn user(&self, number: usize) -> Box<str> {
        let prefix = self.prefix.as_deref().unwrap_or("load");
        format!("{prefix}-{number}").into()
    }

    /// Chooses a prefix that no other run has, unless one was given.
    pub(crate) fn fix_prefix(&mut self) {
        let _ = self.prefix.get_or_insert_with(|| format!("load-{:x}", clock::now() / 1_000));
    }

    /// Whether there is anything to judge: a floor keeps nothing.
    pub(crate) fn judged(&self) -> bool {
        self.sign_in != SignIn::Plain
    }

    /// What the judge demands.
    pub(crate) fn demands(&self) -> Demands {
        Demands { acknowledged: self.acknowledged, faults: 0 }
    }

    /// Text of a message, in bytes.
    pub(crate) fn body(&self) -> usize {
        self.body_bytes as usize
    }
}
