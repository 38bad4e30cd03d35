//! A connection inside the process, with frames as values: how a bot hears.

use std::time::Duration;

use causerie_protocol::frame::CloseCode;
use causerie_protocol::frame::down::Pong;
use causerie_protocol::frame::up::Bare;
use causerie_protocol::{Down, Up};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::connection::channel::ChannelClient;

/// How often something is said until `welcome` tells.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The connection has ended; what was said was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection has ended")]
pub struct Ended;

/// One connection of a [`LocalUser`](crate::LocalUser): a device like any other, so `welcome` is the first frame, live
/// messages come in order, and `head` stands for those that had no room.
///
/// It stays open as long as somebody [`hear`](Self::hear)s, which keeps up the heartbeat; dropping it closes it.
#[derive(Debug)]
pub struct LocalClient {
    channel: ChannelClient,
    heartbeat: Interval,
}

impl LocalClient {
    pub(crate) fn new(channel: ChannelClient) -> Self {
        Self { channel, heartbeat: every(HEARTBEAT) }
    }

    /// Says a frame; waits while the server does not read. It reads on when its answers are taken, so who says much has
    /// to hear meanwhile.
    ///
    /// # Errors
    /// [`Ended`] when the node has closed the connection.
    pub async fn say(&self, frame: &Up) -> Result<(), Ended> {
        self.channel.send(frame.to_json()).await.map_err(|_| Ended)
    }

    /// The next frame; `None` after the last one. Nothing is lost when this is given up half-way.
    pub async fn hear(&mut self) -> Option<Down> {
        loop {
            let json = tokio::select! {
                json = self.channel.next() => json?,
                () = beat(&mut self.heartbeat, &self.channel) => continue,
            };
            match Down::parse(&json) {
                Ok(Down::Pong(Pong { id: None })) => {}
                Ok(frame) => {
                    if let Down::Welcome(welcome) = &frame {
                        self.heartbeat = every(Duration::from_millis(welcome.heartbeat_ms.max(1)));
                    }
                    return Some(frame);
                }
                Err(error) => tracing::error!(%error, "a frame of the node's own could not be read"),
            }
        }
    }

    /// Why the node closed the connection, once it has.
    pub fn close_code(&self) -> Option<CloseCode> {
        self.channel.close_code()
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Waits until it is time, and gives a sign of life.
async fn beat(heartbeat: &mut Interval, channel: &ChannelClient) {
    heartbeat.tick().await;
    // Fails only when the node has closed the connection, which is heard next.
    let _ = channel.send(Up::Ping(Bare { id: None }).to_json()).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use causerie_protocol::{Body, ClientMessageId, Clock, Timestamp};
    use causerie_store::memory::MemoryStore;

    use super::*;
    use crate::{Chat, Identity, Settings, channel};

    /// A clock that a test moves.
    #[derive(Default)]
    struct Seconds(AtomicU64);

    impl Clock for Seconds {
        fn wall(&self) -> Timestamp {
            Timestamp(1_700_000_000_000).plus(self.monotonic())
        }
        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.load(SeqCst))
        }
    }

    /// Ends when the node has read two frames more: the second of them after this was called.
    async fn two_frames(chat: &Chat) {
        let before = chat.metrics().frames_in.get();
        while chat.metrics().frames_in.get() < before + 2 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_listens_stays_and_who_does_not_is_closed() {
        let clock = Arc::new(Seconds::default());
        let settings = Settings { heartbeat: Duration::from_millis(1), ..Settings::default() };
        let builder = Chat::builder().store(Arc::new(MemoryStore::new())).clock(Arc::clone(&clock) as _);
        let chat = builder.settings(settings).start().await.unwrap();
        let (transport, silent) = channel();
        chat.attach(Identity::of("alice".parse().unwrap()), "silent".parse().unwrap(), transport);
        assert!(silent.next().await.unwrap().contains("welcome"));
        let mut inbox = chat.user("alice".parse().unwrap(), "desk".parse().unwrap()).connect();
        assert!(matches!(inbox.hear().await, Some(Down::Welcome(_))));

        for _ in 0..4 {
            clock.0.fetch_add(40, SeqCst);
            tokio::select! {
                frame = inbox.hear() => panic!("nothing is said to who listens: {frame:?}"),
                () = two_frames(&chat) => {}
            }
        }
        assert!(silent.next().await.unwrap().contains(r#""reason":"silent""#));

        let bob = chat.user("bob".parse().unwrap(), "phone".parse().unwrap());
        let key = ClientMessageId::from_bytes([1; 16]);
        bob.send_to("alice".parse().unwrap(), key, Body::text("Are you there?")).await.unwrap();
        assert!(matches!(inbox.hear().await, Some(Down::Message(_))));
        chat.stop().await;
        while inbox.hear().await.is_some() {}
        assert_eq!(inbox.close_code(), Some(CloseCode::GoingAway));
    }
}
