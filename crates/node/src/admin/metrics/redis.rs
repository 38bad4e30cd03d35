//! How the mirror and the cache on Redis are.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{Reading, count};
use crate::backends::redis::RedisParts;

/// Reads them when it is asked.
pub(super) struct Redis(pub(super) RedisParts);

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

impl Collector for Redis {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (mirror, cache) = (self.0.mirror(), self.0.cache());
        let counters = [
            ("announced", "Users announced in Redis.", mirror.announced),
            ("failed", "Announcements that failed and come again.", mirror.failed),
            ("losses", "Times that everybody was announced again.", mirror.losses),
            ("cache_hits", "Values that the cache had.", cache.hits),
            ("cache_misses", "Values that the store was asked for.", cache.misses),
            ("cache_failed", "Looks into the cache that failed.", cache.failed),
        ];
        for (name, help, value) in counters {
            count(&mut encoder, name, help, value)?;
        }
        let gauges = [
            ("up", "1 when Redis answered last time.", None, f64::from(u8::from(mirror.up))),
            (
                "lag",
                "The age of the oldest change that Redis does not have.",
                Some(Unit::Seconds),
                mirror.lag.as_secs_f64(),
            ),
            ("waiting", "Users with changes that Redis does not have.", None, mirror.waiting as f64),
        ];
        for (name, help, unit, value) in gauges {
            Reading { name, help, unit, value }.gauge(&mut encoder)?;
        }
        Ok(())
    }
}
