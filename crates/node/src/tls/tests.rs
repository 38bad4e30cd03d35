//! Certificates as files, and what a client is shown.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::*;

/// A certificate for `localhost`, signed by itself, in `name.pem` and `name.key`.
fn certificate(folder: &Path, name: &str) -> rcgen::Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
    made.cert
}

fn config(folder: &Path, cert: &str, key: &str) -> config::Tls {
    config::Tls { cert_file: Some(folder.join(cert)), key_file: Some(folder.join(key)) }
}

/// Whether a client that trusts only this certificate gets through.
async fn trusted(tls: &Tls, certificate: &rcgen::Certificate) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let connector = TlsConnector::from(Arc::new(client));
    let name = ServerName::try_from("localhost").unwrap();
    let (accepted, connected) = tokio::join!(tls.acceptor().accept(ours), connector.connect(name, theirs));
    accepted.is_ok() && connected.is_ok()
}

#[tokio::test]
async fn a_certificate_is_replaced_while_the_server_runs_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = certificate(folder, "a");
    let tls = Tls::open(&config(folder, "a.pem", "a.key")).unwrap().unwrap();
    assert!(trusted(&tls, &first).await);

    let second = certificate(folder, "a");
    tls.keep_fresh();
    assert!(trusted(&tls, &second).await && !trusted(&tls, &first).await);

    std::fs::write(folder.join("a.pem"), "broken").unwrap();
    tls.keep_fresh();
    assert!(tls.reload(&config(folder, "a.pem", "a.key")).is_err());
    assert!(trusted(&tls, &second).await, "the old one stays");

    let third = certificate(folder, "b");
    tls.reload(&config(folder, "b.pem", "b.key")).unwrap();
    assert!(trusted(&tls, &third).await, "from other files");
    assert!(tls.reload(&config::Tls::default()).unwrap_err().to_string().contains("restart"));
}

#[test]
fn what_is_wrong_is_told_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificate(folder, "a");
    certificate(folder, "b");
    std::fs::write(folder.join("empty"), "").unwrap();
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(folder.join("encrypted"), encrypted).unwrap();
    for (cert, key, expected) in [
        ("missing", "a.key", "missing: it cannot be read: No such file"),
        ("a.pem", "missing", "missing: it cannot be read: No such file"),
        ("empty", "a.key", "empty: it holds no certificate (BEGIN CERTIFICATE)"),
        ("a.key", "a.key", "a.key: it holds no certificate (BEGIN CERTIFICATE)"),
        ("a.pem", "a.pem", "a.pem: it holds no private key (BEGIN PRIVATE KEY)"),
        ("a.pem", "encrypted", "encrypted: its key has a passphrase"),
        ("a.pem", "b.key", "b.key is not the private key of the certificate in "),
    ] {
        let error = Tls::open(&config(folder, cert, key)).unwrap_err().to_string();
        assert!(error.contains(expected), "{cert}, {key}: {error}");
    }
    assert!(Tls::open(&config::Tls::default()).unwrap().is_none());
}
