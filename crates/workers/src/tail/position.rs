//! A place in the event log on Kafka, as it is printed and typed.

use std::fmt;
use std::str::FromStr;

/// A record's place: `messages:3:1234` is offset 1234 of partition 3 of the topic `PREFIX.messages`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The topic, without the prefix.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.topic, self.partition, self.offset)
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no position: they are written TOPIC:PARTITION:OFFSET");
        let (rest, offset) = text.rsplit_once(':').ok_or_else(wrong)?;
        let (topic, partition) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let partition = partition.parse().ok().filter(|partition| *partition >= 0).ok_or_else(wrong)?;
        let offset = offset.parse().ok().filter(|offset| (0..i64::MAX).contains(offset)).ok_or_else(wrong)?;
        if topic.is_empty() {
            return Err(wrong());
        }
        Ok(Self { topic: topic.to_owned(), partition, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_typed() {
        let position = Position { topic: "messages".to_owned(), partition: 3, offset: 1234 };
        assert_eq!(position.to_string(), "messages:3:1234");
        assert_eq!("messages:3:1234".parse(), Ok(position));
        for wrong in ["", "17", "messages:1", ":1:2", "messages:-1:2", "messages:1:-2", "messages:1:x"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }
}
