//! Texts that are checked once, where they enter, and are right ever after.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Why a text was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct TextError {
    what: &'static str,
    problem: String,
}

/// Makes a checked text type: at most so many bytes, not empty, without control characters or outer blanks.
macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The longest that is accepted, in bytes.
            pub const MAX_BYTES: usize = $max;

            /// Checks a text.
            ///
            /// # Errors
            /// Names what is wrong: empty, too long, outer blanks, or a control character.
            pub fn new(text: &str) -> Result<Self, TextError> {
                check($what, text, $max)?;
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = TextError;
            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, concat!($what, " of 1 to {} bytes"), $max)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::new(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": $max })
            }
        }
    };
}

text! {
    /// A user, as the identity provider names it (the token's `sub`).
    UserId, "a user id", 128
}
text! {
    /// One device of a user, chosen by the client and kept by it.
    DeviceId, "a device id", 64
}
text! {
    /// The title of a group.
    Title, "a title", 256
}

fn check(what: &'static str, text: &str, max: usize) -> Result<(), TextError> {
    let problem = if text.is_empty() {
        "is empty".to_owned()
    } else if text.len() > max {
        format!("has {} bytes, at most {max} are accepted", text.len())
    } else if text.trim() != text {
        "begins or ends with a blank".to_owned()
    } else if text.chars().any(char::is_control) {
        "contains a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(TextError { what, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "a user id is empty"),
            (" bob", "a user id begins or ends with a blank"),
            ("b\u{0}b", "a user id contains a control character"),
        ] {
            assert_eq!(UserId::new(text).unwrap_err().to_string(), reason);
        }
        assert!(UserId::new(&"x".repeat(129)).is_err());
        assert!(UserId::new("auth0|5f7c8ec7c33c6c004bbafe82").is_ok());
        assert!(UserId::new("Zoë 🦀").is_ok());
    }
}
