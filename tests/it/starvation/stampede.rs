//! The server ends and all its clients come back at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::connections;
use super::light::Light;
use crate::support::frames::{group, send, sync};
use crate::support::keys::Pair;
use crate::support::server::{Folder, Server};
use crate::support::socket::Socket;

const HOUR: Duration = Duration::from_hours(1);
/// Members of one group.
const MEMBERS: usize = 100;
/// Messages in each group before the end.
const MESSAGES: u64 = 5;
/// How long all of them may take, on the busiest machine.
const AT_MOST: Duration = Duration::from_secs(120);
/// How many steps of the same kind are under way, where it is not everything at once.
const AT_ONCE: usize = 500;

/// One of many clients.
struct Client {
    number: usize,
    token: String,
    group: String,
    connection: Light,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_come_back_at_once_and_nobody_has_lost_a_message() {
    let folder = Folder::new();
    let secret = vec![7; 40];
    let setting = format!("auth.hmac_secret_file={}", folder.write("secret", &secret).display());
    let mut server = Server::start_in(folder, &[&setting]).await;
    let groups = connections(12_000) / MEMBERS;
    let clients = enter(&server, &Pair::Secret(secret), groups).await;
    let sent = send_into_all(&server, clients).await;
    let (clients, acknowledged) = sent.expect("every message is acknowledged");
    let count = clients.len();
    assert_eq!(server.metric("causerie_connections").await, count as f64);

    server.kill().await;
    server.restart().await;
    let began = Instant::now();
    let address = server.addresses().public;
    // Without a pause and without turns, as no client of ours would.
    let back = stream::iter(clients)
        .map(|client| async move {
            let connection = come_back(address, client.number, &client.token).await;
            Client { connection, ..client }
        })
        .buffer_unordered(count);
    let back: Vec<Client> = timeout(AT_MOST, back.collect()).await.expect("all are back in time");
    println!("{count} clients were back after {:?}", began.elapsed());

    let complete = stream::iter(back)
        .map(|client| has_all(client, &acknowledged))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<Client>>();
    let clients = timeout(AT_MOST, complete).await.expect("in time").expect("nobody has lost a message");
    assert_eq!(clients.len(), count);
    assert_eq!(server.metric("causerie_connections").await, count as f64);
    // And what is said from now on reaches each of them.
    let (clients, _) = send_into_all(&server, clients).await.expect("every message is acknowledged");
    let heard = stream::iter(clients).map(hears_the_last).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>();
    timeout(AT_MOST, heard).await.expect("in time").expect("everybody hears the others");
}

/// Groups of clients that are connected.
async fn enter(server: &Server, secret: &Pair, groups: usize) -> Vec<Client> {
    let (mut owner, _) = Socket::hello(server, &secret.token("", "owner", HOUR), "phone").await;
    let mut places = Vec::with_capacity(groups * MEMBERS);
    for number in 0..groups {
        let names: Vec<String> = (0..MEMBERS).map(|member| format!("user-{number}-{member}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let id = owner.create(group("Group", &names)).await;
        places.extend(names.iter().map(|name| (secret.token("", name, HOUR), id.clone())));
    }
    owner.leave().await;
    let address = server.addresses().public;
    stream::iter(places.into_iter().enumerate())
        .map(|(number, (token, group))| async move {
            let connection = Light::enter(address, number, &token).await.expect("it may come in");
            Client { number, token, group, connection }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// The first client of each group sends; returns what was acknowledged: conversation, position and key of each.
async fn send_into_all(
    server: &Server,
    mut clients: Vec<Client>,
) -> Result<(Vec<Client>, Vec<(String, u64, String)>)> {
    let mut acknowledged = Vec::new();
    for client in clients.iter_mut().filter(|client| client.number.is_multiple_of(MEMBERS)) {
        for _ in 0..MESSAGES {
            let frame = send(&client.group, "Hello");
            client.connection.say(&frame).await?;
            let sent = client.connection.next_of("sent").await?;
            let key = frame["client_message_id"].as_str().unwrap_or_default().to_owned();
            acknowledged.push((client.group.clone(), sent["seq"].as_u64().unwrap_or_default(), key));
        }
    }
    ensure!(server.times_said("panicked") == 0, "the server panicked");
    Ok((clients, acknowledged))
}

/// Tries until it is welcome; whoever finds the door too narrow comes again at once.
async fn come_back(address: std::net::SocketAddr, number: usize, token: &str) -> Light {
    loop {
        if let Ok(light) = Light::enter(address, number, token).await {
            return light;
        }
        tokio::task::yield_now().await;
    }
}

/// Whether a client finds everything that was acknowledged in its group, and nothing twice.
async fn has_all(mut client: Client, acknowledged: &[(String, u64, String)]) -> Result<Client> {
    client.connection.say(&sync(&client.group, 0, 200)).await?;
    let page = client.connection.next_of("page").await?;
    let found: Vec<(&Value, &Value)> = page["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|item| item["kind"] == "message")
        .map(|item| (&item["seq"], &item["client_message_id"]))
        .collect();
    let of_group = acknowledged.iter().filter(|(group, _, _)| *group == client.group);
    let expected: Vec<(Value, Value)> = of_group.map(|(_, seq, key)| (json!(seq), json!(key))).collect();
    let same = found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| *a == (&b.0, &b.1));
    ensure!(same, "client {}: {found:?} instead of {expected:?}", client.number);
    Ok(client)
}

/// Reads up to the last message of its group; who sent has had the answers.
async fn hears_the_last(mut client: Client) -> Result<()> {
    while !client.number.is_multiple_of(MEMBERS) {
        // The entry that began the group comes first.
        if client.connection.next_of("message").await?["seq"] == 1 + 2 * MESSAGES {
            break;
        }
    }
    Ok(())
}
