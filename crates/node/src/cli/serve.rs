//! `causerie serve`

use std::time::Duration;

use super::settings::Settings;

/// How long work on other threads may hold up the end: a fetch of keys, the last spans.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Serve. The command when none is given
///
/// Without any flag it serves this machine only, keeps its data in your home directory, and lets everybody sign in by a
/// name. To serve others, configure whose tokens count: docs/configuration.md, section `auth`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  causerie serve
  causerie serve --data ./chat --listen 127.0.0.1:9000
  causerie serve --config causerie.toml --set telemetry.log=debug
  CAUSERIE_AUTH__JWKS_URL=https://id.example.org/keys causerie serve --listen 0.0.0.0:8080

SIGTERM or Ctrl-C says goodbye to every client, then ends; a second one ends at once.
SIGHUP reads configuration, keys and certificates again.")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) settings: Settings,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if config.server.worker_threads > 0 {
        builder.worker_threads(config.server.worker_threads);
    }
    let runtime = builder.enable_all().build()?;
    let outcome = runtime.block_on(crate::serve::run(config));
    runtime.shutdown_timeout(LAST_WORK);
    outcome
}
