//! A script that Redis carries out in one step.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// A Lua script, and the name that Redis has for it.
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    /// A script. It is loaded by its first use, and again wherever it is missing.
    pub(super) fn new(text: &'static str) -> Self {
        let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        Self { text, hash: sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect() }
    }

    /// What it says.
    pub(super) fn text(&self) -> &'static str {
        self.text
    }

    /// Its SHA-1, by which Redis knows it.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_that_redis_gives() {
        assert_eq!(Script::new("return 1").hash(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
