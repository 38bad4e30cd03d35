//! The keys that are loaded.

use super::key::Key;

/// All keys of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that a token may have been signed with: those of the id that it names, or those without an id; all of
    /// them when it names none.
    pub(super) fn candidates<'a>(&'a self, id: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        let named = id.filter(|id| self.keys.iter().any(|key| key.id.as_deref() == Some(id)));
        self.keys.iter().filter(move |key| match (named, id) {
            (Some(named), _) => key.id.as_deref() == Some(named),
            (None, Some(_)) => key.id.is_none(),
            (None, None) => true,
        })
    }
}
