//! Sealing and opening one body.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use causerie_protocol::{Body, ConversationId, Seq};
use causerie_store::model::Entry;
use causerie_store::port::ReadError;
use serde_json::json;

/// How a sealed body calls itself.
const CONTENT_TYPE: &str = "application/vnd.example.sealed";

/// The key of all bodies.
///
/// AES-256-GCM-SIV, bound to the place: a body that somebody moves to another position does not open. The same body at the
/// same place is sealed to the same bytes, so an append that is tried again is identical; this algorithm allows that.
pub(crate) struct BodyKey(LessSafeKey);

impl BodyKey {
    /// A key from 32 random bytes.
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM_SIV, &bytes).expect("the key has the algorithm's length");
        Self(LessSafeKey::new(key))
    }

    /// The body as it is kept.
    pub(crate) fn seal(&self, conversation: ConversationId, seq: Seq, body: &Body) -> Body {
        let (nonce, place) = place(conversation, seq);
        let mut bytes = body.as_json().as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(nonce, Aad::from(place), &mut bytes)
            .expect("a body is far below what the algorithm takes");
        Body::json(&json!({ "content_type": CONTENT_TYPE, "data": BASE64.encode(bytes) }))
    }

    /// The entry as it was written.
    pub(crate) fn open_entry(&self, conversation: ConversationId, entry: Entry) -> Result<Entry, ReadError> {
        let body = self.open(conversation, entry.seq, &entry.body).ok_or_else(|| {
            let seq = entry.seq;
            ReadError::Corrupt(format!("the body at {seq} of {conversation} does not open with this key"))
        })?;
        Ok(Entry { body, ..entry })
    }

    fn open(&self, conversation: ConversationId, seq: Seq, sealed: &Body) -> Option<Body> {
        let (nonce, place) = place(conversation, seq);
        let mut bytes = BASE64.decode(sealed.content().ok()?.data?).ok()?;
        let json = self.0.open_in_place(nonce, Aad::from(place), &mut bytes).ok()?;
        Some(Body::stored(std::str::from_utf8(json).ok()?))
    }
}

/// Where a body stands: in full, and as a nonce.
fn place(conversation: ConversationId, seq: Seq) -> (Nonce, [u8; 24]) {
    let (mut place, mut nonce) = ([0; 24], [0; 12]);
    place[..16].copy_from_slice(conversation.as_bytes());
    place[16..].copy_from_slice(&seq.0.to_be_bytes());
    nonce.copy_from_slice(&place[12..]);
    (Nonce::assume_unique_for_key(nonce), place)
}
