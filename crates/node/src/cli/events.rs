//! `causerie events`

use std::io::Write;

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
  causerie events | jq -r .type | sort | uniq -c")]
pub(super) struct Args {
    /// Stay, and print events as they come
    #[arg(long)]
    follow: bool,
    /// Begin after this position
    #[arg(long, value_name = "POSITION")]
    after: Option<String>,
    #[command(flatten)]
    server: Server,
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let server = AdminHttp::new(&args.server, None)?;
    let mut query = Vec::new();
    if let Some(after) = &args.after {
        query.push(("after", after.as_str()));
    }
    if args.follow {
        query.push(("follow", "true"));
    }
    server.get("/events", &query, out)
}
