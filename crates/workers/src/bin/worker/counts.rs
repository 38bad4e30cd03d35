//! `causerie-worker counts`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use causerie_workers::counts::{Counts, NAME};
use causerie_workers::{Progress, Settings, run as run_worker};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::http;

/// How long answers under way may take when the worker stops.
const GRACE: Duration = Duration::from_secs(2);

/// Count the messages of each conversation and day, and answer how many there are
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Brokers to begin with: HOST:PORT, separated by commas
    #[arg(long, value_name = "BROKERS", env = "CAUSERIE_KAFKA")]
    brokers: String,
    /// The directory of this process: its counts, its positions, and what it has set aside
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// What the topics' names and the consumer group's begin with
    #[arg(long, default_value = "causerie")]
    prefix: String,
    /// A name that stays over restarts and that no other process of the group has: a restart then moves no partition
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Where to answer: /metrics, /ready, /counts/days/DAY, /counts/conversations/ID
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Records that are committed together at most
    #[arg(long, value_name = "RECORDS", default_value_t = 4096)]
    batch: usize,
    /// How long a record waits for others, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50)]
    linger_ms: u64,
    /// A setting of librdkafka, as for TLS or credentials; may be repeated
    #[arg(long = "kafka", value_name = "NAME=VALUE", value_parser = pair)]
    kafka: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> anyhow::Result<()> {
    let settings = Settings {
        prefix: args.prefix,
        instance: args.instance,
        batch_records: args.batch,
        linger: Duration::from_millis(args.linger_ms),
        kafka: args.kafka,
        ..Settings::new(args.brokers, args.dir)
    };
    let counts = Counts::open(&settings.dir.join(NAME))?;
    let progress = Arc::new(Progress::default());
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("{}", args.listen))?;
    println!("causerie-worker {NAME}: http://{}", listener.local_addr()?);
    let router = http::router(Arc::clone(&progress), counts.query(Arc::clone(&progress)));
    let stop = CancellationToken::new();
    let worker = {
        let (progress, stop) = (Arc::clone(&progress), stop.clone());
        tokio::task::spawn_blocking(move || {
            let ended = run_worker(counts, &settings, &progress, &stop);
            // Whatever ended it, there is nothing more to answer for.
            stop.cancel();
            ended
        })
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stop.cancelled() => {}
        }
        stop.cancel();
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server => served?,
        () = told => {}
    }
    worker.await.map_err(|error| anyhow!("the worker panicked: {error}"))?.map_err(Into::into)
}
