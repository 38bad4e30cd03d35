//! A token's header: untrusted, and asked for two things only.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a header may say that matters here.
#[derive(Debug, Deserialize)]
struct Wire {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    jwk: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
}

/// A header that asks for nothing dangerous.
#[derive(Debug)]
pub(super) struct Header {
    /// What the token says of its algorithm; the key has the last word.
    pub(super) algorithm: String,
    /// The key that it names.
    pub(super) key_id: Option<String>,
}

impl Header {
    /// Reads a header. Whatever brings its own key, or must be understood and is not, is refused.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let wire: Wire = serde_json::from_slice(json).map_err(|_| "its header is malformed".to_owned())?;
        let brought = [
            ("crit", wire.crit.is_some()),
            ("jku", wire.jku.is_some()),
            ("jwk", wire.jwk.is_some()),
            ("x5u", wire.x5u.is_some()),
            ("x5c", wire.x5c.is_some()),
        ];
        if let Some((name, _)) = brought.into_iter().find(|(_, present)| *present) {
            return Err(format!("its header has `{name}`"));
        }
        Ok(Self { algorithm: wire.alg, key_id: wire.kid })
    }
}
