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
