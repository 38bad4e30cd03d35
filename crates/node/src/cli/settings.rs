//! The flags of all commands that need the server's configuration.

use crate::config::{Config, Flag, Sources};

/// Where the configuration comes from.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Settings {
    /// The configuration file. docs/configuration.md lists every key
    #[arg(long, value_name = "FILE", env = "CAUSERIE_CONFIG")]
    pub(super) config: Option<std::path::PathBuf>,
    /// Where everything is kept [default: $XDG_DATA_HOME/causerie, else ~/.local/share/causerie]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<String>,
    /// Where clients connect [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<String>,
    /// Sets any key of the configuration; may be repeated
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub(super) set: Vec<String>,
}

impl Settings {
    /// The sources that these flags and the process's variables name.
    pub(super) fn sources(&self) -> Sources {
        let flag = |name, section, key, value: &Option<String>| {
            value.clone().map(|value| Flag { name, section, key, value })
        };
        let flags = [
            flag("--data", "store", "data_dir", &self.data),
            flag("--listen", "server", "listen", &self.listen),
        ];
        Sources {
            file: self.config.clone(),
            variables: Sources::process_variables(),
            sets: self.set.clone(),
            flags: flags.into_iter().flatten().collect(),
        }
    }

    /// The configuration, checked.
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        self.sources()
            .load()
            .map_err(|problems| anyhow::anyhow!("the configuration cannot be used:\n{problems}"))
    }
}
