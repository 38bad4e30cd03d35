//! Opening a connection, plain or with TLS.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_tungstenite::MaybeTlsStream;

use crate::url::ServerUrl;

/// How long a connection may take to open.
const DIAL: Duration = Duration::from_secs(10);

/// A byte stream to a server.
pub(crate) type Stream = MaybeTlsStream<TcpStream>;

/// Opens a byte stream to the server.
pub(crate) async fn dial(url: &ServerUrl) -> io::Result<Stream> {
    let open = async {
        let stream = TcpStream::connect((url.bare_host(), url.port)).await?;
        stream.set_nodelay(true)?;
        if url.tls { secure(url, stream).await } else { Ok(MaybeTlsStream::Plain(stream)) }
    };
    match tokio::time::timeout(DIAL, open).await {
        Ok(result) => {
            result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", url.authority())))
        }
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("{}: no answer in time", url.authority())))
        }
    }
}

#[cfg(feature = "tls")]
async fn secure(url: &ServerUrl, stream: TcpStream) -> io::Result<Stream> {
    use std::sync::Arc;

    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::aws_lc_rs;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(url.bare_host().to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(MaybeTlsStream::Rustls)
}

#[cfg(not(feature = "tls"))]
async fn secure(_: &ServerUrl, _: TcpStream) -> io::Result<Stream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this client was built without the feature `tls`"))
}
