//! Where keys come from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::key::{Algorithm, Key};
use super::keyset::KeySet;
use super::{fetch, jwks, local_secret};
use crate::config::{self, Config, PublicKeyAlgorithm, Secret};
use crate::small_file::{self, FileStamp};

/// The largest key file, in bytes.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Keys could not be had. Those in use stay in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file or its content is wrong.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The set could not be fetched, or what came is not one.
    #[error("{url}: {problem}")]
    Fetch {
        /// The address.
        url: String,
        /// What went wrong.
        problem: String,
    },
    /// The setting's value is wrong.
    #[error("{0}")]
    Setting(String),
    /// The secret of sign-in by name is missing or damaged.
    #[error("{0}")]
    LocalSecret(String),
}

/// The one source of keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// Sign-in by name, with the secret of the data directory.
    ByName(Secret),
    Secret(Secret),
    SecretFile(PathBuf),
    PublicKey(PathBuf, PublicKeyAlgorithm),
    JwksFile(PathBuf),
    JwksUrl(Remote),
}

/// A set behind an address.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Remote {
    pub(super) url: String,
    pub(super) timeout: Duration,
    pub(super) refresh: Duration,
    pub(super) max_age: Duration,
}

/// What to do when the secret of sign-in by name is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Make,
    Fail,
}

impl Source {
    /// The source that a checked configuration names.
    pub(super) fn new(config: &Config, missing: Missing) -> Result<Self, KeyError> {
        let config::Auth { jwks_refresh, jwks_max_age, jwks_timeout, .. } = config.auth;
        let auth = config.auth.clone();
        Ok(if let Some(secret) = auth.hmac_secret {
            Self::Secret(secret)
        } else if let Some(path) = auth.hmac_secret_file {
            Self::SecretFile(path)
        } else if let (Some(path), Some(algorithm)) = (auth.public_key_file, auth.public_key_algorithm) {
            Self::PublicKey(path, algorithm)
        } else if let Some(path) = auth.jwks_file {
            Self::JwksFile(path)
        } else if let Some(url) = auth.jwks_url {
            Self::JwksUrl(Remote { url, timeout: jwks_timeout, refresh: jwks_refresh, max_age: jwks_max_age })
        } else {
            let data_dir = &config.store.data_dir;
            let secret = match missing {
                Missing::Make => local_secret::open(data_dir),
                Missing::Fail => local_secret::read(data_dir),
            };
            Self::ByName(secret.map_err(KeyError::LocalSecret)?)
        })
    }

    /// The file that it is read from.
    fn file(&self) -> Option<&Path> {
        match self {
            Self::SecretFile(path) | Self::PublicKey(path, _) | Self::JwksFile(path) => Some(path),
            Self::ByName(_) | Self::Secret(_) | Self::JwksUrl(_) => None,
        }
    }

    /// What its file looks like now.
    pub(super) fn stamp(&self) -> Option<FileStamp> {
        self.file().map(FileStamp::of)
    }

    /// The keys, without a network: a set behind an address is empty until it is fetched.
    pub(super) fn keys(&self) -> Result<KeySet, KeyError> {
        let one = |key: Key| KeySet::new(vec![key]);
        match self {
            Self::ByName(secret) => Key::secret(secret.expose()).map(one).map_err(KeyError::LocalSecret),
            Self::Secret(secret) => Key::secret(secret.expose())
                .map(one)
                .map_err(|problem| KeyError::Setting(format!("auth.hmac_secret: {problem}"))),
            Self::SecretFile(path) => {
                let secret = read_secret(path)?;
                Key::secret(secret.expose()).map(one).map_err(in_file(path))
            }
            Self::PublicKey(path, algorithm) => {
                let algorithm = match algorithm {
                    PublicKeyAlgorithm::EdDsa => Algorithm::EdDsa,
                    PublicKeyAlgorithm::Es256 => Algorithm::Es256,
                    PublicKeyAlgorithm::Rs256 => Algorithm::Rs256,
                };
                read(path).and_then(|pem| Key::pem(&pem, algorithm)).map(one).map_err(in_file(path))
            }
            Self::JwksFile(path) => read(path).and_then(|json| jwks::parse(&json)).map_err(in_file(path)),
            Self::JwksUrl(_) => Ok(KeySet::default()),
        }
    }

    /// The secret that signs, where there is one.
    pub(super) fn secret(&self) -> Result<Option<Secret>, KeyError> {
        match self {
            Self::ByName(secret) | Self::Secret(secret) => Ok(Some(secret.clone())),
            Self::SecretFile(path) => read_secret(path).map(Some),
            Self::PublicKey(..) | Self::JwksFile(_) | Self::JwksUrl(_) => Ok(None),
        }
    }
}

impl Remote {
    /// Fetches the keys. Blocks.
    pub(super) fn fetch(&self) -> Result<KeySet, KeyError> {
        fetch::fetch(&self.url, self.timeout)
            .and_then(|json| jwks::parse(&json))
            .map_err(|problem| KeyError::Fetch { url: self.url.clone(), problem })
    }
}

fn in_file(path: &Path) -> impl FnOnce(String) -> KeyError {
    let path = path.to_owned();
    move |problem| KeyError::File { path, problem }
}

fn read_secret(path: &Path) -> Result<Secret, KeyError> {
    Secret::read(path).map_err(|error| KeyError::Setting(error.to_string()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    small_file::read(path, MAX_FILE_BYTES)
}
