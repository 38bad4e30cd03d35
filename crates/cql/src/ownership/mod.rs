//! Who owns which shards: joining a cluster, taking over from who is gone, and handing over.
//!
//! Membership makes one owner usual. What makes it safe is elsewhere: every write counts only after a pass of the
//! [gate](crate::gate), and write timestamps of different owners never overlap. Here the other half of both is done:
//! an owner that is taken over is fenced *before* anything of it is read, and its successor's timestamps begin above the
//! last ceiling it had made durable.
//!
//! [`plan`] and [`lease`] decide and know no database; the others carry out. All tables but `node_fence` are changed by
//! conditional writes only, and an unknown outcome is settled by a serial read.

mod claims;
#[cfg(test)]
mod faults;
pub(crate) mod lease;
pub(crate) mod member;
mod number;
mod opening;
mod plan;
mod rows;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use claims::Claims;
pub(crate) use member::Member;
pub(crate) use number::Number;
pub(crate) use opening::Opening;
pub(crate) use tables::Tables;
