//! A bot that lives in the process of the chat, and answers every question once, whatever happens in between.
//!
//! What it shows
//! - a `LocalUser` to write with and a `LocalClient` to hear with: no socket, no token;
//! - an answer whose `client_message_id` is made from the question's, so that answering again cannot write twice;
//! - a position of its own (the bot's read cursor), from which it goes on after a restart: see [`bot`].
//!
//! Run: `cargo run -p causerie-examples --bin bot [DIRECTORY]`
//!
//! Try: type `!time`, or `!help`, or anything else. End it with Ctrl-D in the middle of a conversation and start it again:
//! what was not answered is answered now, and nothing is answered twice.

mod bot;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;
use bot::Bot;
use causerie_actors::Chat;
use causerie_protocol::{Body, ClientMessageId, Down, SystemClock, UserId};
use causerie_store::fjall::{FjallConfig, FjallStore};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};
use uuid::Uuid;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "data/bot".to_owned());
    let store = FjallStore::open(FjallConfig::new(&directory)).context("cannot open the store")?;
    let chat = Chat::builder().store(Arc::new(store)).start().await?;
    let bot: UserId = "clockwork".parse()?;
    println!("You are talking to {bot}; try !time. The conversation is kept in {directory}. Ctrl-D ends it.");

    // The bot ends when the node closes its connection, the terminal when you do.
    let answers = Bot::new(&chat, bot.clone(), Arc::new(SystemClock::default()))?.run();
    let terminal = async {
        let result = talk(&chat, bot).await;
        chat.stop().await;
        result
    };
    tokio::try_join!(answers, terminal)?;
    Ok(())
}

/// A very small chat client: lines go to the bot, and what it says is printed.
async fn talk(chat: &Chat, bot: UserId) -> anyhow::Result<()> {
    let me = chat.user("you".parse()?, "terminal".parse()?);
    let mut inbox = me.connect();
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                me.send_to(bot.clone(), ClientMessageId(Uuid::now_v7()), Body::text(&line)).await?;
            }
            frame = inbox.hear() => match frame {
                Some(Down::Message(message)) if message.from == bot => {
                    println!("{bot}: {}", message.body.content()?.text.unwrap_or_default());
                }
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }
}
