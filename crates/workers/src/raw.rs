//! A record as it came, before anybody knows whether it can be read.

use causerie_events::record::{DecodeError, Event, decode_parts};
use rdkafka::message::{Header, Headers as _, Message};

/// A record as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) value: Option<Vec<u8>>,
}

impl Raw {
    /// A record as librdkafka gives it.
    pub(crate) fn of(message: &impl Message) -> Self {
        let header =
            |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.unwrap_or_default().to_vec());
        Self {
            key: message.key().map(<[u8]>::to_vec),
            headers: message.headers().map(|all| all.iter().map(header).collect()).unwrap_or_default(),
            value: message.payload().map(<[u8]>::to_vec),
        }
    }

    /// The event that it is.
    pub(crate) fn decode(&self) -> Result<Event, DecodeError> {
        decode_parts(self.key.as_deref(), self.value.as_deref(), |name| self.header(name))
    }

    /// A header's value; the last one of a name counts, as for every reader of Kafka's headers.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// A header's value as text, if it is one.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|value| str::from_utf8(value).ok())
    }

    /// The bytes of its key and value.
    pub(crate) fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len)
    }
}
