//! Thousands of clients that connect and go no further.

use futures_util::stream::{self, StreamExt as _};
use tokio::time::{Duration, interval, timeout};

use super::connections;
use super::light::Light;
use super::usage::memory;
use crate::support::PATIENCE;
use crate::support::frames::{direct, send};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// How many connect at the same time.
const AT_ONCE: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_clients_are_reaped_and_their_memory_returns() {
    let settings = ["timeouts.hello_s=3", "timeouts.handshake_s=3"];
    let server = Server::start_with(&settings).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let count = connections(5_000);
    let mut after = Vec::new();
    for _ in 0..3 {
        let before = memory(server.id());
        let opened =
            stream::iter(0..count).map(|number| half_open(&server, number)).buffer_unordered(AT_ONCE);
        let opened: Vec<Light> = opened.filter_map(std::future::ready).collect().await;
        assert!(opened.len() > count / 2, "{} of {count} stay", opened.len());
        let taken = memory(server.id()).saturating_sub(before);
        println!("{count} half-open clients take {taken} bytes");
        assert!(taken < count as u64 * 48 * 1024, "{count} clients that say nothing take {taken} bytes");
        alice.done(send(&conversation, "others are served")).await;
        let reaped = stream::iter(opened).for_each_concurrent(None, Light::end);
        timeout(PATIENCE, reaped).await.expect("the server ends them");
        gone(&server).await;
        after.push(memory(server.id()));
    }
    // The first round may leave what the allocator keeps for the next; no round may leave something of its own.
    let grown = after[2].saturating_sub(after[0]);
    println!("after each round: {after:?}");
    assert!(grown < 16 << 20, "{grown} bytes more after two more rounds: {after:?}");
    let ended = server.metric("causerie_handshakes_failed_total{step=\"timeout\"}").await;
    assert!(ended >= count as f64, "{ended} ended by their time");
}

/// One of four kinds: silent, in the middle of its request, without a hello, or gone at once.
async fn half_open(server: &Server, number: usize) -> Option<Light> {
    let address = server.addresses().public;
    let opened = async {
        let mut light = Light::connect(address, number).await?;
        match number % 4 {
            0 => {}
            1 => light.write(b"GET /v1/ws HTTP/1.1\r\nHos").await?,
            2 => light = Light::open(address, number).await?,
            _ => return Ok(None),
        }
        anyhow::Ok(Some(light))
    };
    let opened = timeout(PATIENCE, opened).await.expect("the server accepts");
    opened.unwrap_or_else(|error| panic!("client {number}: {error:#}"))
}

/// Waits until only the one client is left that is known.
async fn gone(server: &Server) {
    let left = async {
        let mut tick = interval(Duration::from_millis(50));
        while server.metric("causerie_connections").await > 1.0 {
            tick.tick().await;
        }
    };
    timeout(PATIENCE, left).await.expect("no half-open connection is left");
}
