//! `[admin]`

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::kind::{address, optional, path, secret};
use super::secret::{Secret, SecretFileError};
use super::section::section;

section! {
    /// The operators' listener: metrics, the admin API and the event stream.
    Admin = "admin" {
        /// The address of the operators' listener. Never let clients reach it.
        ///
        /// On loopback it asks for no token unless one is set. On any other address a token is required.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)), address();
        /// What a request must carry as `Authorization: Bearer …`. At least 16 bytes.
        ///
        /// Set it by `CAUSERIE_ADMIN__TOKEN` or by `token_file`, not in a file that others read.
        token: Option<Secret> = None, optional(secret());
        /// A file that holds the token; instead of `token`.
        token_file: Option<PathBuf> = None, optional(path());
    }
}

/// The shortest token that is accepted, in bytes.
pub(super) const MIN_TOKEN_BYTES: usize = 16;

impl Admin {
    /// The token that requests must carry, from the setting or its file; `None` when none is configured.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn required_token(&self) -> Result<Option<Secret>, SecretFileError> {
        match (&self.token, &self.token_file) {
            (Some(token), _) => Ok(Some(token.clone())),
            (None, Some(path)) => Secret::read(path).map(Some),
            (None, None) => Ok(None),
        }
    }
}
