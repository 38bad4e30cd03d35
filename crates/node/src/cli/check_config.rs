//! `causerie check-config`

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;

use super::settings::Settings;
use crate::auth::Authority;
use crate::config::Config;
use crate::tls::Tls;

/// Check a configuration without starting anything
///
/// Reads the file as `serve` would, with this process's variables over it, and tells everything that is wrong, each with
/// file, line and column. Then reads the files of keys and certificates that it names. Otherwise says what differs from
/// the defaults.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  causerie check-config /etc/causerie.toml
  causerie check-config new.toml --set server.listen=0.0.0.0:8080")]
pub(super) struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Sets any key of the configuration; may be repeated
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let settings = Settings { config: Some(args.file.clone()), set: args.set.clone(), ..Settings::default() };
    let config = settings.load()?;
    let files = [
        Authority::check(&config).err().map(|error| format!("[auth] {error}")),
        Tls::open(&config.tls).err().map(|error| format!("[tls] {error}")),
        config.admin.required_token().err().map(|error| format!("admin.token_file: {error}")),
    ];
    let problems: Vec<String> = files.into_iter().flatten().collect();
    if !problems.is_empty() {
        bail!("the configuration cannot be used:\n{}", problems.join("\n"));
    }
    let changes = Config::default().changes(&config);
    writeln!(out, "{} can be used.", args.file.display())?;
    for (key, _) in changes.iter().filter(|(key, _)| key != "store.data_dir") {
        writeln!(out, "{key} differs from its default")?;
    }
    writeln!(out, "data is kept in {}", config.store.data_dir.display())?;
    Ok(())
}
