//! JSON that the server keeps and gives out as it came: what bodies have beside their content, and users' settings.
//!
//! It never looks inside, but others will, with parsers of all kinds. What some of them cannot read would let one member
//! of a conversation break the others' clients, so it does not come in: deep nesting, halves of surrogate pairs, and
//! numbers that no double holds. Repeated names, NUL and marks of direction are text like any other.

use crate::limits::JSON_DEPTH;

/// Why a text is not kept. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// Some parsers read no further.
    #[error("is nested deeper than {JSON_DEPTH} levels")]
    TooDeep,
    /// An escape that stands for no character.
    #[error("has half of a surrogate pair, which is no character")]
    LoneSurrogate,
    /// Some parsers take it for infinite, and some for a mistake.
    #[error("has a number that is too large for a double")]
    HugeNumber,
}

/// Checks a text that is JSON already, and may be nested so many levels deep.
///
/// # Errors
/// It is nested deeper, has half of a surrogate pair, or a number that no double holds.
pub fn check(json: &str, levels: usize) -> Result<(), KeptError> {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' => text(&bytes[at..])?,
            b'-' | b'0'..=b'9' => number(&json[at..])?,
            b'{' | b'[' => {
                depth += 1;
                if depth > levels {
                    return Err(KeptError::TooDeep);
                }
                1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ => 1,
        };
    }
    Ok(())
}

/// The length of the text that `rest` begins with, quotes included.
fn text(rest: &[u8]) -> Result<usize, KeptError> {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        at += match byte {
            b'"' => return Ok(at + 1),
            b'\\' => escape(&rest[at..])?,
            _ => 1,
        };
    }
    Ok(at)
}

/// The length of the escape that `rest` begins with.
fn escape(rest: &[u8]) -> Result<usize, KeptError> {
    match unit(rest) {
        Some(0xD800..=0xDBFF) => match rest.get(6..).and_then(unit) {
            Some(0xDC00..=0xDFFF) => Ok(12),
            _ => Err(KeptError::LoneSurrogate),
        },
        Some(0xDC00..=0xDFFF) => Err(KeptError::LoneSurrogate),
        Some(_) => Ok(6),
        None => Ok(2),
    }
}

/// The unit of UTF-16 that an escape stands for, if it is one that says so in digits.
fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The length of the number that `rest` begins with.
fn number(rest: &str) -> Result<usize, KeptError> {
    let of_a_number = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    let length = rest.find(|c| !of_a_number(c)).unwrap_or(rest.len());
    if rest[..length].parse().is_ok_and(f64::is_infinite) {
        return Err(KeptError::HugeNumber);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn check(json: &str) -> Result<(), KeptError> {
        super::check(json, JSON_DEPTH)
    }

    fn nested(depth: usize) -> String {
        let (open, close) = ("{\"a\":[".repeat(depth / 2), "]}".repeat(depth / 2));
        if depth.is_multiple_of(2) { format!("{open}{close}") } else { format!("[{open}{close}]") }
    }

    #[test]
    fn nesting_has_a_bound_and_brackets_in_texts_do_not_count() {
        assert_eq!(check(&nested(JSON_DEPTH)), Ok(()));
        assert_eq!(check(&nested(JSON_DEPTH + 1)), Err(KeptError::TooDeep));
        assert_eq!(check(&nested(100_000)), Err(KeptError::TooDeep));
        assert_eq!(check(&format!("[{}]", vec!["[]"; 1_000].join(","))), Ok(()), "wide is not deep");
        assert_eq!(check(&format!("[\"{}\\\"{}\"]", "[".repeat(1_000), "{".repeat(1_000))), Ok(()));
        assert_eq!(KeptError::TooDeep.to_string(), "is nested deeper than 32 levels");
    }

    #[test]
    fn halves_of_pairs_are_found_wherever_they_stand() {
        for good in [r#""\ud83e\udd80""#, r#""\\ud800""#, r#""\u0000\u202e\"\\""#, r#""é\uffff""#] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800x""#,
            r#""\ud800\n""#,
            r#""\ud800\ud800\udc00""#,
            r#""\udc00\ud800""#,
            r#"{"\uD800":0}"#,
            r#"[{"a":"b"},["\\\udfff"]]"#,
        ] {
            assert_eq!(check(bad), Err(KeptError::LoneSurrogate), "{bad}");
        }
    }

    #[test]
    fn numbers_are_such_as_a_double_holds() {
        for good in
            ["0", "-0", "1e308", "-1.7976931348623157e308", "1e-999", "12345678901234567890123", "\"1e999\""]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["1e309", "-1E+309", "[0,{\"a\":1e999}]", &"9".repeat(310)] {
            assert_eq!(check(bad), Err(KeptError::HugeNumber), "{bad}");
        }
    }

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
            Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
            _ => 0,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[\\PC\\n\"\\\\{}\\[\\]\u{0}]{0,20}".prop_map(Value::from)
        ];
        leaf.prop_recursive(40, 64, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::hash_map("[\\PC\"{\\[]{0,5}", inner, 0..3)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_depth_is_that_of_the_value(value in any_json()) {
            let expected = if depth(&value) > JSON_DEPTH { Err(KeptError::TooDeep) } else { Ok(()) };
            prop_assert_eq!(check(&value.to_string()), expected);
        }

        #[test]
        fn what_is_kept_reads_as_text_everywhere(units in prop::collection::vec(any::<u16>(), 0..8)) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = format!("\"{escaped}\"");
            prop_assert_eq!(check(&json).is_ok(), serde_json::from_str::<String>(&json).is_ok());
        }
    }
}
