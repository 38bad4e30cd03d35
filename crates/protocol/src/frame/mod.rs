//! Client frames: [`up`] is what a client says, [`down`] what it hears, [`error`] and [`close`] how it ends.
//!
//! One JSON object in one text message, named by `type`. Unknown fields are ignored, so that old servers and new
//! clients talk; a repeated field or a wrong type is an error with its place.

pub mod close;
pub mod down;
pub mod error;
mod macros;
mod page;
pub mod up;

use std::borrow::Cow;

use serde::Deserialize;

pub use close::CloseCode;
pub use down::Down;
pub use error::{ErrorCode, ErrorFrame, Outcome};
pub use up::Up;

use crate::id::RequestId;

/// What is read of every frame first.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// The `id` alone, for answering a frame that is otherwise wrong.
#[derive(Deserialize)]
struct IdOnly {
    #[serde(default)]
    id: Option<RequestId>,
}

/// Why a frame was not understood. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Not JSON, not an object, or a field is missing, repeated or of the wrong type.
    #[error("{source}{}", .kind.as_ref().map(|kind| format!(" (in `{kind}`)")).unwrap_or_default())]
    Invalid {
        /// The `type`, where it was read.
        kind: Option<String>,
        /// What and where.
        source: serde_json::Error,
    },
    /// Not a JSON object.
    #[error("a frame is a JSON object, beginning with {{")]
    NotAnObject,
    /// No frame of this type.
    #[error("there is no frame of type `{0}`")]
    UnknownType(String),
}

/// The id of a frame that could not be parsed whole, if that much can be read.
pub fn id_of(json: &str) -> Option<RequestId> {
    serde_json::from_str::<IdOnly>(json).ok()?.id
}

fn head(json: &str) -> Result<Cow<'_, str>, FrameError> {
    if !json.trim_start().starts_with('{') {
        return Err(FrameError::NotAnObject);
    }
    match serde_json::from_str::<Head<'_>>(json) {
        Ok(head) => Ok(head.kind),
        Err(source) => Err(FrameError::Invalid { kind: None, source }),
    }
}
