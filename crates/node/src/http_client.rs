//! The one HTTP client: blocking, small, for keys, collectors and the commands that talk to a server.

use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// The cryptography of all TLS here.
pub(crate) fn crypto() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A client that trusts what the machine trusts, follows no redirects and hands over every status.
///
/// `timeout` is for a whole exchange; `None` for a stream that goes on.
pub(crate) fn agent(timeout: Option<Duration>) -> ureq::Agent {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(crypto())
        .build();
    ureq::Agent::config_builder()
        .timeout_global(timeout)
        .timeout_connect(Some(timeout.unwrap_or(Duration::from_secs(5))))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("causerie/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build()
        .new_agent()
}
