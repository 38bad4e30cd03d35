//! A WebSocket of the service on one side, Causerie on the other.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use causerie_actors::ChannelClient;
use causerie_protocol::frame::CloseCode;
use futures_util::{SinkExt as _, StreamExt as _};

/// Carries frames both ways until one side ends.
///
/// Each way waits for its own side only. A browser that does not read holds up nobody else: Causerie sees that its frames
/// are not taken, and does with it what it does with a slow socket.
pub(crate) async fn carry(socket: WebSocket, client: ChannelClient) {
    let (mut to_browser, mut from_browser) = socket.split();
    let up = async {
        while let Some(Ok(message)) = from_browser.next().await {
            match message {
                Message::Text(frame) => {
                    if client.send(frame.as_str()).await.is_err() {
                        return;
                    }
                }
                // The protocol is text.
                Message::Binary(_) | Message::Close(_) => return,
                // axum has answered it.
                Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    };
    let down = async {
        while let Some(frame) = client.next().await {
            if to_browser.send(Message::Text(frame.into())).await.is_err() {
                return;
            }
        }
        let code = client.close_code().unwrap_or(CloseCode::Normal);
        let close = CloseFrame { code: code.number(), reason: code.meaning().into() };
        // Fails when the browser has gone first.
        let _ = to_browser.send(Message::Close(Some(close))).await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
