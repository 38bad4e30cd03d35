//! One reload of everything, and one of something that is wrong.

use std::path::Path;

use causerie_actors::authenticate::Authenticator;
use causerie_protocol::{Clock, SystemClock, UserId};

use super::*;
use crate::config::{LogFormat, Sources};
use crate::telemetry::{self, tests::Lines};

fn write(path: &Path, log: &str, body_bytes: usize, secret: &str, origin: &str) {
    let content = format!(
        "[server]\npublic_origins = [\"{origin}\"]\n[limits]\nbody_bytes = {body_bytes}\n[telemetry]\nlog = \"{log}\"\n\
         [auth]\nhmac_secret = \"{secret}\"\n[store]\ndata_dir = \"/nowhere\"\n"
    );
    std::fs::write(path, content).unwrap();
}

#[tokio::test]
async fn what_may_change_changes_and_what_is_wrong_leaves_all_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let (first, second) = ("a".repeat(32), "b".repeat(32));
    write(&path, "info", 1_000, &first, "https://a.example");
    let config = Sources { file: Some(path.clone()), ..Sources::default() }.load().unwrap();
    let clock = Arc::new(SystemClock::default());
    let authority = Arc::new(Authority::open(&config, Arc::<SystemClock>::clone(&clock)).unwrap());
    let old = authority.issue(&UserId::new("alice").unwrap(), Duration::from_secs(60)).unwrap();
    let lines = Lines::default();
    let (subscriber, telemetry) = telemetry::build(&config.telemetry, lines.clone(), false).unwrap();
    // With one subscriber only, whether a line is wanted is asked once, on whichever thread comes there first.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _default = tracing::subscriber::set_default(subscriber);
    let reloader = Reloader::new(config, Arc::clone(&authority), None, Arc::new(telemetry));

    write(&path, "debug", 2_000, &second, "https://b.example");
    reloader.reload().await;
    let said = lines.text();
    for line in [r#" changed key="auth.hmac_secret""#, r#" needs a restart key="limits.body_bytes""#] {
        assert!(said.contains(line), "{said}");
    }
    let running = reloader.config();
    assert_eq!(running.telemetry.log, "debug");
    assert_eq!(running.server.public_origins[0].to_string(), "https://b.example");
    assert_eq!(running.limits.body_bytes, 1_000, "that needs a restart");
    assert!(authority.authenticate(old.token(), clock.wall()).await.is_err(), "the secret was replaced");

    let new = authority.issue(&UserId::new("alice").unwrap(), Duration::from_secs(60)).unwrap();
    write(&path, "trace", 2_000, &first, "not an origin");
    reloader.reload().await;
    assert!(authority.authenticate(new.token(), clock.wall()).await.is_ok());
    assert_eq!(reloader.config().telemetry.log, "debug");

    write(&path, "trace", 2_000, "short", "https://c.example");
    reloader.reload().await;
    let said = lines.text().split_off(said.len());
    assert!(said.contains(r#" changed key="telemetry.log""#), "{said}");
    assert!(!said.contains("auth.hmac_secret\""), "what was not taken over has not changed: {said}");
    let running = reloader.config();
    assert!(
        authority.authenticate(new.token(), clock.wall()).await.is_ok(),
        "a secret that cannot be used is not taken"
    );
    assert_eq!(running.auth.hmac_secret.as_ref().unwrap().expose(), second.as_bytes());
    assert_eq!(running.telemetry.log, "trace", "the rest is");
    assert_eq!(running.telemetry.log_format, LogFormat::Text);
}

#[tokio::test]
async fn the_watch_ends_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.store.data_dir = folder.path().to_owned();
    let authority = Arc::new(Authority::open(&config, Arc::new(SystemClock::default())).unwrap());
    let (_subscriber, telemetry) = telemetry::build(&config.telemetry, std::io::sink, false).unwrap();
    let reloader = Reloader::new(config, authority, None, Arc::new(telemetry));
    let (phase, shutdown) = Shutdown::channel();
    let (_, ()) = tokio::join!(
        async { phase.send(crate::shutdown::Phase::Stopping).unwrap() },
        reloader.watch(shutdown)
    );
}
