//! `causerie-planted`: the server with a bug in it, for the judge to find. Only tests build it.

use std::process::ExitCode;

fn main() -> ExitCode {
    match causerie_planted::chosen() {
        Ok(bug) => {
            eprintln!("This server is for tests. Its bug: {}", bug.map_or("none", |bug| bug.name()));
            causerie_node::cli::main()
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(64)
        }
    }
}
