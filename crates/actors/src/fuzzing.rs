//! What the places in a user's list promise of any text: the property test below and the target in `fuzz/` use it.

use crate::connection::parse_place;

/// A place that reads is one of a page, and is written so that it reads the same.
pub fn place(text: &str) {
    let Some((time, id)) = parse_place(text) else { return };
    let written = format!("{}.{id}", time.0);
    assert_eq!(parse_place(&written), Some((time, id)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places(any in any::<String>(), near in "[+-]?[0-9]{0,21}\\.[0-9a-f{}-]{30,40}") {
            super::place(&any);
            super::place(&near);
        }
    }
}
