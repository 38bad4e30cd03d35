//! Hundreds that do not read, in the conversation in which most is said.

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::connections;
use super::light::Light;
use super::usage::memory;
use crate::support::PATIENCE;
use crate::support::frames::{group, of, send, seqs};
use crate::support::keys::Pair;
use crate::support::raw::{frame, opcode};
use crate::support::server::{Folder, Server};
use crate::support::socket::Socket;

const HOUR: std::time::Duration = std::time::Duration::from_hours(1);
const MESSAGES: u64 = 4_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_of_a_hot_conversation_take_no_more_than_their_share() {
    let folder = Folder::new();
    let secret = vec![7; 40];
    let settings = [
        format!("auth.hmac_secret_file={}", folder.write("secret", &secret).display()),
        "limits.frame_bytes=65536".to_owned(),
        "limits.out_queue_bytes=65536".to_owned(),
        "limits.page_bytes=65536".to_owned(),
        "limits.send_buffer_bytes=4096".to_owned(),
        "timeouts.lagging_close_s=600".to_owned(),
    ];
    let secret = Pair::Secret(secret);
    let server = Server::start_in(folder, &settings.each_ref().map(String::as_str)).await;
    let enter = async |user: &str| Socket::hello(&server, &secret.token("", user, HOUR), "phone").await.0;
    let (mut alice, mut quick) = (enter("alice").await, enter("quick").await);
    let count = connections(300);
    let names: Vec<String> = (0..count).map(|number| format!("slow-{number}")).collect();
    let team = alice.create(group("Team", &["quick"])).await;
    for some in names.chunks(256) {
        alice.done(of("members.add", &team, &json!({ "users": some }))).await;
    }
    let slow = stream::iter(names.iter().enumerate()).map(async |(number, name)| {
        let token = secret.token("", name, HOUR);
        Light::enter(server.addresses().public, number, &token).await.expect("it may come in")
    });
    let mut slow: Vec<Light> = slow.buffer_unordered(50).collect().await;

    alice.pipeline((0..100).map(|_| send(&team, &"x".repeat(1_000))).collect(), 32).await;
    let before = memory(server.id());
    // Each asks for 6 MB first, and takes nothing of it.
    let ask =
        frame(true, opcode::TEXT, of("history", &team, &json!({ "limit": 100 })).to_string().as_bytes());
    for light in &mut slow {
        light.write(&ask.repeat(60)).await.expect("it is still there");
    }
    let words = "x".repeat(1_000);
    let first = alice.done(send(&team, "first")).await["seq"].as_u64().unwrap();
    let answers = alice.pipeline((0..MESSAGES).map(|_| send(&team, &words)).collect(), 32).await;
    let expected: Vec<u64> = (first + 1..=first + MESSAGES).collect();
    assert_eq!(seqs(&answers), expected, "the sender waits for nobody");
    // On a busy machine this one may be slow for a moment too; then it is told, and syncs.
    let end = |frame: &Value| {
        let tells = frame["type"] == "message" || frame["type"] == "head";
        tells && frame["conversation"] == *team && frame["seq"] == first + MESSAGES
    };
    quick.wait_for("the end", end).await;
    assert_eq!(seqs(&quick.sync_all(&team, first, 200).await), expected, "who reads gets everything");
    // Their queues, what the system takes for the socket, and what the store keeps of so many messages.
    let share = count as u64 * (4 * 65_536) + (64 << 20);
    let taken = memory(server.id()).saturating_sub(before);
    println!("{taken} bytes for {count} slow readers, at most {share}");
    assert!(taken < share, "{taken} bytes for {count} that do not read");

    // Who reads again is told where the end is.
    for mut back in slow.into_iter().step_by(count / 10) {
        let head = async {
            loop {
                let head = back.next_of("head").await.expect("it is still there");
                if head["seq"] == first + MESSAGES {
                    return;
                }
            }
        };
        timeout(PATIENCE, head).await.expect("the head comes");
    }
}
