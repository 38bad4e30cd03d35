//! A JSON Web Key Set, as an identity provider publishes it.

use serde::Deserialize;

use super::key::Key;
use super::keyset::KeySet;

/// The most keys of one set.
const MAX_KEYS: usize = 64;

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Reads a set. Keys that are for something else are left out, as the standard asks; a set of none is an error, which
/// says why each was left out.
pub(super) fn parse(json: &[u8]) -> Result<KeySet, String> {
    let set: Set =
        serde_json::from_slice(json).map_err(|error| format!("it is not a JSON Web Key Set: {error}"))?;
    if set.keys.len() > MAX_KEYS {
        return Err(format!("it has {} keys, at most {MAX_KEYS} are accepted", set.keys.len()));
    }
    let mut keys = Vec::new();
    let mut left_out = Vec::new();
    for (index, value) in set.keys.into_iter().enumerate() {
        let jwk = serde_json::from_value::<Jwk>(value).map_err(|error| error.to_string());
        match jwk.and_then(|jwk| key(&jwk)) {
            Ok(key) => keys.push(key),
            Err(reason) => left_out.push(format!("key {}: {reason}", index + 1)),
        }
    }
    if keys.is_empty() {
        return Err(format!("it has no key that can be used ({})", left_out.join("; ")));
    }
    Ok(KeySet::new(keys))
}

fn key(jwk: &Jwk) -> Result<Key, String> {
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return Err("it is not for signatures".to_owned());
    }
    if jwk.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
        return Err("it is not for checking signatures".to_owned());
    }
    let mut key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Key::rsa(part(&jwk.n, "n")?, part(&jwk.e, "e")?)?,
        ("EC", Some("P-256")) => Key::p256(part(&jwk.x, "x")?, part(&jwk.y, "y")?)?,
        ("OKP", Some("Ed25519")) => Key::ed25519(part(&jwk.x, "x")?)?,
        ("oct", _) => return Err("a secret has no place in a public set".to_owned()),
        (kty, crv) => return Err(format!("{kty} {} is not supported", crv.unwrap_or_default())),
    };
    // `Ed25519` is the newer name of the same algorithm.
    let named = jwk.alg.as_deref().map(|alg| if alg == "Ed25519" { "EdDSA" } else { alg });
    if let Some(alg) = named.filter(|alg| *alg != key.algorithm.name()) {
        return Err(format!("{alg} is not supported"));
    }
    key.id = jwk.kid.clone().map(Into::into);
    Ok(key)
}

fn part<'a>(value: &'a Option<String>, name: &str) -> Result<&'a str, String> {
    value.as_deref().ok_or_else(|| format!("it lacks `{name}`"))
}
