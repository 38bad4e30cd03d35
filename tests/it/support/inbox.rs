//! What a connection has heard, kept by a task that reads, to be waited for by a test.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::PATIENCE;
use super::order::Order;
use super::socket::Stream;

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The code of the close frame, if there was one.
    pub(crate) code: Option<u16>,
    /// Its reason, or what broke.
    pub(crate) reason: String,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) inbox: Mutex<Inbox>,
    arrived: Notify,
}

#[derive(Default)]
pub(super) struct Inbox {
    /// What was not waited for yet.
    pub(super) waiting: VecDeque<Value>,
    /// Everything.
    pub(super) heard: Vec<Value>,
    pub(super) order: Order,
    pub(super) problem: Option<String>,
    pub(super) end: Option<End>,
}

impl Shared {
    /// Waits until something is found, or nothing can be found any more.
    pub(super) async fn wait<T>(&self, find: impl Fn(&mut Inbox) -> Option<T>) -> Result<T, String> {
        let found = async {
            loop {
                {
                    let mut inbox = self.inbox.lock();
                    if let Some(problem) = &inbox.problem {
                        return Err(problem.clone());
                    }
                    if let Some(found) = find(&mut inbox) {
                        return Ok(found);
                    }
                    if let Some(end) = &inbox.end {
                        return Err(format!("the connection has ended: {end:?}"));
                    }
                }
                self.arrived.notified().await;
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| Err("not in time".to_owned()))
    }
}

/// Reads to the end, and keeps everything.
pub(super) async fn read(
    mut source: SplitStream<Stream>,
    shared: Arc<Shared>,
    mut paused: watch::Receiver<bool>,
) {
    loop {
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        let item = tokio::select! {
            item = source.next() => item,
            _ = paused.wait_for(|paused| *paused) => continue,
        };
        let end = match item {
            Some(Ok(Message::Text(text))) => {
                shared.inbox.lock().take(&text);
                None
            }
            Some(Ok(Message::Close(Some(close)))) => {
                Some(End { code: Some(close.code.into()), reason: close.reason.to_string() })
            }
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(End { code: None, reason: error.to_string() }),
            None => Some(End { code: None, reason: "the stream ended".to_owned() }),
        };
        let over = end.is_some();
        if let Some(end) = end {
            shared.inbox.lock().end.get_or_insert(end);
        }
        shared.arrived.notify_one();
        if over {
            // The closing handshake is finished by reading on.
            while let Some(Ok(_)) = source.next().await {}
            return;
        }
    }
}

impl Inbox {
    fn take(&mut self, text: &str) {
        let frame: Value = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => return self.fail(format!("{error}: {text}")),
        };
        if let Err(problem) = self.order.take(&frame) {
            self.fail(problem);
        }
        self.heard.push(frame.clone());
        self.waiting.push_back(frame);
    }

    fn fail(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}
