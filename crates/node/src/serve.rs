//! The composition root: what the server is made of, in the order in which it comes up and goes down.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use causerie_actors::Chat;
use causerie_protocol::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::auth::{Authority, SignIn};
use crate::backends::Backends;
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
    let reloader =
        Arc::new(Reloader::new(config.clone(), Arc::clone(&authority), tls.clone(), Arc::clone(&telemetry)));

    let operators = listen_for_operators(&config).await?;
    let opening = Backends::open(&config, files, &clock, &operators);
    let backends = tokio::select! {
        backends = opening => backends?,
        // Nothing was begun that would have to be ended.
        Request::Enter(_) = next_end(&mut signals) => return Ok(()),
    };

    let chat = backends
        .join(Chat::builder())
        .authenticator(Arc::clone(&authority) as _)
        .clock(Arc::clone(&clock))
        .settings(settings(&config))
        .start()
        .await?;

    let origins = Arc::new(Origins::new(Arc::clone(&reloader), authority.sign_in()));
    let pages = http::router(&chat, backends.degraded(), Arc::clone(&authority), Arc::clone(&origins));
    let gateway =
        Gateway::bind(&config, files, chat.clone(), Arc::clone(&clock), origins, pages, tls.clone())
            .with_context(|| format!("cannot listen on {} (server.listen)", config.server.listen))?;
    announce(&config, &gateway, &operators, authority.sign_in(), tls.is_some())?;

    let watch = reloader.watch(signals.shutdown());
    let mut registry = admin::metrics::registry(&chat, clock.wall());
    admin::metrics::add_backends(&mut registry, &backends);
    gateway.register(&mut registry);
    let degraded = backends.degraded();
    let (tasks, shutdown) = (TaskTracker::new(), signals.shutdown());
    let admin = admin::Operators {
        chat: chat.clone(),
        clock,
        token,
        registry,
        shutdown,
        tasks: tasks.clone(),
        degraded,
    };
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
    drop(chat);
    backends.close().await;
    tokio::task::spawn_blocking(move || telemetry.shutdown()).await?;
    Ok(())
}

async fn listen_for_operators(config: &Config) -> anyhow::Result<TcpListener> {
    let address = config.admin.listen;
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} (admin.listen)"))
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
