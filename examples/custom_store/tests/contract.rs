//! What every store promises, on this one.

use causerie_store::contract::Subject;
use causerie_store::memory::MemoryStore;

use super::key;
use crate::sealed_store::SealedStore;

/// The sealed store on one in memory, which can hold back and crash.
struct Sealed {
    memory: MemoryStore,
    store: SealedStore<MemoryStore>,
}

impl Sealed {
    fn on(memory: MemoryStore) -> Self {
        Self { store: SealedStore::new(memory.clone(), key(1)), memory }
    }
}

impl Subject for Sealed {
    type Store = SealedStore<MemoryStore>;

    fn new() -> Self {
        Self::on(MemoryStore::new())
    }

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn reopen(self) -> Self {
        self.crash()
    }

    fn hold(&self) {
        self.memory.hold();
    }

    fn wait_held(&self) {
        assert!(self.memory.held() > 0);
    }

    fn release(&self) {
        self.memory.release();
    }

    fn crash(self) -> Self {
        Self::on(self.memory.crash())
    }
}

causerie_store::contract_tests!(Sealed);
