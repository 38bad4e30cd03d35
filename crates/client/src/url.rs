//! Where a server is.

use std::str::FromStr;

use tokio_tungstenite::tungstenite::http::Uri;

/// The address of a server: `http://host:port`, `https://…`, or the same with `ws` and `wss`; a path before `/v1` is
/// kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    prefix: String,
}

/// Why a text is no server's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the address of a server: {problem} (for example http://127.0.0.1:8080)")]
pub struct UrlError {
    text: String,
    problem: &'static str,
}

impl ServerUrl {
    /// The path of something of the server.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Host and port as they stand in a `Host` header.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host as a name or an address, without the brackets of IPv6.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The address of the WebSocket.
    pub(crate) fn websocket(&self) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        format!("{scheme}://{}{}", self.authority(), self.path("/v1/ws"))
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let error = |problem| UrlError { text: text.to_owned(), problem };
        let uri: Uri = text.parse().map_err(|_| error("it cannot be parsed"))?;
        let tls = match uri.scheme_str() {
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            _ => return Err(error("it begins with http://, https://, ws:// or wss://")),
        };
        let host =
            uri.host().filter(|host| !host.is_empty()).ok_or_else(|| error("there is no host in it"))?;
        if uri.query().is_some() || uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err(error("it has no query and no user in it"));
        }
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { tls, host: host.to_owned(), port, prefix: uri.path().trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_the_websocket() {
        for (text, websocket) in [
            ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/ws"),
            ("https://chat.example/", "wss://chat.example:443/v1/ws"),
            ("ws://[::1]:9/chat/", "ws://[::1]:9/chat/v1/ws"),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().websocket(), websocket);
        }
        for bad in ["", "127.0.0.1:8080", "ftp://a", "http://", "http://a?b", "http://u@a"] {
            assert!(bad.parse::<ServerUrl>().is_err(), "{bad}");
        }
    }
}
