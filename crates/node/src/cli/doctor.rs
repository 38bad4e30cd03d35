//! `causerie doctor`

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use causerie_cluster::redis;
use causerie_cql::check::{self, Severity};
use causerie_cql::schema;
use causerie_events::topics;

use super::settings::Settings;
use crate::backends;
use crate::config::{Backend, Config};

/// How long each question may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Check a deployment and say what to mend
///
/// Asks the database, Kafka and Redis that the configuration names; changes nothing. Ends with 1 when something breaks a
/// promise or does not answer.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  causerie doctor --config /etc/causerie.toml")]
pub(super) struct Args {
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let problems = runtime.block_on(examine(&config, out))?;
    match problems {
        0 => Ok(writeln!(out, "nothing to mend")?),
        1 => bail!("1 thing to mend"),
        more => bail!("{more} things to mend"),
    }
}

/// What there is to mend, told line by line.
async fn examine(config: &Config, out: &mut impl Write) -> anyhow::Result<usize> {
    let mut problems = 0;
    if config.store.backend == Backend::Embedded {
        writeln!(out, "store    embedded, in {}", config.store.data_dir.display())?;
    } else {
        problems += database(config, out).await?;
        match backends::kafka::settings(&config.kafka) {
            None => writeln!(out, "kafka    not used: no events are emitted")?,
            Some(settings) => {
                let asked = Instant::now();
                let topics = tokio::time::timeout(LIMIT, topics::check(&settings)).await;
                let answer = topics.context("no answer in time").and_then(|found| Ok(found?));
                problems +=
                    tell(out, "kafka", asked, answer.map(|_| "the topics are as they should be".to_owned()))?;
            }
        }
    }
    match backends::redis::settings(config)? {
        None => writeln!(out, "redis    not used")?,
        Some(settings) => {
            let asked = Instant::now();
            let answer = tokio::time::timeout(LIMIT, redis::ping(&settings)).await;
            let answer =
                answer.context("no answer in time").and_then(|answer| answer.map_err(anyhow::Error::msg));
            problems += tell(out, "redis", asked, answer.map(|()| "it answers".to_owned()))?;
        }
    }
    Ok(problems)
}

async fn database(config: &Config, out: &mut impl Write) -> anyhow::Result<usize> {
    let settings = backends::cql::settings(config)?;
    let asked = Instant::now();
    let state = match schema::check(settings.clone()).await {
        Ok(state) => state,
        Err(error) => return tell(out, "cql", asked, Err(error.into())),
    };
    let version =
        format!("{:?}, tables of version {} (this program: {})", state.database, state.found, state.known);
    let mut problems = tell(out, "cql", asked, state.usable().map(|()| version).map_err(Into::into))?;
    for finding in check::deployment(settings).await? {
        let word = match finding.severity {
            Severity::Error => "mend    ",
            Severity::Warning => "consider",
        };
        writeln!(out, "{word} {finding}")?;
        problems += usize::from(finding.severity == Severity::Error);
    }
    writeln!(
        out,
        "remember to repair within gc_grace_seconds: a replica that misses deletions longer brings them back"
    )?;
    Ok(problems)
}

/// One line of what was asked; 1 when there is something to mend.
fn tell(
    out: &mut impl Write,
    what: &str,
    asked: Instant,
    answer: anyhow::Result<String>,
) -> anyhow::Result<usize> {
    let took = asked.elapsed().as_millis();
    match answer {
        Ok(text) => writeln!(out, "{what:<8} {text} ({took} ms)").map(|()| 0).map_err(Into::into),
        Err(error) => writeln!(out, "{what:<8} {error:#}").map(|()| 1).map_err(Into::into),
    }
}
