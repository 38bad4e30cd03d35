//! `causerie token`

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use causerie_protocol::{SystemClock, UserId};

use super::settings::Settings;
use crate::auth::Authority;

/// Print a token with which a user signs in
///
/// Signs with the secret of the server's data directory, or with the configured HMAC secret. Give it the same
/// configuration as the server. Whoever has the token is the user: do not paste it into places that keep it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  causerie token --user alice
  causerie token --user ci-bot --for 15m --data ./chat
  causerie token --user alice --for 7d --config /etc/causerie.toml")]
pub(super) struct Args {
    /// The user that the token stands for
    #[arg(long, value_name = "NAME")]
    user: UserId,
    /// How long it is good for: 90s, 15m, 1h, 7d
    #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = super::duration::parse)]
    lifetime: Duration,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let authority = Authority::open_existing(&config, Arc::new(SystemClock::default()))
        .with_context(|| "no secret to sign with (the server makes one when it first starts)")?;
    let issued = authority.issue(&args.user, args.lifetime)?;
    writeln!(out, "{}", issued.token())?;
    Ok(())
}
