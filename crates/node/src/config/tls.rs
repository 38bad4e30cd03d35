//! `[tls]`

use std::path::PathBuf;

use super::kind::{optional, path};
use super::section::section;

section! {
    /// TLS on the clients' listener. Both keys or neither; without them it is for a proxy to do.
    Tls = "tls" {
        /// The certificate in PEM, followed by the intermediate ones. Read again when it changes.
        cert_file: Option<PathBuf> = None, optional(path()), reload;
        /// The certificate's private key in PEM, without a passphrase. Read again when it changes.
        key_file: Option<PathBuf> = None, optional(path()), reload;
    }
}
