//! TLS towards the database.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::config::TlsConfig;
use crate::error::OpenError;

/// Believes the authorities of the file, and nobody else.
pub(crate) fn client(config: &TlsConfig) -> Result<Arc<ClientConfig>, OpenError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&config.ca)? {
        roots.add(certificate).map_err(|error| wrong(&config.ca, &error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Tls(error.to_string()))?
        .with_root_certificates(roots);
    let client = match &config.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, secret)
                .map_err(|error| wrong(certificate, &error))?
        }
    };
    Ok(Arc::new(client))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, OpenError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, pem::Error>>);
    match read {
        Ok(found) if found.is_empty() => Err(wrong(path, &"it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(path, &error)),
    }
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> OpenError {
    OpenError::Tls(format!("{}: {error}", path.display()))
}
