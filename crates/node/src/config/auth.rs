//! `[auth]`

use std::path::PathBuf;
use std::time::Duration;

use super::kind::{Choice, choice, list, optional, path, seconds, secret, text, url};
use super::secret::Secret;
use super::section::section;

/// How a user's token is signed. The algorithm belongs to the key; what a token says of it only has to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKeyAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
}

impl Choice for PublicKeyAlgorithm {
    const ALL: &'static [(&'static str, Self)] =
        &[("EdDSA", Self::EdDsa), ("ES256", Self::Es256), ("RS256", Self::Rs256)];
}

/// Whether anybody may sign in by a name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInByName {
    /// While the listener is loopback and no key is configured.
    Auto,
    /// Never.
    Off,
}

impl Choice for SignInByName {
    const ALL: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("off", Self::Off)];
}

section! {
    /// Who may sign in. Users come with a JSON Web Token from your identity provider; this section says whose
    /// signature counts. Configure one of `jwks_file`, `jwks_url`, `public_key_file`, `hmac_secret` and
    /// `hmac_secret_file`, or none to sign in by name on loopback.
    Auth = "auth" {
        /// A file with the provider's public keys as a JSON Web Key Set. Read again when it changes.
        jwks_file: Option<PathBuf> = None, optional(path()), reload;
        /// The address of the provider's JSON Web Key Set: `https://`, or `http://` on loopback.
        ///
        /// The choice for a provider that rotates its keys: a token with an unknown key id makes the server look again,
        /// at most every ten seconds. Redirects are not followed.
        jwks_url: Option<String> = None, optional(url()), reload;
        /// How often the keys behind `jwks_url` are fetched.
        ///
        /// A key that the provider has withdrawn is accepted for at most this long.
        jwks_refresh as "jwks_refresh_s": Duration = Duration::from_secs(300), seconds(10..=86_400), reload;
        /// How long the last fetched keys are used while `jwks_url` cannot be fetched.
        ///
        /// Longer survives a longer outage of the provider; shorter ends trust in withdrawn keys sooner.
        jwks_max_age as "jwks_max_age_s": Duration = Duration::from_secs(86_400), seconds(60..=2_592_000), reload;
        /// How long one fetch of `jwks_url` may take.
        ///
        /// A client whose key is not known yet waits for it: keep it below `timeouts.hello_s`.
        jwks_timeout as "jwks_timeout_s": Duration = Duration::from_secs(3), seconds(1..=60), reload;
        /// A file with the provider's one public key in PEM. Needs `public_key_algorithm`. Read again when it changes.
        public_key_file: Option<PathBuf> = None, optional(path()), reload;
        /// The algorithm of the key in `public_key_file`.
        public_key_algorithm: Option<PublicKeyAlgorithm> = None, optional(choice()), reload;
        /// A secret of at least 32 bytes that the issuer of the tokens shares with this server (HS256).
        ///
        /// Whoever has it can be anybody: prefer a public key where the issuer is another service. Set it by
        /// `CAUSERIE_AUTH__HMAC_SECRET` or by `hmac_secret_file`, not in a file that others read.
        hmac_secret: Option<Secret> = None, optional(secret()), reload;
        /// A file that holds the secret; instead of `hmac_secret`. Read again when it changes.
        hmac_secret_file: Option<PathBuf> = None, optional(path()), reload;
        /// What a token's `iss` must be. Set it whenever the provider serves more than one application.
        issuer: Option<String> = None, optional(text()), reload;
        /// What a token's `aud` must contain one of. Set it whenever the provider serves more than one application:
        /// without it a token that was meant for another one is accepted here, if it carries no `aud` at all.
        audience: Vec<String> = Vec::new(), list(text()), reload;
        /// How far the provider's clock may run ahead of this one, for `nbf` and `iat`. `exp` is never stretched.
        leeway as "leeway_s": Duration = Duration::from_secs(30), seconds(0..=300), reload;
        /// The claim that is the user's id. It must never change for a user and never pass to another one.
        user_claim: String = "sub".to_owned(), text(), reload;
        /// Whether anybody may sign in by a name alone: "auto" while the listener is loopback and no key is
        /// configured, "off" never.
        sign_in_by_name: SignInByName = SignInByName::Auto, choice();
        /// How long a token from sign-in by name is good for.
        sign_in_token as "sign_in_token_s": Duration = Duration::from_secs(12 * 3600), seconds(60..=31_536_000);
    }
}

impl Auth {
    /// Whether a key of an identity provider is configured.
    pub fn has_key(&self) -> bool {
        !self.key_sources().is_empty()
    }

    /// The names of the key settings that are in use.
    pub(super) fn key_sources(&self) -> Vec<&'static str> {
        let sources = [
            ("auth.jwks_file", self.jwks_file.is_some()),
            ("auth.jwks_url", self.jwks_url.is_some()),
            ("auth.public_key_file", self.public_key_file.is_some()),
            ("auth.hmac_secret", self.hmac_secret.is_some()),
            ("auth.hmac_secret_file", self.hmac_secret_file.is_some()),
        ];
        sources.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect()
    }
}
