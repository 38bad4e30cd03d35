//! What `cargo xtask bench` can be told.

use anyhow::{Context as _, Result, bail, ensure};

/// The options of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Options {
    /// Short everywhere: shows that everything works, its figures are worth little.
    pub(super) quick: bool,
    /// Also what takes long: a million conversations, a log of ten million messages.
    pub(super) long: bool,
    /// How often each of server and floor is measured.
    pub(super) runs: usize,
    /// Only the scenarios of this name, or whose name begins with it and a dash.
    pub(super) only: Option<String>,
    /// How long is measured, in every scenario; not set: as long as the scenario says.
    pub(super) seconds: Option<f64>,
    /// Whether to compile first.
    pub(super) build: bool,
    /// Only write the last report's table into the document.
    pub(super) write: bool,
}

impl Options {
    /// Reads the command line.
    pub(super) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut it = Self {
            quick: arguments.contains(&"--quick"),
            long: false,
            runs: 3,
            only: None,
            seconds: None,
            build: true,
            write: false,
        };
        if it.quick {
            it.runs = 1;
        }
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
            match *argument {
                "--quick" => {}
                "--long" => it.long = true,
                "--no-build" => it.build = false,
                "--write" => it.write = true,
                "--runs" => it.runs = value()?.parse().context("--runs")?,
                "--seconds" => it.seconds = Some(value()?.parse().context("--seconds")?),
                "--only" => it.only = Some((*value()?).to_owned()),
                other => bail!("`cargo xtask bench` has no {other}"),
            }
        }
        ensure!((1..=99).contains(&it.runs), "--runs: 1 to 99");
        ensure!(it.seconds.is_none_or(|seconds| (0.1..=3600.0).contains(&seconds)), "--seconds: 0.1 to 3600");
        Ok(it)
    }

    /// Whether this scenario is wanted.
    pub(super) fn wants(&self, name: &str) -> bool {
        let matches =
            |only: &str| name.strip_prefix(only).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        self.only.as_deref().is_none_or(matches)
    }

    /// How long a scenario measures that takes so many seconds in a whole run and in a quick one.
    pub(super) fn seconds(&self, whole: f64, quick: f64) -> f64 {
        self.seconds.unwrap_or(if self.quick { quick } else { whole })
    }

    /// How long the load runs before anything is measured.
    pub(super) fn warmup(&self) -> f64 {
        if self.quick { 0.5 } else { 1.5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let options = Options::parse(&["--quick", "--only", "group", "--seconds", "2.5"]).unwrap();
        assert!(options.quick && options.runs == 1 && options.build);
        assert!(options.wants("group-100-1") && options.wants("group") && !options.wants("groups"));
        assert_eq!(options.seconds(60.0, 5.0), 2.5);
        assert_eq!(Options::parse(&["--quick", "--runs", "2"]).unwrap().runs, 2);
        assert!(Options::parse(&["--fast"]).unwrap_err().to_string().contains("--fast"));
        assert!(Options::parse(&["--runs", "0"]).is_err());
        assert!(Options::parse(&["--only"]).is_err());
    }
}
