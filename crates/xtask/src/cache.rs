//! Where tools are kept that are built or installed once.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Outside the checkout, so that a clean clone finds what an earlier one has built.
pub(crate) fn folder() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => std::env::home_dir().context("no home folder to keep tools in")?.join(".cache"),
    };
    Ok(cache.join("causerie"))
}
