//! A rule that stands, as its maker sees it and as connections do.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::action::Action;
use crate::error::ProxyError;
use crate::pick::Pick;
use crate::request::Request;

/// How long [`Rule::took_effect`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// A handle. Dropping it changes nothing: the rule stands until [`Rule::remove`].
#[derive(Clone, Debug)]
pub struct Rule(pub(crate) Arc<Standing>);

/// The rule itself.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) pick: Pick,
    pub(crate) action: Action,
    effects: watch::Sender<u64>,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    matched: u64,
    taken: u64,
    is_removed: bool,
    held: Vec<oneshot::Sender<()>>,
}

impl Rule {
    /// How often it took effect. A count of [`Action::Count`] is that of the requests that it met.
    #[must_use]
    pub fn effects(&self) -> u64 {
        *self.0.effects.borrow()
    }

    /// Waits until it took effect at least this often since it was added.
    ///
    /// # Errors
    /// [`ProxyError::NoEffect`] after 30 s.
    pub async fn took_effect(&self, times: u64) -> Result<(), ProxyError> {
        let mut effects = self.0.effects.subscribe();
        let waited = tokio::time::timeout(PATIENCE, effects.wait_for(|seen| *seen >= times)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            _ => Err(ProxyError::NoEffect {
                rule: format!("{:?} of {:?}", self.0.action, self.0.pick),
                wanted: times,
                seen: self.effects(),
            }),
        }
    }

    /// Lets go all that it holds now, in the order it came; what it meets later is held again. Says how many.
    pub fn release(&self) -> usize {
        let held = std::mem::take(&mut self.0.turns.lock().held);
        held.into_iter().filter_map(|one| one.send(()).ok()).count()
    }

    /// How many it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.turns.lock().held.iter().filter(|one| !one.is_closed()).count()
    }

    /// It meets nothing any more. What it holds stays held, and can still be released.
    pub fn remove(&self) {
        self.0.turns.lock().is_removed = true;
    }
}

impl Standing {
    pub(crate) fn new(pick: Pick, action: Action) -> Self {
        Self { pick, action, effects: watch::Sender::new(0), turns: Mutex::default() }
    }

    /// Whether it acts on this request; then the turn is taken.
    pub(crate) fn takes(&self, request: &Request, body: &[u8]) -> bool {
        if !self.pick.matches(request, body) {
            return false;
        }
        let mut turns = self.turns.lock();
        let number = turns.matched;
        turns.matched += 1;
        let takes = !turns.is_removed && self.pick.has_turn(number, turns.taken);
        turns.taken += u64::from(takes);
        takes
    }

    /// The server answered with an error: the turn is still to come.
    pub(crate) fn give_back(&self) {
        let mut turns = self.turns.lock();
        turns.taken -= 1;
        turns.matched -= 1;
    }

    pub(crate) fn count_effect(&self) {
        self.effects.send_modify(|effects| *effects += 1);
    }

    /// Resolves when released; an error if that can never be. Counts as an effect.
    pub(crate) fn hold(&self) -> oneshot::Receiver<()> {
        let (release, released) = oneshot::channel();
        self.turns.lock().held.push(release);
        self.count_effect();
        released
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.turns.lock().is_removed
    }
}
