//! Who may come in: bounds on connections, in all and of one address, and on how fast they are opened.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use causerie_actors::Rate;
use causerie_actors::bucket::Bucket;
use parking_lot::Mutex;
use std::collections::HashMap;

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct DoorLimits {
    /// Connections in all.
    pub(super) connections: usize,
    /// Connections of one address; 0 is no bound.
    pub(super) per_address: usize,
    /// New connections of one address.
    pub(super) rate: Rate,
}

/// Addresses that are remembered although they have no connection; then those that are quiet are forgotten.
const REMEMBERED: usize = 10_000;
/// How often they are looked through, at most: whoever comes from ever new addresses must not make every entry slow.
const SWEEP: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Address {
    open: usize,
    opened: Bucket,
    seen: Duration,
}

#[derive(Debug, Default)]
struct Counts {
    open: usize,
    addresses: HashMap<IpAddr, Address>,
    swept: Duration,
}

/// Counts who is in.
#[derive(Debug)]
pub(super) struct Door {
    limits: DoorLimits,
    counts: Mutex<Counts>,
}

/// Why somebody is not let in; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the node has as many connections as it may")]
    Full,
    #[error("this address has as many connections as it may")]
    AddressFull,
    #[error("this address opens connections faster than it may")]
    TooFast,
}

/// Somebody who is in, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    door: Arc<Door>,
    address: IpAddr,
}

impl Door {
    pub(super) fn new(limits: DoorLimits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// Lets a connection in.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, now: Duration) -> Result<Pass, Refusal> {
        let mut counts = self.counts.lock();
        if counts.open >= self.limits.connections {
            return Err(Refusal::Full);
        }
        let address = holder(address);
        if counts.addresses.len() > REMEMBERED && now >= counts.swept + SWEEP {
            counts.swept = now;
            counts.addresses.retain(|_, known| known.open > 0 || now < known.seen + Duration::from_secs(60));
        }
        let new = || Address { open: 0, opened: Bucket::new(self.limits.rate, now), seen: now };
        let known = counts.addresses.entry(address).or_insert_with(new);
        known.seen = now;
        if self.limits.per_address > 0 && known.open >= self.limits.per_address {
            return Err(Refusal::AddressFull);
        }
        known.opened.take(now).map_err(|_| Refusal::TooFast)?;
        known.open += 1;
        counts.open += 1;
        Ok(Pass { door: Arc::clone(self), address })
    }
}

/// Who holds an address: with IPv6 a customer has a whole /64 to choose from, so that is what is counted.
fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.door.counts.lock();
        counts.open -= 1;
        if let Some(known) = counts.addresses.get_mut(&self.address) {
            known.open -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_makes_room() {
        let rate = Rate { per_second: 1.0, burst: 4.0 };
        let door = Door::new(DoorLimits { connections: 3, per_address: 2, rate });
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let enter = |address, now| door.enter(address, Duration::from_secs(now));
        let (first, _second) = (enter(here, 0).unwrap(), enter(here, 0).unwrap());
        assert_eq!(enter(here, 0).unwrap_err(), Refusal::AddressFull);
        let _third = enter(there, 0).unwrap();
        assert_eq!(enter(there, 0).unwrap_err(), Refusal::Full);
        drop(first);
        drop(enter(here, 0).unwrap());
        drop(enter(here, 0).unwrap());
        assert_eq!(enter(here, 0).unwrap_err(), Refusal::TooFast);
        assert!(enter(here, 1).is_ok());
    }

    #[test]
    fn neighbours_in_a_network_of_ipv6_are_one_and_a_mapped_address_is_what_it_maps() {
        let of = |address: &str| holder(address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::7"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::7"), of("2001:db8:1:3::7"));
        assert_eq!(of("::ffff:10.0.0.7"), of("10.0.0.7"));
    }
}
