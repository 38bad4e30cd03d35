//! The AsyncAPI 3 document, generated from the frames, so that it cannot say anything else than they do.
//!
//! It describes a *client*: what it sends, what it receives, which answer belongs to which request. Payloads are
//! JSON Schema (draft 7, the one AsyncAPI takes as it is), their examples the golden frames, their words the doc
//! comments of the types. The same types give the same text, byte for byte.

mod words;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, RemoveRefSiblings, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::frame::down::DownKind;
use crate::frame::up::UpKind;
use crate::frame::{CloseCode, ErrorCode};
use crate::golden::{self, Golden};
use crate::{Down, SUBPROTOCOL, Up};

/// The whole document: pretty JSON with sorted names and a line break at the end.
pub fn asyncapi() -> String {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.transforms.push(Box::new(RecursiveTransform(drop_number_format)));
    });
    let mut schemas = settings.into_generator();
    let up = Direction::of::<Up>("up", UpKind::ALL.iter().map(|kind| kind.tag()), golden::UP, &mut schemas);
    let down = Direction::of::<Down>(
        "down",
        DownKind::ALL.iter().map(|kind| kind.tag()),
        golden::DOWN,
        &mut schemas,
    );
    let errors = errors(&mut schemas);
    let mut operations = Map::new();
    for kind in UpKind::ALL {
        operations.insert(up.name(kind.tag()), request(*kind, &up, &down));
    }
    for kind in DownKind::ALL {
        operations.insert(down.name(kind.tag()), down.operation("receive", kind.tag()));
    }
    let messages = up.messages.keys().chain(down.messages.keys());
    let references = messages.map(|name| (name.clone(), reference(&format!("#/components/messages/{name}"))));
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": words::info(&errors),
        "defaultContentType": "application/json",
        "servers": { "local": words::server() },
        "channels": { "connection": {
            "address": "/v1/ws",
            "title": "A connection",
            "description": words::CHANNEL,
            "messages": references.collect::<Map<_, _>>(),
            "bindings": { "ws": {
                "method": "GET",
                "headers": { "type": "object", "properties": {
                    "Sec-WebSocket-Protocol": { "type": "string", "const": SUBPROTOCOL },
                    "Authorization": { "type": "string", "description": words::AUTHORIZATION },
                } },
                "bindingVersion": "0.1.0",
            } },
        } },
        "operations": operations,
        "x-error-codes": errors,
        "x-close-codes": close_codes(),
    });
    let messages: Map<_, _> = up.messages.into_iter().chain(down.messages).collect();
    document["components"] = json!({ "messages": messages, "schemas": schemas.take_definitions(true) });
    document.sort_all_objects();
    format!("{document:#}\n")
}

/// What goes one way.
struct Direction {
    name: &'static str,
    messages: Map<String, Value>,
}

impl Direction {
    /// Takes the schema of an enum of frames apart, one message for each kind.
    fn of<T: JsonSchema>(
        name: &'static str,
        tags: impl Iterator<Item = &'static str>,
        golden: &[Golden],
        schemas: &mut SchemaGenerator,
    ) -> Self {
        let schema = T::json_schema(schemas);
        let variants = schema.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
        let messages = tags.map(|tag| {
            let mut payload = variants
                .iter()
                .find(|variant| variant["properties"]["type"]["const"] == tag)
                .cloned()
                .expect("the schema of an enum tagged with `type` has a variant for each kind");
            // Draft 7 reads nothing beside a `$ref`.
            if let Ok(schema) = <&mut Schema>::try_from(&mut payload) {
                RemoveRefSiblings::default().transform(schema);
            }
            let summary = payload.as_object_mut().and_then(|payload| payload.remove("description"));
            let examples = golden.iter().filter(|golden| golden.tag() == tag).map(|golden| {
                let payload: Value = serde_json::from_str(golden.json).expect("golden frames are JSON");
                json!({ "name": golden.name, "payload": payload })
            });
            let message = json!({
                "name": tag,
                "title": tag,
                "summary": summary,
                "contentType": "application/json",
                "payload": payload,
                "examples": examples.collect::<Vec<_>>(),
            });
            (format!("{name}.{tag}"), message)
        });
        Self { name, messages: messages.collect() }
    }

    fn name(&self, tag: &str) -> String {
        format!("{}.{tag}", self.name)
    }

    fn operation(&self, action: &str, tag: &str) -> Value {
        json!({
            "action": action,
            "channel": reference("#/channels/connection"),
            "summary": self.messages[&self.name(tag)]["summary"],
            "messages": [self.in_channel(tag)],
        })
    }

    fn in_channel(&self, tag: &str) -> Value {
        reference(&format!("#/channels/connection/messages/{}", self.name(tag)))
    }
}

/// What a client sends, with the answers it may get.
fn request(kind: UpKind, up: &Direction, down: &Direction) -> Value {
    let mut operation = up.operation("send", kind.tag());
    if let Some(answer) = answer(kind) {
        operation["reply"] = json!({
            "channel": reference("#/channels/connection"),
            "messages": [down.in_channel(answer.tag()), down.in_channel(DownKind::Error.tag())],
        });
    }
    operation
}

/// The answer to a request that was done; none where there is no answer.
fn answer(kind: UpKind) -> Option<DownKind> {
    Some(match kind {
        UpKind::Hello => DownKind::Welcome,
        UpKind::Ping => DownKind::Pong,
        UpKind::Create => DownKind::Created,
        UpKind::Conversation => DownKind::Conversation,
        UpKind::Conversations | UpKind::Members | UpKind::Sync | UpKind::History => DownKind::Page,
        UpKind::Send => DownKind::Sent,
        UpKind::Blocks => DownKind::Blocks,
        UpKind::ProfileGet => DownKind::Profiles,
        UpKind::SettingsGet => DownKind::Settings,
        UpKind::Refresh
        | UpKind::MembersAdd
        | UpKind::MembersRemove
        | UpKind::MembersRole
        | UpKind::Rename
        | UpKind::Leave
        | UpKind::Block
        | UpKind::Unblock
        | UpKind::PresenceWatch
        | UpKind::PresenceUnwatch
        | UpKind::ProfileSet
        | UpKind::SettingsSet => DownKind::Ok,
        UpKind::Delivered | UpKind::Read => return None,
    })
}

/// The table of errors: code, meaning, whether to retry.
fn errors(schemas: &mut SchemaGenerator) -> Value {
    let schema = ErrorCode::json_schema(schemas);
    let variants = schema.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let row = |code: &ErrorCode| {
        let code_json = json!(code);
        let variant = variants.iter().find(|variant| variant["const"] == code_json);
        let meaning = variant.map_or(Value::Null, |variant| variant["description"].clone());
        json!({ "code": code_json, "meaning": meaning, "retry": code.retry() })
    };
    ErrorCode::ALL.iter().map(row).collect()
}

fn close_codes() -> Value {
    let row = |code: &CloseCode| json!({ "code": code.number(), "meaning": code.meaning(), "come_back": code.come_back() });
    CloseCode::ALL.iter().map(row).collect()
}

/// `uint64` and the like are formats that no validator knows; the bounds beside them say enough.
fn drop_number_format(schema: &mut Schema) {
    if schema.get("type").is_some_and(|kind| kind == "integer" || kind.is_array()) {
        schema.remove("format");
    }
}

fn reference(to: &str) -> Value {
    json!({ "$ref": to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        serde_json::from_str(&asyncapi()).unwrap()
    }

    /// Follows every `$ref` of a document.
    fn check_references(at: &Value, document: &Value) {
        match at {
            Value::Object(map) => {
                if let Some(Value::String(to)) = map.get("$ref") {
                    let found = to.strip_prefix('#').and_then(|to| document.pointer(to));
                    assert!(found.is_some(), "{to} leads nowhere");
                }
                map.values().for_each(|inner| check_references(inner, document));
            }
            Value::Array(items) => items.iter().for_each(|inner| check_references(inner, document)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_of_the_asyncapi_document_leads_somewhere() {
        let document = document();
        check_references(&document, &document);
    }

    #[test]
    fn every_frame_has_an_operation_a_message_and_an_example() {
        let document = document();
        let up = UpKind::ALL.iter().map(|kind| format!("up.{}", kind.tag()));
        let down = DownKind::ALL.iter().map(|kind| format!("down.{}", kind.tag()));
        for name in up.chain(down) {
            assert!(document["operations"][&name].is_object(), "{name}");
            let message = &document["components"]["messages"][&name];
            assert!(message["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name}");
            assert!(message["examples"][0]["payload"].is_object(), "{name}");
        }
    }

    #[test]
    fn every_error_code_has_a_meaning() {
        let document = document();
        let errors = document["x-error-codes"].as_array().unwrap();
        assert_eq!(errors.len(), ErrorCode::ALL.len());
        assert!(errors.iter().all(|error| error["meaning"].is_string()), "{errors:?}");
    }
}
