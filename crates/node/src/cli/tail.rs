//! `causerie tail`: messages as they come, as JSON lines.

use anyhow::bail;
use causerie_client::{Event, Start};
use causerie_protocol::{ConversationId, Down, Seq, UserId};

use super::account::{self, Account, print_line};

/// Print messages as they come, one JSON line each, until interrupted.
///
/// Each message once and in order, over lost connections too. Nothing is marked as delivered or read, unless
/// --acknowledge is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  causerie tail --as alice
  causerie tail --as alice --with bob --from 1
  causerie tail --as alice --with bob --count 1 | jq -r .body.text
  causerie tail --as bot --acknowledge | ./answer.sh")]
pub(super) struct Args {
    #[command(flatten)]
    account: Account,

    /// Only the direct conversation with this user.
    #[arg(long, value_name = "USER", conflicts_with = "conversation")]
    with: Option<UserId>,

    /// Only this conversation.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,

    /// Begin at this position instead of with what comes next; 1 is the first message. In all conversations, unless
    /// one is named.
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,

    /// Stop after so many messages.
    #[arg(long, value_name = "N")]
    count: Option<usize>,

    /// Tell the senders that their messages have been delivered.
    #[arg(long)]
    acknowledge: bool,
}

/// Prints until interrupted, or until `count` is reached.
///
/// # Errors
/// When the server is away at the start, or sends the client away for good.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let everything = args.conversation.is_none() && args.with.is_none();
    let named = args.conversation.or_else(|| args.account.direct_with(args.with.as_ref()));
    let (client, mut events) = args
        .account
        .connect("tail", |options| {
            options.acknowledge = args.acknowledge;
            match (named, args.from) {
                (_, None) => options.start = Start::Now,
                (Some(conversation), Some(from)) => {
                    options.positions.push((conversation, Seq(from.saturating_sub(1))));
                }
                (None, Some(_)) => options.start = Start::Beginning,
            }
        })
        .await?;
    let only = account::conversation(&client, args.conversation, args.with.as_ref());
    if let Some(conversation) = args.conversation {
        account::patiently(|| client.conversation(conversation)).await?;
    }
    let from = Seq(args.from.unwrap_or_default());
    let mut left = args.count.unwrap_or(usize::MAX);
    while left > 0 {
        let event = tokio::select! {
            event = events.recv() => event,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                break;
            }
        };
        match event {
            Some(Event::Message(message)) if message.seq >= from => {
                if everything || only == Some(message.conversation) {
                    print_line(&Down::Message(message))?;
                    left -= 1;
                }
            }
            Some(Event::Disconnected { reason, again_in: Some(_) }) => {
                eprintln!("{reason}; connecting again");
            }
            Some(_) => {}
            None => bail!(events.ended().await),
        }
    }
    client.close().await;
    Ok(())
}
