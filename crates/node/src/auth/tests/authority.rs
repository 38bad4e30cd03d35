//! The keys in use: where they come from, how they change, what happens when they cannot be had.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use causerie_actors::authenticate::{AuthenticateError, Authenticator};
use causerie_protocol::{Clock, UserId};

use super::keys::{Pair, jwks};
use super::provider::Provider;
use super::{TestClock, claims};
use crate::auth::{Authority, IssueError, SignIn};
use crate::config::{Config, PublicKeyAlgorithm, Secret};

fn config(data_dir: &Path) -> Config {
    let mut config = Config::default();
    config.store.data_dir = data_dir.to_owned();
    config
}

fn open(config: &Config, clock: &Arc<TestClock>) -> Authority {
    Authority::open(config, Arc::<TestClock>::clone(clock)).unwrap()
}

async fn outcome(authority: &Authority, clock: &TestClock, token: &str) -> String {
    match authority.authenticate(token, clock.wall()).await {
        Ok(identity) => identity.user.to_string(),
        Err(error) => error.to_string(),
    }
}

const UNKNOWN: &str = "the token is not accepted: its key is not known";
const AWAY: &str = "tokens cannot be checked at the moment: the identity provider's keys cannot be fetched";

#[tokio::test]
async fn without_a_key_a_name_is_enough_and_its_token_ends_after_twelve_hours() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let authority = open(&config(folder.path()), &clock);
    assert_eq!(authority.sign_in(), SignIn::Name);
    let issued = authority.sign_in_by_name(&UserId::new("alice").unwrap()).unwrap();
    assert_eq!(issued.expires, clock.wall().plus(Duration::from_secs(12 * 3_600)));
    assert!(!format!("{issued:?}").contains(issued.token()));
    assert_eq!(outcome(&authority, &clock, issued.token()).await, "alice");
    let identity = authority.authenticate(issued.token(), clock.wall()).await.unwrap();
    assert_eq!((identity.issued, identity.expires), (Some(clock.wall()), Some(issued.expires)));
    assert!(identity.token_id.is_some());

    let again = open(&config(folder.path()), &clock);
    assert_eq!(outcome(&again, &clock, issued.token()).await, "alice", "after a restart too");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = open(&config(elsewhere.path()), &clock);
    assert!(outcome(&other, &clock, issued.token()).await.contains("its signature is wrong"));
    clock.advance(Duration::from_secs(12 * 3_600));
    assert_eq!(outcome(&authority, &clock, issued.token()).await, "the token has expired");
}

#[tokio::test]
async fn a_command_beside_the_server_uses_its_secret_and_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let existing = || Authority::open_existing(&config(folder.path()), Arc::<TestClock>::clone(&clock));
    assert!(existing().unwrap_err().to_string().contains("cannot be read"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let server = open(&config(folder.path()), &clock);
    let issued = existing().unwrap().issue(&UserId::new("bob").unwrap(), Duration::from_secs(60)).unwrap();
    assert_eq!(outcome(&server, &clock, issued.token()).await, "bob");
}

#[tokio::test]
async fn with_a_key_a_name_is_not_enough() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let alice = UserId::new("alice").unwrap();
    let mut config = config(folder.path());
    config.auth.hmac_secret = Some(Secret::new([7; 32]));
    config.auth.issuer = Some("us".to_owned());
    config.auth.audience = vec!["chat".to_owned()];
    config.auth.user_claim = "uid".to_owned();
    let authority = open(&config, &clock);
    assert_eq!(authority.sign_in_by_name(&alice).unwrap_err(), IssueError::ByNameOff);
    let issued = authority.issue(&alice, Duration::from_secs(60)).unwrap();
    assert_eq!(outcome(&authority, &clock, issued.token()).await, "alice", "it meets the server's own rules");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no secret for sign-in by name is made");

    let pair = Pair::ed25519();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, pair.pem()).unwrap();
    config.auth = crate::config::Auth::default();
    config.auth.public_key_file = Some(path);
    config.auth.public_key_algorithm = Some(PublicKeyAlgorithm::EdDsa);
    let authority = open(&config, &clock);
    assert_eq!(authority.issue(&alice, Duration::from_secs(60)).unwrap_err(), IssueError::NoSecret);
    assert_eq!(outcome(&authority, &clock, &pair.token("k", &claims())).await, "alice");
}

#[tokio::test]
async fn a_key_file_is_read_again_when_it_changes_and_kept_when_it_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let (old, new) = (Pair::ed25519(), Pair::rsa());
    let path = folder.path().join("keys.json");
    std::fs::write(&path, jwks(&[old.jwk("old")])).unwrap();
    let mut config = config(folder.path());
    config.auth.jwks_file = Some(path.clone());
    let authority = open(&config, &clock);
    let (old_token, new_token) = (old.token("old", &claims()), new.token("new", &claims()));
    assert_eq!(outcome(&authority, &clock, &old_token).await, "alice");

    std::fs::write(&path, jwks(&[old.jwk("old"), new.jwk("new")])).unwrap();
    assert_eq!(outcome(&authority, &clock, &new_token).await, UNKNOWN, "not before it is looked at");
    authority.keep_fresh().await;
    assert_eq!(outcome(&authority, &clock, &old_token).await, "alice", "both, while both are there");
    assert_eq!(outcome(&authority, &clock, &new_token).await, "alice");

    std::fs::write(&path, "{").unwrap();
    authority.keep_fresh().await;
    assert!(authority.reload(&config).is_err());
    assert_eq!(outcome(&authority, &clock, &new_token).await, "alice", "a broken file changes nothing");

    std::fs::write(&path, jwks(&[new.jwk("new")])).unwrap();
    authority.reload(&config).unwrap();
    assert_eq!(outcome(&authority, &clock, &old_token).await, UNKNOWN, "a withdrawn key is gone");
    assert_eq!(outcome(&authority, &clock, &new_token).await, "alice");
}

#[tokio::test]
async fn fetched_keys_rotate_and_an_unknown_key_is_looked_up_at_most_every_ten_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let (old, new) = (Pair::ed25519(), Pair::p256());
    let provider = Provider::start(&jwks(&[old.jwk("old")]));
    let mut config = config(folder.path());
    config.auth.jwks_url = Some(provider.url.clone());
    let authority = open(&config, &clock);
    let (old_token, new_token) = (old.token("old", &claims()), new.token("new", &claims()));
    assert_eq!(outcome(&authority, &clock, &old_token).await, "alice", "the first token brings the keys");
    assert_eq!(provider.requests(), 1);

    provider.publish(&jwks(&[old.jwk("old"), new.jwk("new")]));
    for _ in 0..5 {
        assert_eq!(outcome(&authority, &clock, &new_token).await, UNKNOWN);
    }
    assert_eq!(provider.requests(), 1, "just fetched");
    clock.advance(Duration::from_secs(10));
    assert_eq!(outcome(&authority, &clock, &new_token).await, "alice");
    assert_eq!(outcome(&authority, &clock, &old_token).await, "alice", "both, while both are published");
    assert_eq!(provider.requests(), 2);

    provider.publish(&jwks(&[new.jwk("new")]));
    clock.advance(Duration::from_secs(299));
    authority.keep_fresh().await;
    assert_eq!(outcome(&authority, &clock, &old_token).await, "alice", "until the next refresh");
    clock.advance(Duration::from_secs(1));
    authority.keep_fresh().await;
    assert_eq!(provider.requests(), 3);
    assert_eq!(outcome(&authority, &clock, &old_token).await, UNKNOWN);

    authority.reload(&config).unwrap();
    assert_eq!(outcome(&authority, &clock, &new_token).await, "alice", "a reload keeps what was fetched");
    assert_eq!(provider.requests(), 3);
}

#[tokio::test]
async fn one_fetch_serves_all_who_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let pair = Pair::ed25519();
    let provider = Provider::start(&jwks(&[pair.jwk("k")]));
    let mut config = config(folder.path());
    config.auth.jwks_url = Some(provider.url.clone());
    let authority = open(&config, &clock);
    let token = pair.token("k", &claims());
    let outcomes = tokio::join!(
        outcome(&authority, &clock, &token),
        outcome(&authority, &clock, &token),
        outcome(&authority, &clock, &token)
    );
    assert_eq!(outcomes, ("alice".to_owned(), "alice".to_owned(), "alice".to_owned()));
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn a_failed_fetch_keeps_the_old_keys_until_they_are_too_old() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let pair = Pair::ed25519();
    let set = jwks(&[pair.jwk("k")]);
    let provider = Provider::start(&set);
    let other = Provider::start(&set);
    let mut config = config(folder.path());
    config.auth.jwks_url = Some(provider.url.clone());
    config.auth.jwks_max_age = Duration::from_secs(3_000);
    let authority = open(&config, &clock);
    let token = pair.token("k", &claims());
    authority.keep_fresh().await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", other.url);
    let huge = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\nconnection: close\r\n\r\n{set}{}",
        " ".repeat(300_000)
    );
    for broken in [
        redirect,
        huge,
        "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 999\r\nconnection: close\r\n\r\n{".to_owned(),
        "not http".to_owned(),
    ] {
        provider.answer(broken.clone());
        let before = provider.requests();
        clock.advance(Duration::from_secs(300));
        authority.keep_fresh().await;
        assert_eq!(provider.requests(), before + 1);
        assert_eq!(outcome(&authority, &clock, &token).await, "alice", "after {broken:.40}");
    }
    assert_eq!(other.requests(), 0, "no redirect is followed");
    clock.advance(Duration::from_secs(1_200));
    assert_eq!(outcome(&authority, &clock, &token).await, "alice", "at the maximum age");
    clock.advance(Duration::from_secs(1));
    assert_eq!(outcome(&authority, &clock, &token).await, AWAY, "above it");
    provider.publish(&set);
    clock.advance(Duration::from_secs(10));
    assert_eq!(outcome(&authority, &clock, &token).await, "alice", "and back");
}

#[tokio::test]
async fn a_provider_that_never_answered_is_told_as_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let mut config = config(folder.path());
    config.auth.jwks_url = Some("http://127.0.0.1:1/keys".to_owned());
    let authority = open(&config, &clock);
    let refusal = authority.authenticate("not.a.token", clock.wall()).await.unwrap_err();
    assert!(matches!(refusal, AuthenticateError::Unavailable(_)));
}

#[tokio::test]
async fn a_reload_changes_the_rules_but_never_switches_sign_in_by_name_on() {
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let by_name = config(folder.path());
    let mut with_key = by_name.clone();
    with_key.auth.hmac_secret = Some(Secret::new([7; 32]));
    let authority = open(&by_name, &clock);
    let issued = authority.sign_in_by_name(&UserId::new("alice").unwrap()).unwrap();
    authority.reload(&with_key).unwrap();
    assert_eq!(authority.sign_in(), SignIn::Token);
    assert!(outcome(&authority, &clock, issued.token()).await.contains("its signature is wrong"));
    let token = Pair::secret().token("k", &claims());
    assert_eq!(outcome(&authority, &clock, &token).await, "alice");
    assert!(authority.reload(&by_name).unwrap_err().to_string().contains("restart the server"));
    assert_eq!(outcome(&authority, &clock, &token).await, "alice");
    with_key.auth.issuer = Some("us".to_owned());
    authority.reload(&with_key).unwrap();
    assert!(outcome(&authority, &clock, &token).await.contains("another issuer"));
}

#[test]
fn a_file_that_holds_no_key_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k");
    let tell = |change: &dyn Fn(&mut Config)| {
        let mut config = config(folder.path());
        change(&mut config);
        Authority::open(&config, TestClock::new()).unwrap_err().to_string()
    };
    let missing = tell(&|config| config.auth.jwks_file = Some(path.clone()));
    assert!(missing.contains("/k: it cannot be read: No such file"), "{missing}");
    std::fs::write(&path, "short").unwrap();
    let short = tell(&|config| config.auth.hmac_secret_file = Some(path.clone()));
    assert!(short.contains("/k: the secret has 5 bytes, at least 32 are needed"), "{short}");
    let pem = tell(&|config| {
        config.auth.public_key_file = Some(path.clone());
        config.auth.public_key_algorithm = Some(PublicKeyAlgorithm::Es256);
    });
    assert!(pem.contains("/k: it is not a public key in PEM for ES256"), "{pem}");
    let inline = tell(&|config| config.auth.hmac_secret = Some(Secret::new(*b"short")));
    assert_eq!(inline, "auth.hmac_secret: the secret has 5 bytes, at least 32 are needed");
}

#[test]
fn nothing_of_the_authority_shows_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.auth.hmac_secret = Some(Secret::new(*b"canary-canary-canary-canary-canary"));
    let shown = format!("{:?} {config:?}", Authority::open(&config, TestClock::new()).unwrap());
    assert!(!shown.contains("canary") && !shown.contains("99, 97"), "{shown}");
}
