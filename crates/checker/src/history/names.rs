//! Names as small numbers.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use super::index;

/// Gives each name a number, and each number its name.
#[derive(Debug)]
pub(crate) struct Names<T> {
    numbers: HashMap<T, u32>,
    names: Vec<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), names: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    pub(crate) fn number<Q>(&mut self, name: &Q) -> u32
    where
        Q: ?Sized + Eq + Hash + ToOwned,
        T: Borrow<Q> + From<Q::Owned>,
    {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = index(self.names.len());
        self.names.push(T::from(name.to_owned()));
        self.numbers.insert(T::from(name.to_owned()), number);
        number
    }

    pub(crate) fn find<Q>(&self, name: &Q) -> Option<u32>
    where
        Q: ?Sized + Eq + Hash,
        T: Borrow<Q>,
    {
        self.numbers.get(name).copied()
    }

    pub(crate) fn name(&self, number: u32) -> &T {
        &self.names[number as usize]
    }

    pub(crate) fn all(&self) -> &[T] {
        &self.names
    }
}
