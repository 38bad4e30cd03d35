//! What the decoders at the server's edge promise of any input: property tests and the targets in `fuzz/` use it.

use std::path::PathBuf;

use crate::config::Sources;

pub use crate::auth::fuzzing::{key_set, token};
pub use crate::gateway::fuzzing::{head, websocket};

/// A configuration is taken, or everything that is wrong with it is told.
pub fn configuration(text: &[u8]) {
    let name = format!("causerie-fuzzing-{}-{:?}.toml", std::process::id(), std::thread::current().id());
    let path: PathBuf = std::env::temp_dir().join(name);
    std::fs::write(&path, text).expect("the file can be written");
    let sources = Sources { file: Some(path.clone()), ..Sources::default() };
    let loaded = sources.load();
    std::fs::remove_file(&path).expect("it is there");
    if let Err(errors) = loaded {
        assert!(!errors.0.is_empty() && errors.0.iter().all(|error| !error.message.is_empty()));
        assert!(!errors.to_string().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use crate::config::Config;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn configurations(
            any in any::<Vec<u8>>(),
            lines in prop::collection::vec(
                "(\\[?[a-z]{3,9}\\]?|[a-z_]{3,12}) ?=? ?(-?[0-9]{1,20}|\"\\PC{0,9}\"|\\[\"a\", 7\\]|true|1979-05-27|\\{a=1\\})?",
                0..9,
            ),
            sections in prop::collection::vec(any::<Index>(), 9),
        ) {
            super::configuration(&any);
            let keys = Config::default().keys();
            let text = |section: &Index, line: &str| format!("[{}]\n{line}\n", section.get(&keys).section);
            let near: String = sections.iter().zip(&lines).map(|(section, line)| text(section, line)).collect();
            super::configuration(near.as_bytes());
            if let (Some(line), Some(section)) = (lines.first(), sections.first()) {
                let (key, value) = (section.get(&keys), line.split_once('=').map_or("0", |(_, value)| value));
                super::configuration(format!("[{}]\n{} = {value}\n", key.section, key.name).as_bytes());
            }
        }
    }
}
