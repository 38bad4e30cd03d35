//! Whether this instance may still believe that it owns anything. Once it may not, it never may again.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// The life of one opened store.
pub(crate) struct Life {
    over: OnceLock<String>,
    ended: CancellationToken,
    on_fatal: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Life {
    pub(crate) fn new(on_fatal: Arc<dyn Fn(&str) + Send + Sync>) -> Self {
        Self { over: OnceLock::new(), ended: CancellationToken::new(), on_fatal }
    }

    /// Ends it for good; whoever is first says why, and the hook is called that once.
    pub(crate) fn end(&self, why: &str) {
        if self.over.set(why.to_owned()).is_ok() {
            tracing::error!(why, "this node lost what it owned, and stops");
            self.ended.cancel();
            (self.on_fatal)(why);
        }
    }

    /// Why it ended, if it did.
    pub(crate) fn over(&self) -> Option<&str> {
        self.over.get().map(String::as_str)
    }

    /// Ends when the life does.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life").field("over", &self.over).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn it_ends_once() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hook = Arc::clone(&heard);
        let life = Life::new(Arc::new(move |why| hook.lock().push(why.to_owned())));
        assert_eq!(life.over(), None);
        life.end("first");
        life.end("second");
        assert_eq!(life.over(), Some("first"));
        assert!(life.ended().is_cancelled());
        assert_eq!(*heard.lock(), ["first"]);
    }
}
