//! `causerie export`: everything a user may read, as JSON lines.

use std::collections::BTreeSet;

use causerie_client::{Client, Start};
use causerie_protocol::frame::down::{Conversation, OneConversation};
use causerie_protocol::{ConversationId, Down, Seq, limits};

use super::account::{Account, patiently, print_line};

/// Print everything you may read, one JSON line each: a conversation, then its messages in order.
///
/// Lines have a `type`: `conversation` or `message`. Nothing is marked as delivered or read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  causerie export --as alice > alice.jsonl
  causerie export --as alice | jq -r 'select(.type == \"message\") | [.seq, .body.text] | @tsv'
  causerie export --as alice --conversation 5b0e6f2c-94d1-8f37-a1c8-7e2d40b9c615")]
pub(super) struct Args {
    #[command(flatten)]
    account: Account,

    /// Only this conversation.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
}

/// Prints all there is at this time.
///
/// # Errors
/// When the server refuses or the connection is lost; then what was printed is not everything.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let (client, _events) = args.account.connect("export", |options| options.start = Start::Nothing).await?;
    let conversations = match args.conversation {
        Some(conversation) => vec![patiently(|| client.conversation(conversation)).await?],
        None => all(&client).await?,
    };
    for conversation in conversations {
        let id = conversation.conversation;
        print_line(&Down::Conversation(Box::new(OneConversation { id: None, conversation })))?;
        messages(&client, id).await?;
    }
    client.close().await;
    Ok(())
}

/// All conversations. They are listed by activity, so one that becomes active meanwhile moves to where the listing
/// has been already: it is read from the start again until nothing new comes up.
async fn all(client: &Client) -> anyhow::Result<Vec<Conversation>> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        let mut after = None;
        loop {
            let page = patiently(|| client.conversations(after.clone(), Some(limits::PAGE_ITEMS))).await?;
            all.extend(page.items.into_iter().filter(|item| seen.insert(item.conversation)));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        if all.len() == before {
            return Ok(all);
        }
    }
}

async fn messages(client: &Client, conversation: ConversationId) -> anyhow::Result<()> {
    let mut after = Seq::ZERO;
    loop {
        let page = patiently(|| client.sync(conversation, after, Some(limits::PAGE_ITEMS))).await?;
        let last = page.items.last().map(|message| message.seq);
        for message in page.items {
            print_line(&Down::Message(Box::new(message)))?;
        }
        match last {
            Some(last) if page.more => after = last,
            _ => return Ok(()),
        }
    }
}
