//! Golden frames: one file a frame, named `<type>.json` or `<type>-<variant>.json`, shared with the tests of every
//! language.
//!
//! A client in any language that reads every file in `down/` and writes every one in `up/` speaks the protocol.
//! The tests below keep the files complete and true: every kind has one, each parses, and what is written back is
//! the same JSON value.

/// A golden frame.
#[derive(Clone, Copy, Debug)]
pub struct Golden {
    /// The file's name without `.json`.
    pub name: &'static str,
    /// The frame.
    pub json: &'static str,
}

impl Golden {
    /// The `type` of the frame, as the file's name tells it.
    pub fn tag(&self) -> &'static str {
        self.name.split('-').next().unwrap_or(self.name)
    }
}

/// Lists the files of one direction.
macro_rules! golden {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(Golden { name: $name, json: include_str!(concat!($folder, "/", $name, ".json")) },)+]
    };
}

/// What clients say.
pub const UP: &[Golden] = golden!("up":
    "hello", "hello-bare", "refresh", "ping", "ping-bare", "create-direct", "create-group", "conversation",
    "conversations", "conversations-first", "members", "members.add", "members.remove", "members.role", "rename",
    "leave", "block", "unblock", "blocks", "send", "send-direct", "send-again", "sync", "history", "history-last",
    "delivered", "read", "presence.watch", "presence.unwatch", "profile.get", "profile.set", "settings.get",
    "settings.set",
);

/// What clients hear.
pub const DOWN: &[Golden] = golden!("down":
    "welcome", "ok", "ok-bare", "pong", "created", "conversation", "page-conversations", "page-conversations-last",
    "page-members", "page-messages", "sent", "message", "message-data", "message-membership",
    "message-membership-created", "head", "receipt", "presence-online", "presence-offline", "blocks", "profiles",
    "settings", "error-busy", "error-unknown-outcome", "error-invalid", "goodbye", "goodbye-stay-away",
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::frame::down::{DownKind, EntryKind, Membership};
    use crate::frame::up::UpKind;
    use crate::{Down, Up};

    fn value(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn golden_up_frames_read_and_write_the_same() {
        for golden in UP {
            let frame = Up::parse(golden.json).unwrap_or_else(|error| panic!("up/{}: {error}", golden.name));
            assert_eq!(frame.kind().tag(), golden.tag(), "up/{}", golden.name);
            assert_eq!(value(&frame.to_json()), value(golden.json), "up/{}", golden.name);
        }
    }

    #[test]
    fn golden_down_frames_read_and_write_the_same() {
        for golden in DOWN {
            let frame =
                Down::parse(golden.json).unwrap_or_else(|error| panic!("down/{}: {error}", golden.name));
            assert_eq!(frame.kind().tag(), golden.tag(), "down/{}", golden.name);
            assert_eq!(value(&frame.to_json()), value(golden.json), "down/{}", golden.name);
        }
    }

    #[test]
    fn every_kind_of_frame_has_a_golden_one() {
        let tags = |list: &[Golden]| list.iter().map(Golden::tag).collect::<BTreeSet<_>>();
        assert_eq!(tags(UP), UpKind::ALL.iter().map(|kind| kind.tag()).collect());
        assert_eq!(tags(DOWN), DownKind::ALL.iter().map(|kind| kind.tag()).collect());
    }

    #[test]
    fn every_golden_file_is_listed() {
        for (folder, list) in [("up", UP), ("down", DOWN)] {
            let path = format!("{}/src/golden/{folder}", env!("CARGO_MANIFEST_DIR"));
            let files: BTreeSet<_> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            assert_eq!(
                files,
                list.iter().map(|golden| format!("{}.json", golden.name)).collect(),
                "{folder}"
            );
        }
    }

    #[test]
    fn golden_membership_bodies_read_as_what_they_are() {
        let mut seen = 0;
        for golden in DOWN {
            if let Ok(Down::Message(message)) = Down::parse(golden.json)
                && message.kind == EntryKind::Membership
            {
                let body: Membership = serde_json::from_str(message.body.as_json()).unwrap();
                assert_eq!(value(&serde_json::to_string(&body).unwrap()), value(message.body.as_json()));
                seen += 1;
            }
        }
        assert_eq!(seen, 2);
    }
}
