//! From a token to an identity, given the keys and the time: no I/O, no clock.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causerie_actors::authenticate::Identity;
use causerie_protocol::Timestamp;

use super::claims::Rules;
use super::header::Header;
use super::keyset::KeySet;

/// The longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Why a token was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reject {
    /// No loaded key has the id that it names; a newer set may have it.
    UnknownKey,
    /// It was good until it expired.
    Expired,
    /// What is wrong with it, without any of its content.
    Refused(String),
}

/// Checks a token as of `now`.
pub(super) fn verify(token: &str, keys: &KeySet, rules: &Rules, now: Timestamp) -> Result<Identity, Reject> {
    let refused = |reason: &str| Reject::Refused(reason.to_owned());
    if token.len() > MAX_TOKEN_BYTES {
        return Err(refused("it is too long"));
    }
    let (message, signature) = token.rsplit_once('.').ok_or_else(|| refused("it has not three parts"))?;
    let (header, claims) = message.split_once('.').ok_or_else(|| refused("it has not three parts"))?;
    if claims.contains('.') {
        return Err(refused("it has not three parts"));
    }
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| refused("a part is not base64url"));
    let header = Header::parse(&part(header)?).map_err(Reject::Refused)?;
    let claims = part(claims)?;
    part(signature)?;

    let mut candidates = keys.candidates(header.key_id.as_deref()).peekable();
    if candidates.peek().is_none() {
        return Err(Reject::UnknownKey);
    }
    let mut of_its_algorithm = candidates.filter(|key| key.algorithm.name() == header.algorithm).peekable();
    if of_its_algorithm.peek().is_none() {
        return Err(refused("its algorithm is not that of the key"));
    }
    if !of_its_algorithm.any(|key| key.signed(message, signature)) {
        return Err(refused("its signature is wrong"));
    }
    rules.check(&claims, now)
}
