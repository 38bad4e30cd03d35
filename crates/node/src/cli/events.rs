//! `causerie events`

use std::io::{self, Write};

use anyhow::bail;
use causerie_workers::tail::{Position, Tail, TailError};
use tokio_util::sync::CancellationToken;

use super::admin_http::{AdminHttp, Server};

/// Print the event log: every stored message and receipt, as CloudEvents, a JSON object a line
///
/// Each event has its position; keep the last one that you have dealt with and begin after it the next time, so that
/// nothing is missed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  causerie events                            what there is
  causerie events --follow                   and what comes
  causerie events --follow --after POSITION  from where you were
  causerie events --from kafka --brokers localhost:9092 --follow
  causerie events | jq -r .type | sort | uniq -c

From Kafka each partition has positions of its own, such as messages:3:1234: give the last one of each, separated by
commas. Partitions that are not named are printed from their start. An entry that stands in Kafka twice is printed once,
and where entries of a conversation are missing, a line on standard error says so.")]
pub(super) struct Args {
    /// Where to read it
    #[arg(long, value_enum, default_value_t = From::Server)]
    from: From,
    /// Stay, and print events as they come
    #[arg(long)]
    follow: bool,
    /// Begin after this position
    #[arg(long, value_name = "POSITION", value_delimiter = ',')]
    after: Vec<String>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    kafka: Kafka,
}

/// What keeps an event log.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// A server with the embedded store
    Server,
    /// Kafka, into which servers with other stores emit
    Kafka,
}

#[derive(clap::Args)]
struct Kafka {
    /// Kafka's brokers to begin with, for --from kafka
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "CAUSERIE_KAFKA",
        value_delimiter = ',',
        required_if_eq("from", "kafka")
    )]
    brokers: Vec<String>,
    /// What the topics' names begin with
    #[arg(long, default_value = "causerie")]
    prefix: String,
    /// The topics to print: messages, membership, receipts, undelivered
    #[arg(long, value_name = "TOPIC", value_delimiter = ',', default_value = "messages")]
    topic: Vec<String>,
    /// A setting of Kafka's client, as for TLS or credentials; may be repeated
    #[arg(long = "kafka", value_name = "NAME=VALUE", value_parser = pair)]
    settings: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    match args.from {
        From::Server => from_server(args, out),
        From::Kafka => from_kafka(args, out),
    }
}

fn from_server(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let server = AdminHttp::new(&args.server, None)?;
    let mut query = Vec::new();
    match args.after.as_slice() {
        [] => {}
        [after] => query.push(("after", after.as_str())),
        _ => bail!("the log of a server has one position"),
    }
    if args.follow {
        query.push(("follow", "true"));
    }
    server.get("/events", &query, out)
}

fn from_kafka(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let after: Result<Vec<Position>, String> = args.after.iter().map(|after| after.parse()).collect();
    let tail = Tail {
        brokers: args.kafka.brokers.join(","),
        prefix: args.kafka.prefix.clone(),
        topics: args.kafka.topic.clone(),
        after: after.map_err(anyhow::Error::msg)?,
        follow: args.follow,
        kafka: args.kafka.settings.clone(),
    };
    // It ends when the process does.
    tail.print(out, &mut io::stderr().lock(), &CancellationToken::new()).map_err(|error| match error {
        // As it is, so that a reader that has seen enough is told apart.
        TailError::Write(error) => error.into(),
        error => error.into(),
    })
}
