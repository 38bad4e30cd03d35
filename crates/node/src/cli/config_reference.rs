//! `causerie config-reference`

use std::io::Write;

use crate::config::reference;

/// Print the reference of all configuration keys
#[derive(clap::Args)]
pub(super) struct Args {
    /// An example file with every default, instead of the page for docs/configuration.md
    #[arg(long)]
    toml: bool,
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let text = if args.toml { reference::example() } else { reference::markdown() };
    out.write_all(text.as_bytes())?;
    Ok(())
}
