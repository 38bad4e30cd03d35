//! `causerie send`: messages from a script, each durable or an error.

use std::time::Duration;

use anyhow::{Context as _, bail};
use causerie_client::{Client, Draft, SendError, Start, Target};
use causerie_protocol::frame::down::Sent;
use causerie_protocol::{ClientMessageId, ConversationId, Down, UserId};

use super::account::{Account, later, print_line};
use super::stdin;

/// Send a message, or each line of standard input as one, and wait until it is durable.
///
/// Prints one JSON line for each message, with its conversation and position. Succeeds only if all are durable.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  causerie send --as alice --to bob \"Are you there?\"
  causerie send --as ci --conversation 5b0e6f2c-94d1-8f37-a1c8-7e2d40b9c615 \"Build 412 is green\"
  tail -f app.log | causerie send --as logger --to ops --stdin
  causerie send --as alice --to bob --id 0192f6a4-3c51-7d20-8e4b-6a9f10c2d3e4 \"Only once\"")]
#[command(group = clap::ArgGroup::new("target").required(true))]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Args {
    #[command(flatten)]
    account: Account,

    /// The user to write to.
    #[arg(long, value_name = "USER", group = "target")]
    to: Option<UserId>,

    /// The conversation to write to.
    #[arg(long, value_name = "ID", group = "target")]
    conversation: Option<ConversationId>,

    /// What to say.
    #[arg(group = "what")]
    text: Option<String>,

    /// Send each line of standard input, one after the other; empty ones are left out.
    #[arg(long, group = "what")]
    stdin: bool,

    /// The message's own id, a UUID: the same id is sent once, however often the command runs.
    #[arg(long, value_name = "UUID", conflicts_with = "stdin")]
    id: Option<ClientMessageId>,

    /// How long one message may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
}

/// Sends what the arguments say.
///
/// # Errors
/// When a message is not known to be durable; the ones before it are.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let (client, _events) = args.account.connect("send", |options| options.start = Start::Nothing).await?;
    let target = match (&args.conversation, &args.to) {
        (Some(conversation), _) => Target::Conversation(*conversation),
        (None, Some(user)) => Target::User(user.clone()),
        (None, None) => bail!("say where to: --to or --conversation"),
    };
    let patience = Duration::from_secs(args.timeout);
    if let Some(text) = &args.text {
        let mut draft = Draft::text(target, text);
        if let Some(id) = args.id {
            // It may have been sent before: asking for its one position is what an attempt above 0 means.
            (draft.client_message_id, draft.attempt) = (id, 1);
        }
        send(&client, draft, patience).await?;
    } else {
        let mut lines = stdin::lines();
        let mut number = 0;
        while let Some(line) = lines.recv().await {
            let line = line.context("standard input")?;
            number += 1;
            if !line.trim().is_empty() {
                let draft = Draft::text(target.clone(), &line);
                send(&client, draft, patience).await.with_context(|| format!("line {number}"))?;
            }
        }
    }
    client.close().await;
    Ok(())
}

async fn send(client: &Client, draft: Draft, patience: Duration) -> anyhow::Result<()> {
    let id = draft.client_message_id;
    let Ok(outcome) = tokio::time::timeout(patience, until_told(client, draft)).await else {
        bail!("no answer in time: it is not known whether the message was sent (--id {id} asks again)");
    };
    let mut sent = outcome?;
    sent.id = None;
    print_line(&Down::Sent(sent)).context("the message is sent, but its line could not be printed")
}

/// Sends, and again where the server had too much to do. Lost connections are the session's own matter.
async fn until_told(client: &Client, draft: Draft) -> Result<Sent, SendError> {
    loop {
        match client.send(draft.clone()).await {
            Err(SendError::Refused(error)) if error.retry => later(error.retry_after_ms).await,
            outcome => return outcome,
        }
    }
}
