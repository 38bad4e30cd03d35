//! What was not done, as an answer.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causerie_protocol::frame::{ErrorCode, ErrorFrame, Outcome};
use causerie_store::port::{ReadError, WriteError};
use serde_json::json;

/// Why a request was not done. Nothing was changed, except where it is said.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The request is not one that can be answered.
    #[error("{0}")]
    Wrong(String),
    /// It carries no token, or another one.
    #[error("This listener asks for a token: send it as `Authorization: Bearer …`.")]
    NoToken,
    /// It comes from where none may come from.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// There is such a thing, but this cannot be done to it.
    #[error("This path takes another method: see the header `Allow`.")]
    WrongMethod,
    /// Later it may work.
    #[error("{0}")]
    Unavailable(String),
    /// It may have been done, or only a part of it. Doing it again is safe.
    #[error("It is not known whether it was done, and it is safe to do it again: {0}.")]
    Unknown(String),
    /// A stored record is damaged.
    #[error("A stored record is damaged, see the log: {0}.")]
    Damaged(String),
    /// A defect of ours.
    #[error("The request failed, see the log: {0}.")]
    Failed(String),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Wrong(_) => StatusCode::BAD_REQUEST,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unknown(_) | Self::Damaged(_) | Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = %self, "an operator's request failed");
        }
        let body = Json(json!({ "message": self.to_string() }));
        let mut response = (self.status(), body).into_response();
        if matches!(self, Self::NoToken) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Corrupt(what) => Self::Damaged(what),
            error @ ReadError::Unavailable(_) => Self::Unavailable(format!("{error}.")),
        }
    }
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        match error {
            error @ WriteError::Refused(_) => Self::Unavailable(format!("{error}.")),
            WriteError::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// A conversation's answer: all that an operator's request can be told is to try again, or that something is broken.
impl From<ErrorFrame> for Refusal {
    fn from(error: ErrorFrame) -> Self {
        match error.code {
            _ if error.outcome == Outcome::Unknown => Self::Unknown(error.message),
            ErrorCode::Busy | ErrorCode::RateLimited | ErrorCode::Unavailable => {
                Self::Unavailable(error.message)
            }
            _ => Self::Failed(error.message),
        }
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::Wrong(rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::Wrong(rejection.body_text())
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::Wrong(rejection.body_text())
    }
}
