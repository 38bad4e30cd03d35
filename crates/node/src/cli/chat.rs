//! `causerie chat`: a conversation in a terminal.
//!
//! One loop over three sources: lines from the person, events from the server, outcomes of sends. It owns the state
//! ([`rooms`]), says what happens through the [`terminal`], and does what a line asks for ([`command`], [`act`]).

mod act;
mod command;
mod rooms;
mod terminal;
mod words;

use std::collections::BTreeSet;

use causerie_client::{Client, Event, Events, SendError, Start};
use causerie_protocol::frame::down::{EntryKind, Sent};
use causerie_protocol::{ConversationId, UserId};
use tokio::task::JoinSet;

use super::account::Account;
use rooms::Rooms;
use terminal::Terminal;

/// Chat in the terminal.
///
/// A line is sent to the open conversation; a line that begins with / is a command, and /help lists them. Where
/// standard input is no terminal, its lines are taken the same way, and the command ends with them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  causerie chat --as alice --with bob
  causerie chat --as bob
  causerie chat --as alice --conversation 5b0e6f2c-94d1-8f37-a1c8-7e2d40b9c615
  CAUSERIE_TOKEN=eyJ… causerie chat --server https://chat.example")]
pub(super) struct Args {
    #[command(flatten)]
    account: Account,

    /// Open the direct conversation with this user.
    #[arg(long, value_name = "USER", conflicts_with = "conversation")]
    with: Option<UserId>,

    /// Open this conversation.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
}

/// Everything of a chat.
struct Chat {
    client: Client,
    rooms: Rooms,
    terminal: Terminal,
    /// Whose presence is watched.
    watched: BTreeSet<UserId>,
    /// Messages on their way, with the beginning of their text.
    sends: JoinSet<(String, Result<Sent, SendError>)>,
}

/// Chats until the person leaves.
///
/// # Errors
/// When the server is away at the start, or sends the client away for good.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let (client, mut events) = args.account.connect("chat", |options| options.start = Start::Now).await?;
    let me = client.welcome().user.clone();
    let terminal = Terminal::open()?;
    terminal.say(format!("You are {me} at {}. /help lists the commands.", args.account.server)).await;
    let mut chat = Chat {
        rooms: Rooms::new(me, client.welcome().device.clone()),
        client,
        terminal,
        watched: BTreeSet::new(),
        sends: JoinSet::new(),
    };
    chat.begin(&args).await;
    let result = chat.talk(&mut events).await;
    chat.terminal.close();
    chat.client.close().await;
    result
}

impl Chat {
    async fn begin(&mut self, args: &Args) {
        let listed = self.load().await;
        let opened = match (&args.with, args.conversation) {
            (Some(user), _) => self.open_direct(user.clone()).await,
            (None, Some(conversation)) => self.open(conversation).await,
            (None, None) => Ok(self.rooms.list()),
        };
        for result in [listed.map(|()| String::new()), opened] {
            let text = result.unwrap_or_else(|error| words::problem(&error));
            self.terminal.say(text).await;
        }
    }

    async fn talk(&mut self, events: &mut Events) -> anyhow::Result<()> {
        self.terminal.prompt(self.rooms.prompt());
        loop {
            tokio::select! {
                // The person first: while a line waits for its prompt, the terminal may hold back what is said.
                biased;
                line = self.terminal.line() => match line {
                    Some(line) => {
                        if !self.on_line(&line).await {
                            break;
                        }
                        self.terminal.prompt(self.rooms.prompt());
                    }
                    None => break,
                },
                Some(joined) = self.sends.join_next() => self.on_sent(joined?).await,
                event = events.recv() => match event {
                    Some(event) => self.on_event(event).await,
                    None => {
                        let end = events.ended().await;
                        self.terminal.give_back(&format!("  — {end}")).await;
                        anyhow::bail!(end);
                    }
                },
            }
        }
        // What was typed is still sent.
        while let Some(joined) = self.sends.join_next().await {
            self.on_sent(joined?).await;
        }
        while let Some(event) = events.try_recv() {
            self.on_event(event).await;
        }
        Ok(())
    }

    /// Does what a line asks for; whether to go on.
    async fn on_line(&mut self, line: &str) -> bool {
        let command = match command::parse(line) {
            Ok(Some(command::Command::Quit)) => return false,
            Ok(Some(command)) => command,
            Ok(None) => return true,
            Err(problem) => {
                self.terminal.say(problem).await;
                return true;
            }
        };
        let text = self.act(command).await.unwrap_or_else(|error| words::problem(&error));
        self.terminal.say(text).await;
        true
    }

    async fn on_sent(&mut self, (text, outcome): (String, Result<Sent, SendError>)) {
        if let Err(error) = outcome {
            self.terminal.say(format!("  ✗ “{text}”: {error}")).await;
        }
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                if !self.rooms.knows(message.conversation) || message.kind == EntryKind::Membership {
                    // One that began just now, or has another name or other members. Without the answer it is shown
                    // all the same.
                    let _ = self.learn(message.conversation).await;
                }
                let (text, read) = self.rooms.message(&message, self.terminal.shows_typed_lines());
                self.terminal.say(text).await;
                if read {
                    self.client.read(message.conversation, message.seq).await;
                }
            }
            Event::Receipt(receipt) => {
                let text = self.rooms.receipt(&receipt);
                self.terminal.say(text).await;
            }
            Event::Presence(presence) => {
                let text = self.rooms.presence(&presence);
                self.terminal.say(text).await;
            }
            Event::Connected(_) => {
                if self.rooms.reconnected() {
                    self.watched.clear();
                    let again = self.load().await.map(|()| "  — connected again".to_owned());
                    self.terminal.say(again.unwrap_or_else(|error| words::problem(&error))).await;
                    self.watch().await;
                }
            }
            Event::Disconnected { reason, again_in: Some(wait) } => {
                self.rooms.disconnected();
                self.terminal.say(words::disconnected(&reason, wait)).await;
            }
            // The end of the session says why by itself.
            Event::Disconnected { again_in: None, .. } | Event::Missed => {}
        }
    }
}
