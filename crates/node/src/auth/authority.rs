//! The keys in use, kept fresh, and the [`Authenticator`] made of them.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use causerie_actors::authenticate::{AuthenticateError, Authenticator, BoxFuture, Identity};
use causerie_protocol::{Clock, Timestamp, UserId};
use tokio::sync::Mutex;
use tracing::{info, warn};

use super::claims::Rules;
use super::issue::{self, IssueError, Issued};
use super::keyset::KeySet;
use super::source::{KeyError, Missing, Remote, Source};
use super::verify::{Reject, verify};
use crate::config::Config;
use crate::small_file::FileStamp;

/// The least time between two fetches that somebody's token brought about, or between two failed ones.
const MIN_FETCH_GAP: Duration = Duration::from_secs(10);

/// How a user signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// By a name alone: loopback, no key configured.
    Name,
    /// With a token of the operator's identity provider.
    Token,
}

/// Checks tokens with the configured keys, and keeps those fresh.
pub struct Authority {
    clock: Arc<dyn Clock>,
    by_name_lifetime: Duration,
    trust: ArcSwap<Trust>,
    /// When a fetch was last begun, by the monotonic clock. Held while fetching, so that one fetch serves all.
    last_fetch: Mutex<Option<Duration>>,
}

/// What is trusted at the moment; replaced as a whole.
#[derive(Clone, Debug)]
struct Trust {
    source: Source,
    rules: Rules,
    keys: KeySet,
    stamp: Option<FileStamp>,
    /// When the keys were fetched, by the monotonic clock; `None` for those of a file or a setting.
    fetched: Option<Duration>,
}

impl Trust {
    fn new(config: &Config, missing: Missing) -> Result<Self, KeyError> {
        let source = Source::new(config, missing)?;
        let stamp = source.stamp();
        let keys = source.keys()?;
        Ok(Self { source, rules: Rules::new(&config.auth), keys, stamp, fetched: None })
    }

    fn remote(&self) -> Option<&Remote> {
        if let Source::JwksUrl(remote) = &self.source { Some(remote) } else { None }
    }

    /// Whether fetched keys have been in use for too long.
    fn too_old(&self, now: Duration) -> bool {
        let age = self.fetched.map(|fetched| now.saturating_sub(fetched));
        self.remote().is_some_and(|remote| age.is_none_or(|age| age > remote.max_age))
    }
}

impl Authority {
    /// Loads the keys that a checked configuration names; for a set behind an address, [`Self::keep_fresh`] does.
    ///
    /// Makes the secret of sign-in by name on the first run.
    ///
    /// # Errors
    /// A file cannot be read, or holds no key.
    pub fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, KeyError> {
        Self::with(config, clock, Missing::Make)
    }

    /// As [`Self::open`], but leaves the data directory as it is: for commands beside a server.
    ///
    /// # Errors
    /// As [`Self::open`], and when no server has made the secret of sign-in by name yet.
    pub fn open_existing(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, KeyError> {
        Self::with(config, clock, Missing::Fail)
    }

    /// Reads the configured keys and keeps nothing. Without a configured key there is nothing to read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn check(config: &Config) -> Result<(), KeyError> {
        if config.auth.has_key() {
            Trust::new(config, Missing::Fail)?;
        }
        Ok(())
    }

    fn with(config: &Config, clock: Arc<dyn Clock>, missing: Missing) -> Result<Self, KeyError> {
        let trust = ArcSwap::from_pointee(Trust::new(config, missing)?);
        Ok(Self { clock, by_name_lifetime: config.auth.sign_in_token, trust, last_fetch: Mutex::new(None) })
    }

    /// How users sign in at present.
    pub fn sign_in(&self) -> SignIn {
        if matches!(self.trust.load().source, Source::ByName(_)) { SignIn::Name } else { SignIn::Token }
    }

    /// A token for whoever says this name.
    ///
    /// # Errors
    /// [`IssueError::ByNameOff`] unless [`Self::sign_in`] is by name.
    pub fn sign_in_by_name(&self, user: &UserId) -> Result<Issued, IssueError> {
        if self.sign_in() != SignIn::Name {
            return Err(IssueError::ByNameOff);
        }
        self.issue(user, self.by_name_lifetime)
    }

    /// A token for a user, signed with the secret in use.
    ///
    /// # Errors
    /// [`IssueError::NoSecret`] when a public key is configured.
    pub fn issue(&self, user: &UserId, lifetime: Duration) -> Result<Issued, IssueError> {
        let trust = self.trust.load();
        let secret = trust.source.secret().map_err(|error| IssueError::Signing(error.to_string()))?;
        let secret = secret.ok_or(IssueError::NoSecret)?;
        issue::issue(&secret, &trust.rules, user, lifetime, self.clock.wall())
    }

    /// Takes over another configuration and reads all key files again.
    ///
    /// Fetched keys stay when the address is the same. Sign-in by name is not switched on: the sockets that are open may
    /// be others than those of `config`.
    ///
    /// # Errors
    /// As [`Self::open`]; what was trusted stays trusted.
    pub fn reload(&self, config: &Config) -> Result<(), KeyError> {
        if self.sign_in() == SignIn::Token && !config.auth.has_key() {
            return Err(KeyError::Setting("to switch sign-in by name on, restart the server".to_owned()));
        }
        let new = Trust::new(config, Missing::Fail)?;
        self.trust.rcu(|old| {
            let mut new = new.clone();
            if let (Some(ours), Some(theirs)) = (new.remote(), old.remote())
                && ours.url == theirs.url
            {
                (new.keys, new.fetched) = (old.keys.clone(), old.fetched);
            }
            new
        });
        Ok(())
    }

    /// Reads the key file again when it has changed, or fetches the key set when it is due. Call it every few seconds.
    ///
    /// What goes wrong is logged, and the old keys stay.
    pub async fn keep_fresh(&self) {
        let trust = self.trust.load_full();
        if trust.source.stamp() != trust.stamp {
            self.reread(&trust);
        }
        let now = self.clock.monotonic();
        let age = trust.fetched.map(|fetched| now.saturating_sub(fetched));
        if trust.remote().is_some_and(|remote| age.is_none_or(|age| age >= remote.refresh)) {
            self.fetch().await;
        }
    }

    /// Reads the file of `trust` again.
    fn reread(&self, trust: &Trust) {
        let stamp = trust.source.stamp();
        let keys = trust.source.keys();
        match &keys {
            Ok(keys) => info!(keys = keys.len(), "the sign-in keys have changed and were read again"),
            Err(error) => {
                warn!(%error, "the sign-in keys have changed and cannot be used; the old ones stay");
            }
        }
        self.trust.rcu(|old| {
            let mut new = Trust::clone(old);
            if new.source == trust.source {
                new.stamp = stamp.clone();
                new.keys = keys.clone().unwrap_or(new.keys);
            }
            new
        });
    }

    /// Fetches the set, unless that was just done or tried.
    async fn fetch(&self) {
        let mut last = self.last_fetch.lock().await;
        let now = self.clock.monotonic();
        let Some(remote) = self.trust.load().remote().cloned() else { return };
        if last.is_some_and(|last| now.saturating_sub(last) < MIN_FETCH_GAP) {
            return;
        }
        *last = Some(now);
        let url = remote.url.clone();
        let fetched = tokio::task::spawn_blocking(move || remote.fetch()).await;
        match fetched {
            Ok(Ok(keys)) => self.take_over(&url, &keys, now),
            Ok(Err(error)) => warn!(%error, "the sign-in keys cannot be fetched; the old ones stay for now"),
            Err(error) => warn!(%error, "fetching the sign-in keys failed"),
        }
    }

    /// Uses fetched keys, unless the configured address has changed in the meantime.
    fn take_over(&self, url: &str, keys: &KeySet, now: Duration) {
        self.trust.rcu(|old| {
            let mut trust = Trust::clone(old);
            if trust.remote().is_some_and(|remote| remote.url == url) {
                (trust.keys, trust.fetched) = (keys.clone(), Some(now));
            }
            trust
        });
        info!(keys = keys.len(), url, "fetched the sign-in keys");
    }

    async fn identify(&self, token: &str, now: Timestamp) -> Result<Identity, AuthenticateError> {
        let trust = self.trust.load_full();
        let mut outcome = verify(token, &trust.keys, &trust.rules, now);
        let mut too_old = trust.too_old(self.clock.monotonic());
        if trust.remote().is_some() && (too_old || outcome == Err(Reject::UnknownKey)) {
            self.fetch().await;
            let trust = self.trust.load_full();
            outcome = verify(token, &trust.keys, &trust.rules, now);
            too_old = trust.too_old(self.clock.monotonic());
        }
        if too_old {
            return Err(AuthenticateError::Unavailable(
                "the identity provider's keys cannot be fetched".to_owned(),
            ));
        }
        outcome.map_err(|reject| match reject {
            Reject::UnknownKey => AuthenticateError::Refused("its key is not known".to_owned()),
            Reject::Expired => AuthenticateError::Expired,
            Reject::Refused(reason) => AuthenticateError::Refused(reason),
        })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl Authenticator for Authority {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Identity, AuthenticateError>> {
        Box::pin(self.identify(token, now))
    }
}
