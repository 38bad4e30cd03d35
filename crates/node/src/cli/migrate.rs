//! `causerie migrate`

use std::process::ExitCode;

/// Reserved: moves an embedded store into a cluster, once there are clusters
#[derive(clap::Args)]
pub(super) struct Args {}

/// Says so, and ends as for a command that does not exist.
pub(super) fn run(_: &Args) -> ExitCode {
    eprintln!(
        "causerie: `migrate` is reserved for moving the data of one server into a cluster, which this version does not have. \
         Nothing was changed."
    );
    ExitCode::from(2)
}
