//! Where services are kept, outside of every checkout.

use std::path::PathBuf;

use crate::error::ServiceError;
use crate::process::Lifetime;
use crate::scratch;
use crate::service::Place;

/// The folders of one user of this machine.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
    data: PathBuf,
}

impl Home {
    /// In the user's cache folder, with data in memory where there is room.
    ///
    /// # Errors
    /// When the user has no home folder.
    pub fn of_user() -> Result<Self, ServiceError> {
        let cache = match std::env::var_os("XDG_CACHE_HOME") {
            Some(cache) => PathBuf::from(cache),
            None => std::env::home_dir()
                .ok_or(ServiceError::Missing { what: "a home folder", package: "base-files" })?
                .join(".cache"),
        };
        let user = rustix::process::geteuid().as_raw();
        let data = scratch::fast_folder().join(format!("causerie-services-{user}"));
        Ok(Self { folder: cache.join("causerie/services"), data })
    }

    /// Elsewhere: for tests of this crate's users.
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { data: folder.join("data"), folder }
    }

    /// The jars, a folder for each pinned set.
    pub(crate) fn jars(&self) -> PathBuf {
        self.folder.join("jars")
    }

    /// Configuration, logs and process files of what stays up.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// The variables of what is up, to be sourced by a shell.
    #[must_use]
    pub fn environment(&self) -> PathBuf {
        self.folder.join("env")
    }

    /// Of a service that stays up.
    pub(crate) fn place(&self, name: &str) -> Place {
        Place { run: self.run().join(name), data: self.data.join(name), lifetime: Lifetime::Detached }
    }
}
