//! Key pairs of a pretended identity provider, made anew for each test.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What signs, and its public half where it has one.
pub(crate) enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
    Secret(Vec<u8>),
}

impl Pair {
    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("a key"))
    }

    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    pub(crate) fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")))
    }

    /// A token of a user, good for so long.
    pub(crate) fn token(&self, key_id: &str, user: &str, lifetime: Duration) -> String {
        self.sign(
            key_id,
            &json!({ "sub": user, "exp": in_seconds(lifetime), "iat": in_seconds(Duration::ZERO) }),
        )
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, key_id: &str, claims: &Value) -> String {
        let algorithm = match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
            Self::Secret(_) => "HS256",
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "typ": "JWT", "alg": algorithm, "kid": key_id });
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::P256(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
            Self::Secret(bytes) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), message).as_ref().to_vec()
            }
        }
    }

    /// The public half, as a provider publishes it.
    pub(crate) fn jwk(&self, key_id: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": key_id, "x": encode(pair.public_key().as_ref()) })
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "kid": key_id, "x": x, "y": y })
            }
            Self::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let n = encode(n.big_endian_without_leading_zero());
                let e = encode(e.big_endian_without_leading_zero());
                json!({ "kty": "RSA", "kid": key_id, "use": "sig", "alg": "RS256", "n": n, "e": e })
            }
            Self::Secret(bytes) => json!({ "kty": "oct", "kid": key_id, "k": encode(bytes) }),
        }
    }
}

/// A set of public keys, as JSON.
pub(crate) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// The seconds of the wall clock after so long.
#[expect(clippy::disallowed_methods, reason = "a real server compares it with the real clock")]
pub(crate) fn in_seconds(after: Duration) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    (now + after).as_secs_f64()
}
