//! How a section is written down: each key once, with its words, its default and what it accepts.
//!
//! The macro makes the struct, its defaults, its reader and its reference from the one list, so none can lag behind.

use super::raw::Raw;

/// What is known about one key.
#[derive(Clone, Debug)]
pub struct Key {
    /// The section's name in the file.
    pub section: &'static str,
    /// The key's name in the section.
    pub name: &'static str,
    /// What it does and how to choose it, a line of Markdown each.
    pub words: Vec<&'static str>,
    /// What is accepted, as it stands after "expected".
    pub accepted: String,
    /// The value as TOML; `None` when it is not set.
    pub value: Option<String>,
    /// Whether a change is taken over without a restart.
    pub reloadable: bool,
}

impl Key {
    /// The key as it is written after `--set`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("{}{}__{}", super::PREFIX, self.section, self.name).to_uppercase()
    }
}

/// Why a key was not set.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The section has no such key.
    Unknown,
    /// The key does not accept the value: what it accepts, and what was found when that may be told.
    NotAccepted { accepted: String, found: Option<String> },
}

/// One section of the configuration.
pub(super) trait Section: Default {
    /// Its name in the file.
    const NAME: &'static str;

    /// What it is about, a line of Markdown each.
    fn about() -> Vec<&'static str>;

    /// Its keys, with their present values.
    fn keys(&self) -> Vec<Key>;

    /// Sets a key; at an error the section is as it was.
    fn set(&mut self, key: &str, raw: Raw<'_>) -> Result<(), Problem>;

    /// The keys whose values differ, each as `section.key` and whether a reload takes it over.
    fn changes(&self, new: &Self) -> Vec<(String, bool)>;

    /// Takes over what a reload may.
    fn take_over(&mut self, new: &Self);
}

/// Declares a section; see [`super::presence`] for a short one.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident = $section:literal {
            $(
                $(#[doc = $words:literal])+
                $field:ident $(as $key:literal)?: $type:ty = $default:expr, $kind:expr $(, $reload:ident)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $words])+ pub $field: $type, )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::config::section::Section for $name {
            const NAME: &'static str = $section;

            fn about() -> Vec<&'static str> {
                vec![$($about),+]
            }

            fn keys(&self) -> Vec<$crate::config::section::Key> {
                use $crate::config::kind::Kind;
                vec![$({
                    let kind = $kind;
                    $crate::config::section::Key {
                        section: $section,
                        name: section!(@key $field $($key)?),
                        words: vec![$($words),+],
                        accepted: kind.accepted(),
                        value: kind.show(&self.$field),
                        reloadable: section!(@reload $($reload)?),
                    }
                }),+]
            }

            fn set(
                &mut self,
                key: &str,
                raw: $crate::config::raw::Raw<'_>,
            ) -> Result<(), $crate::config::section::Problem> {
                match key {
                    $(section!(@key $field $($key)?) => {
                        self.$field = $crate::config::section::read(&$kind, raw)?;
                    })+
                    _ => return Err($crate::config::section::Problem::Unknown),
                }
                Ok(())
            }

            fn changes(&self, new: &Self) -> Vec<(String, bool)> {
                let all = [$((
                    concat!($section, ".", section!(@key $field $($key)?)),
                    section!(@reload $($reload)?),
                    self.$field != new.$field,
                )),+];
                all.into_iter().filter(|change| change.2).map(|change| (change.0.to_owned(), change.1)).collect()
            }

            fn take_over(&mut self, new: &Self) {
                $(if section!(@reload $($reload)?) {
                    self.$field = new.$field.clone();
                })+
            }
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@reload) => { false };
    (@reload reload) => { true };
}

pub(super) use section;

/// Reads a value, or says what would have been accepted.
pub(super) fn read<K: super::kind::Kind>(kind: &K, raw: Raw<'_>) -> Result<K::Value, Problem> {
    kind.read(raw).ok_or_else(|| Problem::NotAccepted {
        accepted: kind.accepted(),
        found: (!kind.secret()).then(|| raw.found()),
    })
}
