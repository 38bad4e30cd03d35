//! Direct conversations and groups: who is in them, who may do what, and who may read from where.

mod direct;
mod groups;
mod large;
mod removal;
mod roles;

use serde_json::{Value, json};

use crate::support::frames::of;
use crate::support::socket::Socket;

/// The members of a conversation as `user` sees them: each with its role.
async fn roles(user: &mut Socket, conversation: &str) -> Vec<(String, String)> {
    let page = user.done(of("members", conversation, &json!({}))).await;
    let items = page["items"].as_array().expect("a page has items");
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    items.iter().map(|item| (text(item, "user"), text(item, "role"))).collect()
}

/// The changes that membership entries among these messages stand for.
fn changes(messages: &[Value]) -> Vec<&str> {
    let entries = messages.iter().filter(|message| message["kind"] == "membership");
    entries.map(|entry| entry["body"]["change"].as_str().unwrap_or_default()).collect()
}
