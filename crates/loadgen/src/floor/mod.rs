//! Two bare servers that speak our frames: what a chat server on these libraries costs at least.
//!
//! They have no authentication (the token is the name), no limits, no dedupe, no recovery, no history. `relay` numbers a
//! message, answers and forwards it; `durable` does so after one `fdatasync` for all messages that wait together. They
//! are written to be fast with what our server also knows: read all that is there, write all at once.

mod committer;
mod connection;
mod hub;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use committer::Committer;
use hub::Hub;

/// A bare server to compare with: the same frames, nothing else. Clients sign in with `--sign-in plain`
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    kind: Kind,
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8090", global = true)]
    listen: SocketAddr,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Kind {
    /// Numbers, answers and forwards
    Relay,
    /// The same after one synced append for all messages that wait together
    Durable {
        /// Where to append. An old file is replaced
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

/// Serves until the process is ended.
pub(crate) fn serve(args: &Args) -> anyhow::Result<()> {
    let committer = match &args.kind {
        Kind::Relay => None,
        Kind::Durable { file } => Some(Committer::start(file).with_context(|| file.display().to_string())?),
    };
    let hub = Arc::new(Hub::new(committer));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await.with_context(|| args.listen.to_string())?;
        println!("listening on {}, process {}", listener.local_addr()?, std::process::id());
        std::io::stdout().flush()?;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    stream.set_nodelay(true)?;
                    connections.spawn(connection::serve(stream, hub.clone()));
                }
                // What became of a connection does not matter: it is over.
                Some(_) = connections.join_next() => {}
            }
        }
    })
}
