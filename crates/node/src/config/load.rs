//! Where a configuration comes from, and how its parts lie over each other.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, ConfigErrors, Place};
use super::raw::Raw;
use super::section::Problem;
use super::{Config, PREFIX, check};
use crate::small_file;

/// The largest configuration file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The places that a configuration comes from. Kept with it, so that a reload reads the same places again.
///
/// Its `Debug` names the file only, since variables and `--set` may hold secrets.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file, when one was named.
    pub file: Option<PathBuf>,
    /// Environment variables; only those of ours and `XDG_DATA_HOME` and `HOME` are looked at.
    pub variables: BTreeMap<String, String>,
    /// The arguments of `--set`, each `section.key=value`.
    pub sets: Vec<String>,
    /// Flags with a key of their own: the flag's name, its section and key, and the value.
    pub flags: Vec<Flag>,
}

/// A flag that stands for a key.
#[derive(Clone)]
pub struct Flag {
    /// The name, such as `--listen`.
    pub name: &'static str,
    /// The section that it sets a key of.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// What was given.
    pub value: String,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Sources {
    /// The variables of this process. Those that are not Unicode are left out, as no key accepts them.
    pub fn process_variables() -> BTreeMap<String, String> {
        let ours = |name: &str| name.starts_with(PREFIX) || name == "XDG_DATA_HOME" || name == "HOME";
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| ours(name))
            .collect()
    }

    /// Reads all sources over the defaults, and checks the outcome.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        let mut loading = Loading::default();
        if let Some(path) = &self.file {
            loading.file(path);
        }
        loading.variables(&self.variables);
        for set in &self.sets {
            loading.set_argument(set);
        }
        for Flag { name, section, key, value } in &self.flags {
            loading.key(section, key, Raw::Text(value), Place::Flag(name));
        }
        loading.data_dir(&self.variables);
        loading.config.sources = self.clone();
        if loading.errors.is_empty() {
            check::check(&loading.config, &mut |key: &str, message: String| {
                let place = loading.places.get(key).cloned().unwrap_or(Place::Default);
                loading.errors.push(ConfigError { place, message });
            });
        }
        if loading.errors.is_empty() { Ok(loading.config) } else { Err(ConfigErrors(loading.errors)) }
    }
}

/// A configuration as it comes together.
#[derive(Default)]
struct Loading {
    config: Config,
    places: HashMap<String, Place>,
    errors: Vec<ConfigError>,
}

impl Loading {
    fn error(&mut self, place: Place, message: impl Into<String>) {
        self.errors.push(ConfigError { place, message: message.into() });
    }

    fn key(&mut self, section: &str, key: &str, raw: Raw<'_>, place: Place) {
        match self.config.set(section, key, raw) {
            Ok(()) => {
                self.places.insert(format!("{section}.{key}"), place);
            }
            Err(Problem::Unknown) => {
                let message = check::unknown(&self.config, section, key);
                self.error(place, message);
            }
            Err(Problem::NotAccepted { accepted, found }) => {
                let found = found.map(|found| format!(", got {found}")).unwrap_or_default();
                self.error(place, format!("{section}.{key}: expected {accepted}{found}"));
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let place = |(line, column)| Place::File { path: path.to_owned(), line, column };
        let text = match read(path) {
            Ok(text) => text,
            Err(problem) => return self.error(place((0, 0)), problem),
        };
        let table = match DeTable::parse(&text) {
            Ok(table) => table,
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                return self.error(place(position(&text, offset)), error.message());
            }
        };
        let before = self.errors.len();
        for (section, value) in table.get_ref() {
            let at = |span: std::ops::Range<usize>| place(position(&text, span.start));
            let name = section.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(keys) if Config::SECTIONS.contains(&name) => self.section(name, keys, &at),
                DeValue::Table(_) => self.error(at(section.span()), check::unknown_section(name)),
                _ => self.error(at(section.span()), check::outside_a_section(&self.config, name)),
            }
        }
        // The table is in the order of names; people read from the top.
        self.errors[before..].sort_by_key(|error| match error.place {
            Place::File { line, column, .. } => (line, column),
            _ => (0, 0),
        });
    }

    fn section(&mut self, name: &str, keys: &DeTable<'_>, at: &dyn Fn(std::ops::Range<usize>) -> Place) {
        for (key, value) in keys {
            let known =
                self.config.keys().iter().any(|known| known.section == name && known.name == key.get_ref());
            let span = if known { Spanned::span(value) } else { Spanned::span(key) };
            self.key(name, key.get_ref(), Raw::Toml(value.get_ref()), at(span));
        }
    }

    fn variables(&mut self, variables: &BTreeMap<String, String>) {
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let place = Place::Variable(name.clone());
            if let Some((section, key)) = rest.split_once("__") {
                self.key(&section.to_lowercase(), &key.to_lowercase(), Raw::Text(value), place);
            } else if let Some(key) = check::one_underscore_short(&self.config, name) {
                // Other variables are left alone: service managers make some that begin with the service's name.
                self.error(place, format!("write {key}, with two underscores between section and key"));
            }
        }
    }

    fn set_argument(&mut self, argument: &str) {
        let parts =
            argument.split_once('=').and_then(|(path, value)| Some((path.trim().split_once('.')?, value)));
        match parts {
            Some(((section, key), value)) => {
                self.key(section, key, Raw::Text(value.trim()), Place::Set(format!("{section}.{key}")));
            }
            // The argument is not repeated: it may be a secret in the wrong place.
            None => self.error(
                Place::Flag("--set"),
                "expected section.key=value, such as --set limits.body_bytes=32768",
            ),
        }
    }

    /// The default data directory depends on who runs the server.
    fn data_dir(&mut self, variables: &BTreeMap<String, String>) {
        if !self.config.store.data_dir.as_os_str().is_empty() {
            return;
        }
        let absolute = |name: &str| variables.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home =
            absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        match home {
            Some(home) => self.config.store.data_dir = home.join("causerie"),
            None => self.error(
                Place::Default,
                "store.data_dir is not set, and neither XDG_DATA_HOME nor HOME is: say where with --data DIR",
            ),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = small_file::read(path, MAX_FILE_BYTES)?;
    String::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 behind byte {}", error.utf8_error().valid_up_to()))
}

/// The line and the column, both from 1, of a byte.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |index| index + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
