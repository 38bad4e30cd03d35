//! Hooks that stop appends at a step.

use causerie_cql::hooks::{Hooks, Step};
use causerie_store::port::Answer;
use tokio::sync::watch;

/// Where appends stop, and whether one does.
#[derive(Clone, Debug)]
pub(crate) struct Hold(watch::Sender<State>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    at: Option<Step>,
    standing: usize,
}

impl Default for Hold {
    fn default() -> Self {
        Self(watch::Sender::new(State::default()))
    }
}

impl Hold {
    /// From now on appends stop at this step.
    pub(crate) fn hold(&self, step: Step) {
        self.0.send_modify(|state| *state = State { at: Some(step), standing: 0 });
    }

    /// Lets all go on, and stops none.
    pub(crate) fn release(&self) {
        self.0.send_modify(|state| *state = State::default());
    }

    /// Ends when an append stands.
    pub(crate) async fn standing(&self) {
        let mut state = self.0.subscribe();
        drop(state.wait_for(|state| state.standing > 0).await);
    }
}

impl Hooks for Hold {
    fn at(&self, step: Step) -> Option<Answer<()>> {
        let mut stands = false;
        self.0.send_if_modified(|state| {
            stands = state.at == Some(step);
            state.standing += usize::from(stands);
            stands
        });
        let mut state = self.0.subscribe();
        let wait = async move { drop(state.wait_for(|state| state.at != Some(step)).await) };
        stands.then(|| -> Answer<()> { Box::pin(wait) })
    }
}
