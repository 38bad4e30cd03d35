//! What every store promises, as tests. One room a promise.
//!
//! An implementation describes itself as a [`Subject`] and calls [`contract_tests!`](crate::contract_tests) in its
//! tests; each promise is then one test of its own name. Nothing here waits for time.

pub mod append;
pub mod bodies;
pub mod cursors;
pub mod durability;
pub mod events;
pub mod idempotency;
pub mod membership;
pub mod ownership;
pub mod paging;
pub mod sample;
pub mod users;
pub mod visibility;
mod wait;

pub use wait::wait;

use crate::committed::{AppendResult, PendingAppend};
use crate::model::{Batch, EventPosition};
use crate::port::{Answer, Events, Store};

/// A store under test, with what a test can do to it.
pub trait Subject: Sized {
    /// The implementation.
    type Store: Store;

    /// Whether what it needs is there. Where it is not, it says so in a line, and no promise is tested.
    fn is_there() -> bool {
        true
    }

    /// A new, empty store.
    fn new() -> Self;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// Closes the store in order and opens it again.
    #[must_use]
    fn reopen(self) -> Self;

    /// From now on, what is written stops before it is answered.
    fn hold(&self);

    /// Blocks until something has stopped there.
    fn wait_held(&self);

    /// Lets go on what has stopped, and stops no more.
    fn release(&self);

    /// What opening finds when the process ends at this moment, with all that is held.
    #[must_use]
    fn crash(self) -> Self;
}

/// The event log of a store that has one.
///
/// # Panics
/// When it has none: the room `events` is for stores that have.
pub fn event_log(store: &impl Store) -> &dyn Events {
    store.event_log().expect("the store keeps an event log")
}

/// Where the store keeps an event log, its last event has this position.
///
/// # Panics
/// When it has another.
pub fn assert_last_event(store: &impl Store, position: u64) {
    if let Some(log) = store.event_log() {
        assert_eq!(log.last_event(), EventPosition(position));
    }
}

/// Waits for an answer that must be a success.
///
/// # Panics
/// When it is an error.
pub fn ok<T, E: std::fmt::Debug>(answer: Answer<Result<T, E>>) -> T {
    wait(answer).expect("the store answers")
}

/// Appends, and waits for the answer.
///
/// # Panics
/// When the store never answers.
pub fn commit(store: &impl Store, batch: Batch) -> AppendResult {
    let (reply, answer) = std::sync::mpsc::sync_channel(1);
    store.append(PendingAppend::new(batch, move |result| reply.send(result).expect("somebody waits")));
    answer.recv().expect("every append is answered")
}

/// One test for each promise, for a [`Subject`]; those of the event log too, unless it is said that there is none.
#[macro_export]
macro_rules! contract_tests {
    ($subject:ty) => {
        $crate::contract_tests! { $subject, without an event log }
        $crate::contract_tests! { @rooms $subject;
            events {
                entries_and_receipts_come_in_order
                reading_resumes_at_every_position
                the_next_event_wakes_who_waits
                positions_go_on_after_reopening
            }
        }
    };
    ($subject:ty, without an event log) => {
        $crate::contract_tests! { @rooms $subject;
            append {
                entries_are_read_back_as_they_were_written
                a_batch_brings_its_projections_with_it
                a_malformed_batch_is_refused_alone
                a_direct_conversation_begins_with_no_entry
                conversations_do_not_mix
            }
            bodies {
                a_replaced_body_changes_nothing_else
                positions_that_do_not_exist_are_passed_over
            }
            cursors {
                the_highest_wins_in_any_order
                each_device_has_its_own
                what_is_read_is_delivered
            }
            durability {
                everything_acknowledged_survives_reopening
                a_crash_leaves_batches_whole_or_absent
            }
            idempotency {
                a_key_is_found_however_old
                a_key_is_the_senders_and_the_conversations
                a_key_that_is_there_is_not_stored_again
                the_highest_key_is_known
            }
            membership {
                members_come_change_go_and_come_back
                a_list_keeps_what_was_left
                only_current_members_share_a_conversation
                a_group_of_ten_thousand_loads_with_its_cursors
            }
            ownership {
                the_grant_is_kept_and_the_term_rises
                a_ceiling_never_falls
            }
            paging {
                pages_are_complete_at_every_border
                limits_end_a_page_and_the_first_always_fits
                ranges_outside_the_log_are_empty
                pages_are_complete_while_others_append
                heads_are_the_last_entries
            }
            users {
                profiles_and_settings_are_replaced
                blocks_are_kept_one_by_one
                last_seen_is_kept
                revocations_are_kept_until_they_expire
                suspensions_are_kept_until_they_are_lifted
                an_erased_user_leaves_nothing_but_memberships
            }
            visibility {
                nothing_is_seen_before_it_is_durable
            }
        }
    };
    (@rooms $subject:ty; $($room:ident { $($promise:ident)+ })+) => {
        $(mod $room {
            use super::*;
            $(#[test]
            fn $promise() {
                if <$subject as $crate::contract::Subject>::is_there() {
                    $crate::contract::$room::$promise::<$subject>();
                }
            })+
        })+
    };
}
