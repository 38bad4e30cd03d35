//! TLS on the clients' listener.
//!
//! The certificate is replaced without closing a connection: new handshakes use the new one. A certificate that cannot
//! be used changes nothing, and a warning says why.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tracing::{info, warn};

use crate::config;
use crate::http_client::crypto;
use crate::small_file::{self, FileStamp};

/// The largest certificate or key file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A certificate cannot be used. The one in use stays in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or does not hold what it should.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The key is not that of the certificate.
    #[error("{} is not the private key of the certificate in {}", key_file.display(), cert_file.display())]
    Mismatch {
        /// The certificate's file.
        cert_file: PathBuf,
        /// The key's file.
        key_file: PathBuf,
    },
    /// The library does not accept the pair for another reason.
    #[error("the certificate cannot be used: {0}")]
    Rejected(String),
}

/// The certificate in use.
pub struct Tls {
    files: ArcSwap<Files>,
    resolver: Arc<Resolver>,
    acceptor: TlsAcceptor,
}

/// Where the certificate is, and what the files looked like when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    stamps: [FileStamp; 2],
}

impl Files {
    fn new(cert: &Path, key: &Path) -> Self {
        let stamps = [FileStamp::of(cert), FileStamp::of(key)];
        Self { cert: cert.to_owned(), key: key.to_owned(), stamps }
    }
}

#[derive(Debug)]
struct Resolver(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    /// Reads the configured certificate; `None` when none is configured.
    ///
    /// # Errors
    /// Says which file is wrong, and how.
    pub fn open(config: &config::Tls) -> Result<Option<Self>, TlsError> {
        let (Some(cert), Some(key)) = (&config.cert_file, &config.key_file) else { return Ok(None) };
        let files = Files::new(cert, key);
        let resolver = Arc::new(Resolver(ArcSwap::from_pointee(load(&files)?)));
        let rejected = |error: rustls::Error| TlsError::Rejected(error.to_string());
        let mut server = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .map_err(rejected)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Resolver>::clone(&resolver));
        // WebSocket and everything beside it is HTTP/1.1 here.
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(server));
        Ok(Some(Self { files: ArcSwap::from_pointee(files), resolver, acceptor }))
    }

    /// What does the handshake of a new connection.
    pub fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reads the certificate of another configuration, or of the same one again.
    ///
    /// # Errors
    /// As [`Self::open`]; the certificate in use stays.
    pub fn reload(&self, config: &config::Tls) -> Result<(), TlsError> {
        let (Some(cert), Some(key)) = (&config.cert_file, &config.key_file) else {
            return Err(TlsError::Rejected("to switch TLS off, restart the server".to_owned()));
        };
        let files = Files::new(cert, key);
        self.resolver.0.store(Arc::new(load(&files)?));
        self.files.store(Arc::new(files));
        Ok(())
    }

    /// Reads the certificate again when a file of it has changed. Call it every few seconds.
    ///
    /// What goes wrong is logged once a change, and the certificate in use stays.
    pub fn keep_fresh(&self) {
        let old = self.files.load_full();
        let new = Files::new(&old.cert, &old.key);
        if new == *old {
            return;
        }
        match load(&new) {
            Ok(certified) => {
                self.resolver.0.store(Arc::new(certified));
                info!("the certificate has changed and was read again");
            }
            Err(error) => warn!(%error, "the certificate has changed and cannot be used; the old one stays"),
        }
        self.files.store(Arc::new(new));
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn load(files: &Files) -> Result<CertifiedKey, TlsError> {
    let in_file = |path: &Path, problem: String| TlsError::File { path: path.to_owned(), problem };
    let pem = read(&files.cert).map_err(|problem| in_file(&files.cert, problem))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| in_file(&files.cert, format!("it is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(in_file(&files.cert, "it holds no certificate (BEGIN CERTIFICATE)".to_owned()));
    }
    let pem = read(&files.key).map_err(|problem| in_file(&files.key, problem))?;
    let key =
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| in_file(&files.key, no_key(&pem).to_owned()))?;
    CertifiedKey::from_der(chain, key, &crypto()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Mismatch { cert_file: files.cert.clone(), key_file: files.key.clone() }
        }
        other => TlsError::Rejected(other.to_string()),
    })
}

fn no_key(pem: &[u8]) -> &'static str {
    let contains = |text: &str| pem.windows(text.len()).any(|window| window == text.as_bytes());
    if contains("BEGIN ENCRYPTED PRIVATE KEY") || contains("Proc-Type: 4,ENCRYPTED") {
        "its key has a passphrase; take it off with: openssl pkey -in FILE -out NEW"
    } else {
        "it holds no private key (BEGIN PRIVATE KEY)"
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    small_file::read(path, MAX_FILE_BYTES)
}

#[cfg(test)]
mod tests;
