//! Who may come in: tokens and their ends, keys, origins, TLS.

mod expiry;
mod hello;
mod keys;
mod origin;
mod tls;
