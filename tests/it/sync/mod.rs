//! Catching up: from a position, backwards, on a new device; the list of conversations.

mod conversations;
mod paging;
