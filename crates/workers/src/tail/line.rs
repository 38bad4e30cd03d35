//! A record as a CloudEvent in its JSON form: what `causerie events` prints, from wherever it reads.

use serde::Serialize;
use serde_json::value::RawValue;

use super::position::Position;
use crate::raw::Raw;

/// The attributes in the order in which they are printed. Kafka has all of them but the position as headers.
const BEFORE: [(&str, &str); 7] = [
    ("specversion", "ce_specversion"),
    ("id", "ce_id"),
    ("source", "ce_source"),
    ("type", "ce_type"),
    ("subject", "ce_subject"),
    ("time", "ce_time"),
    ("partitionkey", "ce_partitionkey"),
];

const AFTER: [(&str, &str); 2] = [("epoch", "ce_epoch"), ("shard", "ce_shard")];

/// Writes a record that was decoded, and so has what an event needs, as a line.
pub(super) fn write(out: &mut Vec<u8>, position: &Position, raw: &Raw) -> serde_json::Result<()> {
    let mut first = true;
    let mut put = |out: &mut Vec<u8>, name: &str, value: &str| {
        out.push(if first { b'{' } else { b',' });
        first = false;
        member(out, name, value)
    };
    for (name, header) in BEFORE {
        if let Some(value) = raw.text(header) {
            put(out, name, value)?;
        }
    }
    put(out, "position", &position.to_string())?;
    for (name, header) in AFTER.into_iter().chain([("oversize", "ce_oversize")]) {
        if let Some(value) = raw.text(header) {
            put(out, name, value)?;
        }
    }
    put(out, "datacontenttype", raw.text("content-type").unwrap_or("application/json"))?;
    let data: &RawValue = serde_json::from_slice(raw.value.as_deref().unwrap_or_default())?;
    out.push(b',');
    let start = out.len();
    member(out, "data", data)?;
    // Between the tokens of JSON alone can there be any: one event stays one line, whoever wrote it.
    out[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn member(out: &mut Vec<u8>, name: &str, value: &(impl Serialize + ?Sized)) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *out, name)?;
    out.push(b':');
    serde_json::to_writer(out, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_however_it_was_written() {
        let headers =
            [("ce_id", "a:1"), ("ce_time", "t")].map(|(name, value)| (name.to_owned(), value.into()));
        let value = Some(b"{\r\n  \"text\": \"a\\nb\"\n}".to_vec());
        let raw = Raw { key: None, headers: headers.into(), value };
        let position = Position { topic: "messages".to_owned(), partition: 0, offset: 1 };
        let mut out = Vec::new();
        write(&mut out, &position, &raw).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&event["id"], &event["data"]["text"]), (&"a:1".into(), &"a\nb".into()));
    }
}
