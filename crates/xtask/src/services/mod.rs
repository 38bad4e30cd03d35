//! `cargo xtask services`: real Cassandra, Kafka, Redis and HAProxy on loopback, up and down.
//!
//! What runs is the user's, not this checkout's: it stays up between commands and checkouts until it is taken down,
//! and is found again by its process file. The work is done by `causerie-services`; here are its words.

mod stage;
mod status;
mod up;

use std::fs::{self, File};

use anyhow::{Context as _, Result, bail};
use causerie_services::{Home, Standing, jars};

use crate::stage::Context;

pub(crate) use stage::stage;
pub(crate) use up::{Services, down};

const HELP: &str = "\
  cargo xtask services up [NAME]...      start real servers on loopback, and wait until they can be used
  cargo xtask services down [NAME]...    kill them and throw away their data; without names: all
  cargo xtask services status [NAME]...  what runs, where, and the end of each log
  cargo xtask services pin               fetch what crates/services asks for, and write the lists of hashes
Names: cassandra cassandra3 kafka redis redis-cluster haproxy. `up` without names: cassandra kafka redis.";

/// What most tests need.
const USUAL: [Standing; 3] = [Standing::Cassandra, Standing::Kafka, Standing::Redis];

/// The command.
pub(crate) fn command(arguments: &[&str], context: &mut Context) -> Result<bool> {
    match arguments {
        ["up", names @ ..] => {
            let wanted = named(names, &USUAL)?;
            let services = Services::up(&wanted)?;
            println!("\n{}", services.exports());
            println!("# also in {}", services.home().environment().display());
            Ok(true)
        }
        ["down", names @ ..] => down(&named(names, &Standing::ALL)?).map(|()| true),
        ["status", names @ ..] => status::print(&named(names, &Standing::ALL)?),
        ["pin"] => pin(context).map(|()| true),
        _ => bail!("Commands:\n{HELP}"),
    }
}

/// The services of these names, or `usual` if there is none.
fn named(names: &[&str], usual: &[Standing]) -> Result<Vec<Standing>> {
    if names.is_empty() {
        return Ok(usual.to_vec());
    }
    names
        .iter()
        .map(|name| Standing::named(name).with_context(|| format!("There is no service {name}.\n{HELP}")))
        .collect()
}

/// One command at a time: held until it is dropped.
fn lock(home: &Home) -> Result<File> {
    fs::create_dir_all(home.run())?;
    let lock = File::create(home.run().join("lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Writes the lists of hashes, to be reviewed and checked in: what Maven brings today is trusted from then on.
fn pin(context: &Context) -> Result<()> {
    let home = Home::of_user()?;
    for pinned in jars::ALL {
        let file = context.workspace.root.join(format!("crates/services/src/{}/jars.sha256", pinned.name));
        let list = jars::list(pinned, &home)?;
        let same = fs::read_to_string(&file).is_ok_and(|known| known == list);
        println!(
            "{}: {} jars, {}",
            pinned.name,
            list.lines().count(),
            if same { "as pinned" } else { "changed: review the difference" }
        );
        fs::write(file, list)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_names_the_usual_ones_are_meant_and_a_wrong_name_is_an_error() {
        assert_eq!(named(&[], &USUAL).unwrap(), USUAL);
        assert_eq!(named(&["haproxy"], &USUAL).unwrap(), [Standing::Haproxy]);
        assert!(named(&["kafak"], &USUAL).unwrap_err().to_string().contains("no service kafak"));
    }
}
