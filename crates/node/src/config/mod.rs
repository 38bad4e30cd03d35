//! What an operator may choose.
//!
//! A value comes from, each over the one before: its default, the TOML file, a variable `CAUSERIE_SECTION__KEY`,
//! `--set section.key=value`, a flag. Everything is checked before a port is bound, and every problem is told at once,
//! each with its place and what would be accepted. Secrets are never repeated.
//!
//! A section is a file here, written with the macro of [`section`], from which its type, its reader and its page in
//! the reference are made. Start with [`presence`], then [`load`].

mod admin;
mod auth;
mod check;
mod cql;
mod error;
mod kafka;
mod kind;
mod limits;
mod load;
mod origin;
mod presence;
mod rates;
mod raw;
mod redis;
pub mod reference;
mod secret;
mod section;
mod server;
mod store;
mod telemetry;
mod timeouts;
mod tls;

pub use admin::Admin;
pub use auth::{Auth, PublicKeyAlgorithm, SignInByName};
pub use cql::{CommitLog, Consistency, Cql, Schema};
pub use error::{ConfigError, ConfigErrors, Place};
pub use kafka::Kafka;
pub use limits::Limits;
pub use load::{Flag, Sources};
pub use origin::Origin;
pub use presence::Presence;
pub use rates::Rates;
pub use redis::{Redis, RedisMode};
pub use secret::{Secret, SecretFileError};
pub use section::Key;
pub use server::Server;
pub use store::{Backend, Store};
pub use telemetry::{LogFormat, Telemetry};
pub use timeouts::Timeouts;
pub use tls::Tls;

use raw::Raw;
use section::{Problem, Section};

/// What the names of environment variables begin with.
pub const PREFIX: &str = "CAUSERIE_";

/// Declares the configuration as its sections, so that one that is forgotten somewhere does not compile.
macro_rules! config {
    ($($field:ident: $section:ty),+ $(,)?) => {
        /// The whole configuration, checked. Made by [`Sources::load`]; the default is what no configuration means,
        /// except for `store.data_dir`, which is empty.
        #[derive(Clone, Debug, Default)]
        pub struct Config {
            $(#[doc = concat!("`[", stringify!($field), "]`")] pub $field: $section,)+
            /// Where it came from, to read it again.
            pub sources: Sources,
        }

        impl Config {
            /// The names of the sections.
            const SECTIONS: &'static [&'static str] = &[$(<$section>::NAME),+];

            /// Every key, in the order of the reference, with its present value.
            pub fn keys(&self) -> Vec<Key> {
                let mut keys = Vec::new();
                $(keys.extend(self.$field.keys());)+
                keys
            }

            /// The keys whose values differ in `new`, each as `section.key` and whether a reload takes it over.
            pub fn changes(&self, new: &Self) -> Vec<(String, bool)> {
                let mut changes = Vec::new();
                $(changes.extend(self.$field.changes(&new.$field));)+
                changes
            }

            /// Takes over the values that a reload may change; the others stay, as the program was started with them.
            pub fn take_over(&mut self, new: &Self) {
                $(self.$field.take_over(&new.$field);)+
            }

            /// Every section and what it is about.
            fn sections() -> Vec<(&'static str, Vec<&'static str>)> {
                vec![$((<$section>::NAME, <$section>::about())),+]
            }

            /// Sets a key; at an error nothing was changed.
            fn set(&mut self, section: &str, key: &str, raw: Raw<'_>) -> Result<(), Problem> {
                match section {
                    $(<$section>::NAME => self.$field.set(key, raw),)+
                    _ => Err(Problem::Unknown),
                }
            }
        }
    };
}

config! {
    server: Server,
    admin: Admin,
    store: Store,
    cql: Cql,
    kafka: Kafka,
    redis: Redis,
    auth: Auth,
    tls: Tls,
    limits: Limits,
    rates: Rates,
    presence: Presence,
    timeouts: Timeouts,
    telemetry: Telemetry,
}

impl Config {
    /// Reads the same sources again, for a reload; this configuration stays as it is.
    ///
    /// # Errors
    /// As [`Sources::load`].
    pub fn reread(&self) -> Result<Self, ConfigErrors> {
        self.sources.load()
    }
}

#[cfg(test)]
mod tests;
