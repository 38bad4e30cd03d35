//! The configuration as the bounds of the actors.

use causerie_actors::{Rate, Settings};

use crate::config::Config;

/// What the actors are told.
pub(crate) fn settings(config: &Config) -> Settings {
    let Config { server, limits, rates, presence, timeouts, .. } = config;
    let rate = |per_second: u32, burst: u32| Rate { per_second: per_second.into(), burst: burst.into() };
    Settings {
        node_name: server.node_name.clone(),
        sends_in_flight: limits.sends_in_flight,
        body_bytes: limits.body_bytes,
        frame_bytes: limits.frame_bytes,
        unauthenticated_bytes: limits.unauthenticated_bytes,
        hello_timeout: timeouts.hello,
        out_queue_frames: limits.out_queue_frames,
        out_queue_bytes: limits.out_queue_bytes,
        lagging_close: timeouts.lagging_close,
        conversation_queue: limits.conversation_queue,
        node_queue_bytes: limits.node_queue_bytes,
        recent_keys: limits.recent_keys,
        page_bytes: limits.page_bytes,
        reads_in_flight: limits.reads_in_flight,
        send_deadline: timeouts.send_deadline,
        outcome_deadline: timeouts.outcome_deadline,
        conversation_idle: timeouts.conversation_idle,
        group_members: limits.group_members,
        watch_users: limits.watch_users,
        connections_per_user: limits.connections_per_user,
        heartbeat: presence.heartbeat,
        presence_ttl: presence.ttl,
        presence_grace: presence.grace,
        connection_sends: rate(rates.connection_sends_per_s, rates.connection_sends_burst),
        connection_requests: rate(rates.connection_requests_per_s, rates.connection_requests_burst),
        user_sends: rate(rates.user_sends_per_s, rates.user_sends_burst),
        conversation_sends: rate(rates.conversation_sends_per_s, rates.conversation_sends_burst),
        ..Settings::default()
    }
}
