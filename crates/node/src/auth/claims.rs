//! What a token says, once its signature is known to be good.

use std::fmt;
use std::time::Duration;

use causerie_actors::authenticate::Identity;
use causerie_protocol::{Timestamp, UserId};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::verify::Reject;
use crate::config;

/// Seconds of the last moment of the year 9999; what lies above is not a time but an attempt.
const MAX_TIME_S: u64 = 253_402_300_799;

/// The longest `jti`, in bytes.
const MAX_TOKEN_ID_BYTES: usize = 256;

/// What a token must say.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) issuer: Option<String>,
    pub(super) audience: Vec<String>,
    pub(super) leeway: Duration,
    pub(super) user_claim: String,
}

impl Rules {
    pub(super) fn new(auth: &config::Auth) -> Self {
        Self {
            issuer: auth.issuer.clone(),
            audience: auth.audience.clone(),
            leeway: auth.leeway,
            user_claim: auth.user_claim.clone(),
        }
    }

    /// Checks the claims as of `now`.
    pub(super) fn check(&self, claims: &[u8], now: Timestamp) -> Result<Identity, Reject> {
        let Once(claims) = serde_json::from_slice(claims).map_err(|_| refused("its claims are malformed"))?;
        let expires = time(&claims, "exp")?.ok_or_else(|| refused("it has no `exp`"))?;
        if expires <= now {
            return Err(Reject::Expired);
        }
        let latest = now.plus(self.leeway);
        if time(&claims, "nbf")?.is_some_and(|not_before| not_before > latest) {
            return Err(refused("it is not valid yet (`nbf`)"));
        }
        let issued = time(&claims, "iat")?;
        if issued.is_some_and(|issued| issued > latest) {
            return Err(refused("it was issued in the future (`iat`)"));
        }
        self.check_parties(&claims)?;
        let user = text(&claims, &self.user_claim)?
            .ok_or_else(|| refused(&format!("it has no `{}`", self.user_claim)))?;
        let user = UserId::new(user).map_err(|error| refused(&error.to_string()))?;
        let token_id = text(&claims, "jti")?;
        if token_id.is_some_and(|id| id.len() > MAX_TOKEN_ID_BYTES) {
            return Err(refused("its `jti` is too long"));
        }
        Ok(Identity { user, expires: Some(expires), issued, token_id: token_id.map(Into::into) })
    }

    /// Who it is from and for.
    fn check_parties(&self, claims: &Map<String, Value>) -> Result<(), Reject> {
        let issuer = text(claims, "iss")?;
        if self.issuer.is_some() && issuer != self.issuer.as_deref() {
            return Err(refused("it is from another issuer (`iss`)"));
        }
        let ours = |audience: &Value| {
            audience.as_str().is_some_and(|name| self.audience.iter().any(|our| our == name))
        };
        let for_us = match claims.get("aud") {
            None | Some(Value::Null) => self.audience.is_empty(),
            Some(Value::Array(all)) => all.iter().any(ours),
            Some(one) => ours(one),
        };
        if for_us { Ok(()) } else { Err(refused("it is for another audience (`aud`)")) }
    }
}

/// An object in which no name stands twice: who issued it and who reads it could take different ones.
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Once;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(de::Error::custom("a name stands twice"));
                    }
                }
                Ok(Once(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

fn refused(reason: &str) -> Reject {
    Reject::Refused(reason.to_owned())
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Reject> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(refused(&format!("its `{name}` is not a text"))),
    }
}

/// A time in whole or broken seconds.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Reject> {
    let Some(value) = claims.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let ms = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) if seconds <= MAX_TIME_S => Some(seconds * 1_000),
        (None, Some(seconds)) if (0.0..=253_402_300_799.0).contains(&seconds) => {
            u64::try_from(Duration::from_secs_f64(seconds).as_millis()).ok()
        }
        _ => None,
    };
    ms.map(|ms| Some(Timestamp(ms))).ok_or_else(|| refused(&format!("its `{name}` is not a time")))
}
