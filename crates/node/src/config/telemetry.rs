//! `[telemetry]`

use super::kind::{Choice, choice, log_filter, number, optional, text, url};
use super::section::section;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl Choice for LogFormat {
    const ALL: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

section! {
    /// What the server tells about itself.
    Telemetry = "telemetry" {
        /// Which log lines are written: a level, and levels for parts of the program.
        ///
        /// `info` tells what an operator needs. `info,causerie_node=debug,causerie_actors=debug` looks closer at connections
        /// and conversations. No message text and no token is
        /// logged at `info` or above.
        log: String = "info,ractor=warn".to_owned(), log_filter(), reload;
        /// "text" for people, "json" for machines. Logs go to standard error.
        log_format: LogFormat = LogFormat::Text, choice();
        /// The address of an OpenTelemetry collector (OTLP over HTTP), such as `http://127.0.0.1:4318`. Not set: none.
        ///
        /// Spans go to `/v1/traces` below it: one for each connection and each open conversation, with what happened in it,
        /// when it ends. `log` does not change what is sent. When the collector is away, spans are dropped.
        otlp_endpoint: Option<String> = None, optional(url());
        /// The name of this service at the collector.
        otlp_service_name: String = "causerie".to_owned(), text();
        /// How many of a hundred spans are exported.
        ///
        /// Each costs time and bandwidth: 1 shows the shape of busy traffic, 100 is for looking at one problem.
        otlp_sample_percent: u8 = 1, number(0..=100);
    }
}
