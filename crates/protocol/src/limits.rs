//! Sizes that both sides of the protocol know.

/// The largest content of a body that a server accepts unless told otherwise, in bytes.
pub const BODY_BYTES: usize = 16 * 1024;

/// Unanswered requests per connection, sends and others; above, the server stops reading.
pub const SENDS_IN_FLIGHT: usize = 32;

/// Users that one connection may watch.
pub const WATCH_USERS: usize = 256;

/// The most items of one page.
pub const PAGE_ITEMS: usize = 200;

/// The items of a page when the client names no limit.
pub const PAGE_ITEMS_DEFAULT: usize = 100;

/// Users in one `create`, `members.add`, `members.remove`, `profile.get` or `presence.watch`.
pub const USERS_PER_REQUEST: usize = 256;

/// A user's settings, in bytes of JSON.
pub const SETTINGS_BYTES: usize = 4 * 1024;

/// Groups up to this size tell who has received and read.
pub const RECEIPT_MEMBERS: usize = 256;

/// The longest display name and picture address, in bytes.
pub const PROFILE_BYTES: usize = 1024;

/// How deep a body and a user's settings may be nested, the object itself being the first level: little enough that every
/// parser reads the frames that they are pasted into.
pub const JSON_DEPTH: usize = 32;
