//! How an announcement is written to Redis.

use std::sync::Arc;

use bytes::Bytes;

use super::MirrorIdentity;
use super::board::Announcement;
use crate::redis::client::Client;
use crate::redis::error::CallError;
use crate::redis::script::Script;

/// How long a node counts as alive after its last sign of life.
const NODE_SECONDS: i64 = 10;
/// How long a route stays that nobody renews.
const ROUTE_SECONDS: &str = "90";
/// How long it stays when a user was last seen.
const SEEN_SECONDS: i64 = 30 * 24 * 3600;

/// Arguments: seconds, what the values of this incarnation begin with, then device and connection of each connection.
/// Answers how many it had to set.
const ROUTE: &str = r"
local own, wanted, set = ARGV[2], {}, 0
for i = 3, #ARGV, 2 do wanted[ARGV[i]] = own .. ARGV[i + 1] end
local held = redis.call('HGETALL', KEYS[1])
for i = 1, #held, 2 do
  local device, value = held[i], held[i + 1]
  if wanted[device] == value then
    wanted[device] = nil
  elseif not wanted[device] and string.sub(value, 1, #own) == own then
    redis.call('HDEL', KEYS[1], device)
  end
end
for device, value in pairs(wanted) do
  redis.call('HSET', KEYS[1], device, value)
  set = set + 1
end
if #ARGV > 2 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {tostring(set)}
";

/// Writes the keys of one node.
pub(super) struct Announcer {
    client: Arc<Client>,
    script: Script,
    prefix: String,
    node_key: String,
    address: String,
    /// What the values of this incarnation begin with.
    own: Bytes,
}

impl Announcer {
    pub(super) fn new(client: Arc<Client>, prefix: &str, identity: &MirrorIdentity) -> Self {
        let incarnation = format!("{:032x}", identity.incarnation.0);
        Self {
            client,
            script: Script::new(ROUTE),
            prefix: prefix.to_owned(),
            node_key: format!("{prefix}node:{incarnation}"),
            address: identity.address.clone(),
            own: format!("{}|{incarnation}|", identity.node.get()).into(),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// A sign of life. Returns whether Redis still had the one before.
    pub(super) async fn sign_of_life(&self) -> Result<bool, CallError> {
        let before = self.client.set(&self.node_key, &self.address, NODE_SECONDS).await?;
        Ok(before.is_some_and(|before| before == self.address.as_bytes()))
    }

    /// The node's last word: none of its fields counts any more.
    pub(super) async fn leave(&self) -> Result<(), CallError> {
        self.client.remove(&self.node_key).await
    }

    /// Announces a user. Returns whether Redis did not have it so.
    pub(super) async fn announce(&self, announcement: &Announcement) -> Result<bool, CallError> {
        if let Some(seen) = announcement.change.and_then(|change| change.seen) {
            let key = format!("{}seen:{}", self.prefix, announcement.user);
            self.client.put(&key, &seen.0.to_string(), SEEN_SECONDS).await?;
        }
        let key = format!("{}route:{}", self.prefix, announcement.user);
        let mut arguments = vec![Bytes::from_static(ROUTE_SECONDS.as_bytes()), self.own.clone()];
        for (device, connection) in &announcement.devices {
            arguments.push(Bytes::copy_from_slice(device.as_str().as_bytes()));
            arguments.push(connection.0.to_string().into());
        }
        let set = self.client.run(&self.script, &key, arguments, None).await?;
        Ok(set.first().and_then(Option::as_deref).is_some_and(|set| set != b"0"))
    }
}
