//! Tokens and sets of keys.

use causerie_protocol::Timestamp;

use super::claims::Rules;
use super::header::Header;
use super::jwks;
use super::key::Key;
use super::keyset::KeySet;
use super::verify::verify;
use crate::config;

/// 2026-01-01.
const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// The parts of a token, each from all the bytes; and the bytes as a token, which nobody can have signed.
pub fn token(bytes: &[u8]) {
    let rules = Rules::new(&config::Auth::default());
    if let Ok(identity) = rules.check(bytes, NOW) {
        assert!(identity.expires.is_some_and(|expires| expires > NOW), "no token is good for ever");
    }
    // Whatever it asks for, nothing in it is obeyed.
    let _ = Header::parse(bytes);
    let keys =
        KeySet::new(vec![Key::secret(b"a secret that nobody knows, of 44 bytes.....").expect("a key")]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(verify(text, &keys, &rules, NOW).is_err());
    }
}

/// A set has keys, or says why not.
pub fn key_set(bytes: &[u8]) {
    match jwks::parse(bytes) {
        Ok(keys) => assert!((1..=64).contains(&keys.len())),
        Err(why) => assert!(!why.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_and_claims(
            any in any::<Vec<u8>>(),
            near in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}",
            claims in r#"\{("(exp|iat|nbf|sub|jti|iss|aud|alg|kid|crit|\PC{0,3})":("\PC{0,5}"|-?[0-9]{1,20}(\.[0-9])?(e[0-9]{1,3})?|null|\[\]),?){0,6}\}"#,
        ) {
            super::token(&any);
            super::token(near.as_bytes());
            super::token(claims.as_bytes());
            super::token(claims.replace(",}", "}").as_bytes());
        }

        #[test]
        fn key_sets(
            any in any::<Vec<u8>>(),
            near in r#"\{"keys":\[\{"kty":"(RSA|EC|OKP|oct)","crv":"(P-256|Ed25519)","(kid|alg|use)":"\PC{0,6}","n":"[A-Za-z0-9_-]{0,400}","e":"AQAB","x":"[A-Za-z0-9_-]{43}","y":"[A-Za-z0-9_-]{43}"\}\]\}"#,
        ) {
            super::key_set(&any);
            super::key_set(near.as_bytes());
        }
    }
}
