//! Bugs for the judge to find.
//!
//! A judge that finds nothing may be blind. So the server can be built with bugs in it, one of which is chosen when it
//! starts, and a run against it must be condemned: `cargo xtask test --only planted-bugs`. Each place asks
//! [`planted`] for its own [`Bug`], in a line or two.
//!
//! Guaranteed: without the feature `planted-bugs`, which nothing but that stage asks for, `planted` is the constant
//! `false` and the compiler leaves no trace of any bug; with it, a build without debug assertions, as every release is,
//! does not compile.

#[cfg(all(feature = "planted-bugs", not(debug_assertions)))]
compile_error!("a server with planted bugs is for tests: no release is built with `planted-bugs`");

mod bug;

pub use bug::Bug;

/// Whether this server has this bug.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub const fn planted(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted-bugs")]
pub use chosen::{chosen, planted};

#[cfg(feature = "planted-bugs")]
mod chosen;
