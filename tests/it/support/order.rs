//! What every client may rely on, checked on every frame that a test hears.
//!
//! Live messages of a conversation are consecutive, the client's own `sent` frames in their places among them. After a
//! `head` they go on where a `sync` has led to. A position holds the same message for ever.

use std::collections::HashMap;

use serde_json::Value;

/// What one connection has heard of its conversations.
#[derive(Debug, Default)]
pub(crate) struct Order {
    user: String,
    conversations: HashMap<String, Heard>,
    messages: HashMap<(String, u64), String>,
}

#[derive(Debug, Default)]
struct Heard {
    /// The last position that came live.
    live: Option<u64>,
    /// Up to where a page led that said there was no more.
    synced: u64,
}

impl Order {
    /// Nothing heard yet, by a user.
    pub(crate) fn of(user: &str) -> Self {
        Self { user: user.to_owned(), ..Self::default() }
    }

    /// Takes in a frame, and says what is wrong with it.
    pub(crate) fn take(&mut self, frame: &Value) -> Result<(), String> {
        match frame["type"].as_str() {
            Some("message") => self.live(frame),
            Some("sent") => self.sent(frame),
            Some("page") if frame["of"] == "messages" => self.page(frame),
            _ => Ok(()),
        }
    }

    fn live(&mut self, message: &Value) -> Result<(), String> {
        self.same(message)?;
        let (conversation, seq) = place(message)?;
        let joined = self.lets_in(message);
        let heard = self.conversations.entry(conversation).or_default();
        let follows = heard.live.is_none_or(|live| seq <= live + 1) || seq <= heard.synced + 1 || joined;
        if !follows {
            return Err(format!("a gap: {seq} came live after {:?}, in {message}", heard.live));
        }
        heard.live = heard.live.max(Some(seq));
        Ok(())
    }

    /// A message of one's own: a new one stands in its place, an old one is an answer only.
    fn sent(&mut self, sent: &Value) -> Result<(), String> {
        self.same(sent)?;
        let (conversation, seq) = place(sent)?;
        let heard = self.conversations.entry(conversation).or_default();
        if let Some(live) = heard.live
            && seq == live.max(heard.synced) + 1
        {
            heard.live = Some(seq);
        }
        Ok(())
    }

    fn page(&mut self, page: &Value) -> Result<(), String> {
        let items = page["items"].as_array().ok_or("a page without items")?;
        let mut before = None;
        for item in items {
            self.same(item)?;
            let (_, seq) = place(item)?;
            if before.is_some_and(|before| before + 1 != seq) {
                return Err(format!("a page with a gap: {seq} after {before:?}"));
            }
            before = Some(seq);
        }
        if let (Some(last), Some(conversation)) = (before, page["conversation"].as_str()) {
            let heard = self.conversations.entry(conversation.to_owned()).or_default();
            if page["more"] == false && Some(last) == page["head"].as_u64() {
                heard.synced = heard.synced.max(last);
            }
        }
        Ok(())
    }

    /// A position never changes what it holds.
    fn same(&mut self, message: &Value) -> Result<(), String> {
        let id = message["message_id"].as_str().ok_or("a message without an id")?.to_owned();
        let known = self.messages.entry(place(message)?).or_insert_with(|| id.clone());
        if *known == id { Ok(()) } else { Err(format!("it was {known} before: {message}")) }
    }

    /// Whether a message is the one that lets this user in, perhaps for a second time.
    fn lets_in(&self, message: &Value) -> bool {
        let users = message["body"]["users"].as_array();
        message["body"]["change"] == "added"
            && users.is_some_and(|users| users.iter().any(|user| *user == self.user.as_str()))
    }
}

fn place(message: &Value) -> Result<(String, u64), String> {
    let place = message["conversation"].as_str().zip(message["seq"].as_u64());
    place
        .map(|(conversation, seq)| (conversation.to_owned(), seq))
        .ok_or_else(|| format!("{message} has no place"))
}
