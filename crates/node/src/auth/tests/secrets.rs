//! Types that hold a secret cannot be printed or written by accident: it does not compile.

use std::fmt::Display;

use serde::Serialize;

use crate::auth::Issued;
use crate::auth::key::Key;
use crate::auth::keyset::KeySet;
use crate::config::Secret;

/// Compiles only when the type does not have the trait: otherwise it is not clear which `name` is meant.
macro_rules! has_not {
    ($type:ty: $($trait:path),+) => {$({
        trait Ambiguous<Which> {
            fn name() {}
        }
        struct Has;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
        let _ = <$type as Ambiguous<_>>::name;
    })+};
}

#[test]
fn secrets_have_no_form_in_text_or_json() {
    has_not!(Secret: Display, Serialize);
    has_not!(Issued: Display, Serialize);
    has_not!(Key: Display, Serialize);
    has_not!(KeySet: Display, Serialize);
    has_not!(causerie_client::Token: Display, Serialize);
    has_not!(causerie_client::Credentials: Display, Serialize);
}
