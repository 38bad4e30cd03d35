//! The versions of the schema, each a list of statements that may be executed twice.

use super::{control, data};

/// The way from the version before to this one.
#[derive(Debug)]
pub(crate) struct Migration {
    /// The version that is reached.
    pub(crate) version: i32,
    /// In order. One that was executed by a node that stopped is executed again.
    steps: &'static [&'static [&'static str]],
}

impl Migration {
    /// All of its statements.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &'static str> {
        self.steps.iter().flat_map(|statements| statements.iter().copied())
    }

    #[cfg(test)]
    pub(crate) const fn new(version: i32, steps: &'static [&'static [&'static str]]) -> Self {
        Self { version, steps }
    }
}

/// Every version, rising by one. What was released is never changed: a change is a new version.
pub(crate) static MIGRATIONS: &[Migration] =
    &[Migration { version: 1, steps: &[control::TABLES, data::TABLES] }];

/// The newest version that this program knows, and the one it works with.
pub(crate) fn known() -> i32 {
    MIGRATIONS.last().map_or(0, |last| last.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_rise_by_one_and_every_step_may_be_done_twice() {
        for (version, migration) in (1..).zip(MIGRATIONS) {
            assert_eq!(migration.version, version);
            for statement in migration.statements() {
                assert!(statement.contains("IF NOT EXISTS"), "{statement}");
            }
        }
    }
}
