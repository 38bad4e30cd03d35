//! `/metrics`, and the page that explains it.

use std::collections::BTreeSet;

use causerie_actors::Limit;
use causerie_protocol::frame::ErrorCode;
use causerie_store::fjall::{FjallConfig, FjallStore};

use super::*;

const PAGE: &str = include_str!("../../../../../docs/metrics.md");

/// Every metric of a whole server: its name, as samples have it, and its kind.
fn registered(text: &str) -> BTreeSet<(String, String)> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            (format!("{name}{suffix}"), kind.to_owned())
        })
        .collect()
}

/// The rows of the page's tables of metrics: name and kind.
fn documented() -> BTreeSet<(String, String)> {
    let rows =
        PAGE.lines().filter(|line| line.starts_with("| `causerie_") || line.starts_with("| `process_"));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let name = cells.next().unwrap().trim_matches('`').split('{').next().unwrap().to_owned();
        (name, cells.next().unwrap().to_owned())
    })
    .collect()
}

async fn text(room: &Room) -> String {
    let (status, text) = room.ask(get("/metrics")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.ends_with("# EOF\n"));
    text
}

#[tokio::test]
async fn every_metric_is_explained_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let config = FjallConfig { reserve_bytes: 0, ..FjallConfig::new(folder.path().join("store")) };
    let store = Arc::new(FjallStore::open(config).unwrap());
    let chat = Chat::builder().store(Arc::clone(&store) as _).start().await.unwrap();
    let room = Room::of(chat, None, |registry| {
        crate::admin::metrics::add_store(registry, store);
        crate::gateway::metrics::GatewayMetrics::default().register(registry);
    });
    room.send("alice", "bob", "hello").await;
    let text = text(&room).await;
    assert_eq!(registered(&text), documented());
    for code in ErrorCode::ALL {
        assert!(text.contains(&format!("causerie_errors_total{{code=\"{}\"}} 0", code.name())));
    }
    for limit in Limit::ALL {
        assert!(text.contains(&format!("causerie_limit_hits_total{{limit=\"{}\"}} 0", limit.name())));
        assert!(PAGE.contains(&format!("| `{}` |", limit.name())), "{limit:?} is not explained");
    }
    for sample in [
        "causerie_entries_committed_total 1",
        "causerie_append_duration_seconds_count 1",
        "causerie_batch_entries_sum 1.0",
        "causerie_store_appends_total 1",
        "causerie_store_sync_duration_seconds_bucket{le=\"+Inf\"} ",
        "causerie_conversations 1",
        "causerie_event_log_position 1",
    ] {
        assert!(text.contains(sample), "{sample} is not in\n{text}");
    }
    let free: f64 = value(&text, "causerie_store_disk_free_bytes ");
    assert!(free > 1.0 && value(&text, "process_resident_memory_bytes ") > 1e6);
    assert!(value(&text, "process_open_fds ") > 1.0 && value(&text, "process_cpu_seconds_total ") > 0.0);
}

fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
}

/// What the page says of a limit's setting is a setting that there is.
#[test]
fn the_settings_that_are_named_exist() {
    let keys = crate::config::Config::default().keys();
    let known: BTreeSet<_> = keys.iter().map(|key| format!("{}.{}", key.section, key.name)).collect();
    let sections = ["limits.", "rates.", "timeouts."];
    let quoted = PAGE.split('`').skip(1).step_by(2);
    let named: Vec<_> =
        quoted.filter(|text| sections.iter().any(|section| text.starts_with(section))).collect();
    assert!(named.len() >= 12, "{named:?}");
    for name in named {
        assert!(known.contains(name), "{name} is no setting");
    }
}

#[tokio::test]
async fn a_refusal_shows_which_bound_it_was() {
    use causerie_actors::{Rate, Settings};
    let settings = Settings {
        connections_per_user: 1,
        connection_sends: Rate { per_second: 0.001, burst: 1.0 },
        out_queue_frames: 16,
        ..Settings::default()
    };
    let chat = Chat::builder().store(Arc::new(MemoryStore::new())).settings(settings);
    let chat = chat.authenticator(Arc::new(Names)).start().await.unwrap();
    let room = Room::of(chat, None, |_| {});
    let (alice, _) = room.client("alice", "phone").await;
    let (_second, goodbye) = room.client("alice", "tv").await;
    assert_eq!(goodbye["type"], "goodbye");
    for id in 0..2 {
        let body = json!({ "content_type": "text/plain", "text": "a" });
        let key = uuid::Uuid::now_v7();
        let send = json!({ "type": "send", "id": id, "to": "bob", "client_message_id": key, "body": body });
        alice.send(send.to_string()).await.unwrap();
    }
    let answers = [frame(&alice).await, frame(&alice).await];
    assert!(answers.iter().any(|frame| frame["code"] == "rate_limited"), "{answers:?}");
    let text = text(&room).await;
    for sample in [
        "causerie_limit_hits_total{limit=\"connections_per_user\"} 1",
        "causerie_limit_hits_total{limit=\"connection_sends\"} 1",
        "causerie_errors_total{code=\"rate_limited\"} 1",
        "causerie_connections_closed_total{reason=\"too many connections of this user\"} 1",
    ] {
        assert!(text.contains(sample), "{sample} is not in\n{text}");
    }
}
