//! The closed list of errors.

use serde::{Deserialize, Serialize};

use crate::id::RequestId;

/// What went wrong, for a program to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ErrorCode {
    /// The frame is wrong; the message names the place.
    InvalidFrame,
    /// No frame of this type.
    UnknownType,
    /// Larger than a limit.
    TooLarge,
    /// No token, or one that is not accepted.
    Unauthenticated,
    /// The token's time is over.
    TokenExpired,
    /// Absent, or not yours: the same answer.
    NotFound,
    /// You see it, but may not do this.
    Forbidden,
    /// The same client id with another content.
    Conflict,
    /// A resend whose first attempt is too far back to tell.
    TooOld,
    /// Faster than allowed.
    RateLimited,
    /// Too much is waiting.
    Busy,
    /// A store or owner is away.
    Unavailable,
    /// It may have happened; the same client id again tells.
    UnknownOutcome,
    /// A damaged record, or a defect of ours; the server's log says which.
    Internal,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Self::InvalidFrame,
        Self::UnknownType,
        Self::TooLarge,
        Self::Unauthenticated,
        Self::TokenExpired,
        Self::NotFound,
        Self::Forbidden,
        Self::Conflict,
        Self::TooOld,
        Self::RateLimited,
        Self::Busy,
        Self::Unavailable,
        Self::UnknownOutcome,
        Self::Internal,
    ];

    /// The code as it stands in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidFrame => "invalid_frame",
            Self::UnknownType => "unknown_type",
            Self::TooLarge => "too_large",
            Self::Unauthenticated => "unauthenticated",
            Self::TokenExpired => "token_expired",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::Conflict => "conflict",
            Self::TooOld => "too_old",
            Self::RateLimited => "rate_limited",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Internal => "internal",
        }
    }

    /// Whether the same request may succeed later.
    pub fn retry(self) -> bool {
        matches!(self, Self::RateLimited | Self::Busy | Self::Unavailable | Self::UnknownOutcome)
    }
}

/// Whether state was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Outcome {
    /// Nothing was changed and nothing will be.
    None,
    /// It may have been.
    Unknown,
}

/// A request that was not done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorFrame {
    /// The request, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// For a program.
    pub code: ErrorCode,
    /// For a person: what, where, what to do.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retry: bool,
    /// When to try again at the earliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Whether state was changed.
    pub outcome: Outcome,
}

impl std::fmt::Display for ErrorFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code.name())
    }
}

impl std::error::Error for ErrorFrame {}

impl ErrorFrame {
    /// An error of this code that changed nothing, or may have for [`ErrorCode::UnknownOutcome`].
    pub fn new(id: Option<RequestId>, code: ErrorCode, message: impl Into<String>) -> Self {
        let retry_after_ms = match code {
            ErrorCode::Busy | ErrorCode::UnknownOutcome => Some(250),
            ErrorCode::RateLimited | ErrorCode::Unavailable => Some(1000),
            _ => None,
        };
        let outcome = if code == ErrorCode::UnknownOutcome { Outcome::Unknown } else { Outcome::None };
        Self { id, code, message: message.into(), retry: code.retry(), retry_after_ms, outcome }
    }

    /// The same error with another time to wait.
    #[must_use]
    pub fn after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }
}
