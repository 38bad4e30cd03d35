//! The composition root: what the server is made of, in the order in which it comes up and goes down.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use causerie_actors::Chat;
use causerie_protocol::snowflake::NodeNumber;
use causerie_protocol::{Clock, SystemClock};
use causerie_store::fjall::{FjallConfig, FjallStore};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::auth::{Authority, SignIn};
use crate::config::Config;
use crate::gateway::{Gateway, Origins};
use crate::process::OpenFiles;
use crate::reload::Reloader;
use crate::settings::settings;
use crate::shutdown::{Phase, Request, Signals};
use crate::tls::Tls;
use crate::{admin, http, process, telemetry};

/// When clients of a draining node shall come back: at once, spread over as long again.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);
/// What the process ends with when its disk failed.
const DISK_FAILED: i32 = 74;

/// Serves until a signal ends it.
///
/// # Errors
/// The server could not be started, or a part of it failed. Nothing was served when it could not be started.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let telemetry = Arc::new(telemetry::init(&config.telemetry)?);
    let files = OpenFiles::share(process::raise_open_files()?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let authority = Authority::open(&config, Arc::clone(&clock)).context("the sign-in keys ([auth])")?;
    let authority = Arc::new(authority);
    let token = config.admin.required_token().context("admin.token_file")?;
    let tls = Tls::open(&config.tls).context("the certificate ([tls])")?.map(Arc::new);
    let store = Arc::new(open_store(&config, files)?);
    let reloader =
        Arc::new(Reloader::new(config.clone(), Arc::clone(&authority), tls.clone(), Arc::clone(&telemetry)));

    let chat = Chat::builder()
        .store(Arc::clone(&store) as _)
        .authenticator(Arc::clone(&authority) as _)
        .clock(Arc::clone(&clock))
        .settings(settings(&config))
        .start()
        .await?;

    let origins = Arc::new(Origins::new(Arc::clone(&reloader), authority.sign_in()));
    let pages = http::router(&chat, Arc::clone(&authority), Arc::clone(&origins));
    let gateway =
        Gateway::bind(&config, files, chat.clone(), Arc::clone(&clock), origins, pages, tls.clone())
            .with_context(|| format!("cannot listen on {} (server.listen)", config.server.listen))?;
    let operators = TcpListener::bind(config.admin.listen)
        .await
        .with_context(|| format!("cannot listen on {} (admin.listen)", config.admin.listen))?;
    announce(&config, &gateway, &operators, authority.sign_in(), tls.is_some())?;

    let watch = reloader.watch(signals.shutdown());
    let mut registry = admin::metrics::registry(&chat, clock.wall());
    admin::metrics::add_store(&mut registry, store);
    gateway.register(&mut registry);
    let (tasks, shutdown) = (TaskTracker::new(), signals.shutdown());
    let admin =
        admin::Operators { chat: chat.clone(), clock, token, registry, shutdown, tasks: tasks.clone() };
    let clients = gateway.run(signals.shutdown());
    let admin = admin::run(operators, admin::router(admin), signals.shutdown());
    let life = async {
        loop {
            match signals.next().await {
                Request::Reload => reloader.reload().await,
                Request::Enter(Phase::Draining) => {
                    tokio::select! {
                        () = chat.drain(RECONNECT_AFTER, config.timeouts.drain) => {}
                        Request::Enter(_) = next_end(&mut signals) => {}
                    }
                    admin::finish(&tasks).await;
                    chat.stop().await;
                    return signals.enter(Phase::Stopping);
                }
                Request::Enter(_) => return signals.enter(Phase::Stopping),
            }
        }
    };
    tokio::join!(watch, clients, admin, life);
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await?;
    Ok(())
}

/// The next signal that ends the server; a reload while it drains does nothing.
async fn next_end(signals: &mut Signals) -> Request {
    loop {
        match signals.next().await {
            Request::Reload => {}
            end => return end,
        }
    }
}

fn open_store(config: &Config, files: OpenFiles) -> anyhow::Result<FjallStore> {
    let data_dir = &config.store.data_dir;
    // For its owner only: everything that anybody has written is in it.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.with_context(|| format!("cannot make the data directory {}", data_dir.display()))?;
    let dir = data_dir.join("store");
    let store = FjallConfig {
        node: NodeNumber::new(config.server.node_number),
        readers: config.store.reader_threads,
        reserve_bytes: config.store.disk_reserve_bytes,
        cache_bytes: config.store.cache_bytes,
        open_tables: files.tables,
        memtable_bytes: config.store.memtable_bytes,
        // What the disk has kept is known only after opening again, so the process must not go on.
        on_fatal: Box::new(|why| {
            tracing::error!(
                why,
                "the disk failed; the server ends at once, and nothing acknowledged is lost"
            );
            std::process::exit(DISK_FAILED);
        }),
        ..FjallConfig::new(dir)
    };
    FjallStore::open(store)
        .with_context(|| format!("cannot open the store in {}", config.store.data_dir.display()))
}

/// Says where to go. The first line is for people and for scripts that wait for it.
#[expect(clippy::print_stdout, reason = "the one thing that the server says on standard output")]
fn announce(
    config: &Config,
    gateway: &Gateway,
    operators: &TcpListener,
    sign_in: SignIn,
    tls: bool,
) -> anyhow::Result<()> {
    let scheme = if tls { "https" } else { "http" };
    println!("Causerie {} is listening on {scheme}://{}", env!("CARGO_PKG_VERSION"), gateway.address()?);
    println!("  data     {}", config.store.data_dir.display());
    println!("  admin    http://{} (metrics at /metrics)", operators.local_addr()?);
    match sign_in {
        SignIn::Name => println!(
            "  sign-in  by name: anybody on this machine may be anybody, because the listener is loopback and no key is configured"
        ),
        SignIn::Token => println!("  sign-in  by a token of your identity provider"),
    }
    Ok(())
}
