//! Reading only what is needed of a frame: the fields of a JSON object as slices, nothing decoded.
//!
//! The generator shares the machine with the server; a message that it parses whole would cost it more than the server.

/// Calls `take` with each field of the object at the top: its key, and its value as it stands. Stops where the text is
/// no JSON object. Keys with escapes are handed over as they stand: none of ours has any.
pub(crate) fn fields<'a>(json: &'a [u8], mut take: impl FnMut(&'a [u8], &'a [u8])) {
    let mut at = skip_blanks(json, 0);
    if json.get(at) != Some(&b'{') {
        return;
    }
    at = skip_blanks(json, at + 1);
    while json.get(at) == Some(&b'"') {
        let Some(key_end) = string_end(json, at) else { return };
        let colon = skip_blanks(json, key_end);
        if json.get(colon) != Some(&b':') {
            return;
        }
        let start = skip_blanks(json, colon + 1);
        let Some(end) = value_end(json, start) else { return };
        take(&json[at + 1..key_end - 1], &json[start..end]);
        let comma = skip_blanks(json, end);
        if json.get(comma) != Some(&b',') {
            return;
        }
        at = skip_blanks(json, comma + 1);
    }
}

/// Calls `take` with each value of an array.
pub(crate) fn items<'a>(json: &'a [u8], mut take: impl FnMut(&'a [u8])) {
    let mut at = skip_blanks(json, 0);
    if json.get(at) != Some(&b'[') {
        return;
    }
    at = skip_blanks(json, at + 1);
    while at < json.len() && json[at] != b']' {
        let Some(end) = value_end(json, at) else { return };
        take(&json[at..end]);
        let comma = skip_blanks(json, end);
        if json.get(comma) != Some(&b',') {
            return;
        }
        at = skip_blanks(json, comma + 1);
    }
}

/// The `type` of a frame; servers write it first, which is quick to see.
pub(crate) fn kind(json: &[u8]) -> &[u8] {
    if let Some(rest) = json.strip_prefix(b"{\"type\":\"")
        && let Some(end) = memchr::memchr(b'"', rest)
    {
        return &rest[..end];
    }
    let mut kind: &[u8] = b"";
    fields(json, |key, value| {
        if key == b"type" {
            kind = text(value);
        }
    });
    kind
}

/// A string without its quotes. Escapes stay as they are.
pub(crate) fn text(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

/// A whole number that is not negative.
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    let digit = |number: u64, byte: &u8| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    };
    if value.is_empty() { None } else { value.iter().try_fold(0, digit) }
}

fn skip_blanks(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Behind the closing quote of the string that begins here.
fn string_end(json: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Behind the value that begins here.
fn value_end(json: &[u8], start: usize) -> Option<usize> {
    match json.get(start)? {
        b'"' => string_end(json, start),
        b'{' | b'[' => nested_end(json, start),
        _ => {
            let end = json[start..]
                .iter()
                .position(|byte| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace());
            end.map(|length| start + length)
        }
    }
}

fn nested_end(json: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut depth) = (start, 0usize);
    loop {
        match json.get(at)? {
            b'"' => {
                at = string_end(json, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map("[a-z]{1,6}", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn fields_and_items_are_what_the_parser_says(value in json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            let mut found = Vec::new();
            fields(text.as_bytes(), |key, value| {
                found.push((String::from_utf8(key.to_vec()).unwrap(), serde_json::from_slice::<Value>(value).unwrap()));
            });
            items(text.as_bytes(), |value| found.push((String::new(), serde_json::from_slice(value).unwrap())));
            let expected: Vec<(String, Value)> = match &value {
                Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
                Value::Array(items) => items.iter().map(|value| (String::new(), value.clone())).collect(),
                _ => Vec::new(),
            };
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            fields(&bytes, |_, _| {});
            items(&bytes, |_| {});
            kind(&bytes);
        }
    }

    #[test]
    fn a_kind_is_found_wherever_it_stands() {
        assert_eq!(kind(br#"{"type":"sent","id":1}"#), b"sent");
        assert_eq!(kind(br#"{"id":1, "type" : "sent"}"#), b"sent");
        assert_eq!(number(b"120"), Some(120));
        assert_eq!(number(b"-1"), None);
    }
}
