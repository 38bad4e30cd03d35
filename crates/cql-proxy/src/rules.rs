//! The rules that stand, in the order they were added.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::action::Action;
use crate::request::Request;
use crate::rule::Standing;

/// Shared by all connections.
#[derive(Debug, Default)]
pub(crate) struct Rules(Mutex<Vec<Arc<Standing>>>);

impl Rules {
    pub(crate) fn add(&self, rule: Arc<Standing>) {
        let mut rules = self.0.lock();
        rules.retain(|rule| !rule.is_removed());
        rules.push(rule);
    }

    /// The one that acts on this request; those that only count have counted.
    pub(crate) fn decide(&self, request: &Request, body: &[u8]) -> Option<Arc<Standing>> {
        for rule in self.0.lock().iter() {
            if !rule.takes(request, body) {
                continue;
            }
            if rule.action != Action::Count {
                return Some(Arc::clone(rule));
            }
            rule.count_effect();
        }
        None
    }
}
