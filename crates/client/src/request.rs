//! How a request can fail.

use causerie_protocol::frame::{ErrorCode, ErrorFrame};

/// How a request ends that was not answered as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RequestError {
    /// The server refused it. Nothing was changed, unless `outcome` says that it may have been.
    #[error("{}", .0.message)]
    Refused(ErrorFrame),
    /// There is no connection at the moment. Nothing was sent.
    #[error("not connected")]
    NotConnected,
    /// The connection was lost before the answer came. A change may have been done.
    #[error("the connection was lost before the answer came")]
    Lost,
    /// The answer was of another type than the request asks for. A change may have been done.
    #[error("the server answered with `{0}`")]
    Unexpected(&'static str),
}

impl RequestError {
    /// The server's code, where it refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(error) => Some(error.code),
            _ => None,
        }
    }
}
