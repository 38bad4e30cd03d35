//! A client that says JSON and waits for frames.

use std::time::Duration;

use causerie_actors::ChannelClient;
use causerie_protocol::ConversationId;
use causerie_protocol::frame::CloseCode;
use serde_json::{Value, json};

use super::key;

pub(crate) struct Client(ChannelClient);

impl Client {
    pub(crate) fn new(channel: ChannelClient) -> Self {
        Self(channel)
    }

    pub(crate) async fn say(&self, frame: Value) {
        self.0.send(frame.to_string()).await.expect("the server has ended the connection");
    }

    /// Sends a message with this number as its key; its text is the number.
    pub(crate) async fn send(&self, conversation: ConversationId, number: u64) {
        self.say(send(json!({ "conversation": conversation }), number)).await;
    }

    /// Sends a direct message likewise.
    pub(crate) async fn send_to(&self, to: &str, number: u64) {
        self.say(send(json!({ "to": to }), number)).await;
    }

    /// The next frame; `None` at the end.
    pub(crate) async fn hear(&self) -> Option<Value> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.0.next());
        let json = next.await.expect("the server says nothing")?;
        Some(serde_json::from_str(&json).unwrap())
    }

    /// The next frame, which has to be of this type; what tells how far somebody is, is passed over.
    pub(crate) async fn expect(&self, kind: &str) -> Value {
        loop {
            let frame = self.hear().await.unwrap_or_else(|| panic!("the end came before a `{kind}`"));
            if frame["type"] == kind {
                return frame;
            }
            assert!(
                matches!(frame["type"].as_str(), Some("receipt" | "presence")),
                "not a `{kind}`: {frame}"
            );
        }
    }

    /// Everything up to the answer to a `ping` that is said now: whatever was on its way is among it.
    pub(crate) async fn drain(&self) -> Vec<Value> {
        self.say(json!({ "type": "ping", "id": "drain" })).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.hear().await.expect("the connection has ended");
            if frame["type"] == "pong" && frame["id"] == "drain" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// All that is left, and the close code.
    pub(crate) async fn end(self) -> (Vec<Value>, Option<CloseCode>) {
        let mut frames = Vec::new();
        while let Some(frame) = self.hear().await {
            frames.push(frame);
        }
        (frames, self.0.close_code())
    }
}

pub(crate) fn send(mut frame: Value, number: u64) -> Value {
    frame["type"] = "send".into();
    frame["id"] = number.into();
    frame["client_message_id"] = key(number).to_string().into();
    frame["body"] = json!({ "content_type": "text/plain", "text": number.to_string() });
    frame
}
