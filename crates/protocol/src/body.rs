//! The body of a message: opaque to the server, kept and returned byte for byte, but for line breaks between its tokens,
//! which become blanks.
//!
//! It is checked once, on entry (well-formed, a content type, `text` or `data` but not both, within the limit),
//! and then carried as the JSON text it came as: pasted into frames, never decoded again.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::kept;
use crate::limits::JSON_DEPTH;

/// A checked message body, as one line of JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(Arc<str>);

/// Why a body was not accepted. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not an object with `content_type` and one of `text` and `data`.
    #[error("body: {0}")]
    Invalid(String),
    /// Larger than the limit.
    #[error("body: {bytes} bytes of content, at most {limit} are accepted")]
    TooLarge {
        /// What it has, decoded.
        bytes: usize,
        /// What is accepted.
        limit: usize,
    },
}

impl Body {
    /// The longest `content_type`, in bytes.
    pub const MAX_CONTENT_TYPE_BYTES: usize = 128;

    /// A text body.
    pub fn text(text: &str) -> Self {
        Self::json(&serde_json::json!({ "content_type": "text/plain", "text": text }))
    }

    /// A body of the server's own making, from an object that has a `content_type`.
    pub fn json(object: &serde_json::Value) -> Self {
        Self(object.to_string().into())
    }

    /// Takes a body back out of storage, where only checked ones are.
    pub fn stored(json: &str) -> Self {
        Self(json.into())
    }

    /// Checks a body as it came: `limit` bytes of text, or of data once decoded.
    ///
    /// # Errors
    /// [`BodyError`] says what is wrong.
    pub fn check(raw: &RawValue, limit: usize) -> Result<Self, BodyError> {
        if !raw.get().starts_with('{') {
            return Err(BodyError::Invalid("is not an object".to_owned()));
        }
        let view: View =
            serde_json::from_str(raw.get()).map_err(|error| BodyError::Invalid(error.to_string()))?;
        let bytes = match (&view.text, &view.data) {
            (Some(text), None) => text.0,
            (None, Some(data)) => data.0,
            _ => return Err(BodyError::Invalid("needs `text` or `data`, and not both".to_owned())),
        };
        if view.content_type.0 == 0 || view.content_type.0 > Self::MAX_CONTENT_TYPE_BYTES {
            let problem = format!("`content_type` has 1 to {} bytes", Self::MAX_CONTENT_TYPE_BYTES);
            return Err(BodyError::Invalid(problem));
        }
        if bytes > limit {
            return Err(BodyError::TooLarge { bytes, limit });
        }
        Ok(Self::one_line(raw.get()))
    }

    /// The JSON text, on one line.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The content as a reader sees it.
    ///
    /// # Errors
    /// Never for a body that was checked; the parser's own error otherwise.
    pub fn content(&self) -> Result<Content, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// A line break in JSON can only stand between tokens; without them a body fits into JSON lines.
    fn one_line(json: &str) -> Self {
        if json.contains(['\n', '\r']) {
            Self(json.replace(['\n', '\r'], " ").into())
        } else {
            Self(json.into())
        }
    }
}

/// A body taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Content {
    /// The media type.
    pub content_type: String,
    /// The text, where it is one.
    #[serde(default)]
    pub text: Option<String>,
    /// The bytes in base64, where it is not.
    #[serde(default)]
    pub data: Option<String>,
}

impl fmt::Debug for Body {
    /// Bodies are private: what is printed is their size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self::one_line(raw.get()))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Body {
    fn schema_name() -> Cow<'static, str> {
        "Body".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "Opaque to the server, kept and returned byte for byte: `text`, or `data` in base64, never both.",
            "properties": {
                "content_type": { "type": "string", "minLength": 1, "maxLength": Self::MAX_CONTENT_TYPE_BYTES },
                "text": { "type": "string" },
                "data": { "type": "string", "contentEncoding": "base64" },
            },
            "required": ["content_type"],
        })
    }
}

/// What is looked at of a body that comes in: the lengths; and whether others can read what else it has.
struct View {
    content_type: TextBytes,
    text: Option<TextBytes>,
    data: Option<DataBytes>,
}

impl<'de> Deserialize<'de> for View {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = View;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<View, A::Error> {
                let (mut content_type, mut text, mut data) = (None, None, None);
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    match name.as_ref() {
                        "content_type" => once(&mut content_type, &mut map, "content_type")?,
                        "text" => once(&mut text, &mut map, "text")?,
                        "data" => once(&mut data, &mut map, "data")?,
                        _ => {
                            let more = map.next_value::<&RawValue>()?;
                            kept::check(more.get(), JSON_DEPTH - 1).map_err(de::Error::custom)?;
                        }
                    }
                }
                let content_type = content_type.ok_or_else(|| de::Error::missing_field("content_type"))?;
                Ok(View { content_type, text: text.flatten(), data: data.flatten() })
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Reads a field that may be there once.
fn once<'de, A: de::MapAccess<'de>, T: Deserialize<'de>>(
    field: &mut Option<T>,
    map: &mut A,
    name: &'static str,
) -> Result<(), A::Error> {
    if field.replace(map.next_value()?).is_some() {
        return Err(de::Error::duplicate_field(name));
    }
    Ok(())
}

/// The length of a text that is well-formed (no lone surrogates), without keeping it.
struct TextBytes(usize);

/// The length of what a base64 text stands for.
struct DataBytes(usize);

impl<'de> Deserialize<'de> for TextBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = TextBytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<TextBytes, E> {
                Ok(TextBytes(text.len()))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl<'de> Deserialize<'de> for DataBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = DataBytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes in base64")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<DataBytes, E> {
                let data = base64::engine::general_purpose::STANDARD.decode(text);
                data.map(|data| DataBytes(data.len())).map_err(|_| E::custom("`data` is not base64"))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<Body, BodyError> {
        Body::check(serde_json::from_str(json).unwrap(), 10)
    }

    #[test]
    fn a_body_is_kept_as_it_came() {
        let json = r#"{"text":"a\u0000\u202e","content_type":"text/plain","more":{"x":1e300}}"#;
        assert_eq!(check(json).unwrap().as_json(), json);
        assert_eq!(
            check("{\"content_type\":\"a\",\n\"text\":\"\\n\"}").unwrap().as_json(),
            r#"{"content_type":"a", "text":"\n"}"#
        );
    }

    #[test]
    fn a_bad_body_is_refused() {
        for bad in [
            r#"["text/plain","a"]"#,
            r#"{"text":"a"}"#,
            r#"{"content_type":"a"}"#,
            r#"{"content_type":"","text":"a"}"#,
            r#"{"content_type":"a","text":"a","data":"aaaa"}"#,
            r#"{"content_type":"a","data":"a"}"#,
            r#"{"content_type":"a","text":"\ud800"}"#,
            r#"{"content_type":"a","text":"a","text":"b"}"#,
            r#"{"content_type":"a","text":"a","more":"\udc00"}"#,
            r#"{"content_type":"a","text":"a","\udc00":0}"#,
            r#"{"content_type":"a","text":"a","more":1e999}"#,
            &format!(r#"{{"content_type":"a","text":"a","more":{}0{}}}"#, "[".repeat(32), "]".repeat(32)),
        ] {
            assert!(matches!(check(bad), Err(BodyError::Invalid(_))), "{bad}");
        }
        assert_eq!(
            check(r#"{"content_type":"a","text":"12345678901"}"#),
            Err(BodyError::TooLarge { bytes: 11, limit: 10 })
        );
    }

    #[test]
    fn a_body_does_not_print_itself() {
        assert!(!format!("{:?}", Body::text("secret")).contains("secret"));
    }
}
