//! One key that tokens are checked with, and the one algorithm that it is for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;

/// The shortest shared secret, in bytes: as many as the hash has.
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// The algorithms that a key may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    EdDsa,
    Es256,
    Rs256,
    Hs256,
}

impl Algorithm {
    /// The name in a token's header.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }

    fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

/// A key. Its `Debug` form shows no content.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// By which a token may name it.
    pub(super) id: Option<Box<str>>,
    pub(super) algorithm: Algorithm,
    decoding: DecodingKey,
}

impl Key {
    /// A shared secret.
    pub(super) fn secret(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(format!(
                "the secret has {} bytes, at least {MIN_SECRET_BYTES} are needed",
                bytes.len()
            ));
        }
        Ok(Self { id: None, algorithm: Algorithm::Hs256, decoding: DecodingKey::from_secret(bytes) })
    }

    /// A public key in PEM.
    pub(super) fn pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, String> {
        let decoding = match algorithm {
            Algorithm::EdDsa => DecodingKey::from_ed_pem(pem),
            Algorithm::Es256 => DecodingKey::from_ec_pem(pem),
            Algorithm::Rs256 => DecodingKey::from_rsa_pem(pem),
            Algorithm::Hs256 => return Err("a secret is not a public key".to_owned()),
        };
        let decoding =
            decoding.map_err(|_| format!("it is not a public key in PEM for {}", algorithm.name()))?;
        Ok(Self { id: None, algorithm, decoding })
    }

    /// An RSA key by its base64 components.
    pub(super) fn rsa(modulus: &str, exponent: &str) -> Result<Self, String> {
        match decode(modulus, "n")?.len() {
            256..=1024 => {}
            bytes => return Err(format!("its modulus has {} bits, 2048 to 8192 are accepted", bytes * 8)),
        }
        decode(exponent, "e")?;
        Self::of(Algorithm::Rs256, DecodingKey::from_rsa_components(modulus, exponent))
    }

    /// A P-256 key by its base64 coordinates.
    pub(super) fn p256(x: &str, y: &str) -> Result<Self, String> {
        coordinate(x, "x")?;
        coordinate(y, "y")?;
        Self::of(Algorithm::Es256, DecodingKey::from_ec_components(x, y))
    }

    /// An Ed25519 key by its base64 content.
    pub(super) fn ed25519(x: &str) -> Result<Self, String> {
        coordinate(x, "x")?;
        Self::of(Algorithm::EdDsa, DecodingKey::from_ed_components(x))
    }

    fn of(algorithm: Algorithm, decoding: jsonwebtoken::errors::Result<DecodingKey>) -> Result<Self, String> {
        let decoding = decoding.map_err(|error| format!("it is not a key: {error}"))?;
        Ok(Self { id: None, algorithm, decoding })
    }

    /// Whether this key made the signature. Anything that goes wrong is a no.
    pub(super) fn signed(&self, message: &str, signature: &str) -> bool {
        let outcome = jsonwebtoken::crypto::verify(
            signature,
            message.as_bytes(),
            &self.decoding,
            self.algorithm.library(),
        );
        outcome.unwrap_or(false)
    }
}

fn decode(text: &str, name: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("its `{name}` is not base64url"))
}

fn coordinate(text: &str, name: &str) -> Result<(), String> {
    match decode(text, name)?.len() {
        32 => Ok(()),
        bytes => Err(format!("its `{name}` has {bytes} bytes instead of 32")),
    }
}
