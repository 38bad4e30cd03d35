//! The origin of a web page, as browsers send it in the `Origin` header.

use std::fmt;

/// An origin in the one form that browsers send: `scheme://host[:port]`, lower case, no default port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Box<str>);

impl Origin {
    /// Reads an origin; `None` for what no browser would send, since that could never match.
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, default_port) = if let Some(rest) = text.strip_prefix("https://") {
            (rest, "443")
        } else {
            (text.strip_prefix("http://")?, "80")
        };
        let (host, port) = match rest.strip_prefix('[') {
            Some(v6) => {
                let (host, after) = v6.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok().filter(|address| address.to_string() == host)?;
                (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let host_is_plain = !host.is_empty()
            && host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':'));
        let port_is_plain = port.is_none_or(|port| {
            port != default_port
                && port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port)
        });
        (host_is_plain && port_is_plain).then(|| Self(text.into()))
    }

    /// Whether the header holds exactly this origin: no case folding, no suffix, no wildcard.
    pub fn matches(&self, header: &[u8]) -> bool {
        self.0.as_bytes() == header
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_sends_is_an_origin() {
        for good in [
            "https://chat.example.org",
            "http://localhost:5173",
            "http://[::1]:8080",
            "https://[2001:db8::1]",
        ] {
            assert!(Origin::parse(good).is_some_and(|origin| origin.matches(good.as_bytes())), "{good}");
        }
        for bad in [
            "null",
            "*",
            "https://*",
            "chat.example.org",
            "https://",
            "https://chat.example.org/",
            "HTTPS://a.org",
            "https://Chat.example.org",
            "https://a.org:443",
            "http://a.org:80",
            "https://a.org:0",
            "https://a.org:080",
            "https://a.org:99999",
            "https://a.org:",
            "https://user@a.org",
            "wss://a.org",
            "https://[::1",
            "https://[1]",
            "https://[::1]8080",
            "https://[0:0:0:0:0:0:0:1]",
        ] {
            assert!(Origin::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_origin_matches_only_itself() {
        let origin = Origin::parse("https://chat.example.org").unwrap();
        for other in [
            "null",
            "https://chat.example.org.evil.org",
            "https://chat.example.org:8443",
            "https://CHAT.example.org",
            "",
        ] {
            assert!(!origin.matches(other.as_bytes()), "{other}");
        }
    }
}
