//! Kafka 4.3 without ZooKeeper, one broker or three.
//!
//! Ready: every broker answers, and lists all of them as in service. A broker whose port is open may still wait for
//! the controller to let it in, which is when a topic's leader can be chosen.

mod metadata;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{ServiceError, words};
use crate::home::Home;
use crate::jars;
use crate::java;
use crate::process::{Process, Recipe};
use crate::service::{Place, Service};

const PROPERTIES: &str = include_str!("server.properties");
const LOGGING: &str = include_str!("log4j2.xml");
/// Any will do; brokers of one cluster must agree on it.
const CLUSTER_ID: &str = "Y2F1c2VyaWUtdGVzdC0wMQ";
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// As for Cassandra: a start in half the time.
const JAVA: [&str; 2] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/// A Kafka of one or three brokers, on 127.0.0.1 to 127.0.0.3, all at the same two ports.
#[derive(Clone, Debug)]
pub struct KafkaPlan {
    /// 1 or 3.
    pub brokers: usize,
    /// Where clients connect.
    pub port: u16,
    /// Where controllers meet.
    pub controller_port: u16,
    /// More lines for the end of `server.properties`; they win over what is there.
    pub settings: Vec<String>,
    /// Another place for the data of a broker, such as a file system that a test fills, by its number from 0.
    pub data: Vec<(usize, PathBuf)>,
}

impl KafkaPlan {
    /// A plan with nothing unusual in it.
    #[must_use]
    pub fn new(brokers: usize, port: u16, controller_port: u16) -> Self {
        Self { brokers, port, controller_port, settings: Vec::new(), data: Vec::new() }
    }

    /// Where clients connect to a broker, by its number from 0.
    #[must_use]
    pub fn address(&self, broker: usize) -> SocketAddr {
        (host(broker), self.port).into()
    }

    fn recipe(&self, broker: usize, place: &Place, java: &Path, jars: &Path) -> Recipe {
        let run = place.run.join(name(broker));
        let data = self.data.iter().find(|(of, _)| *of == broker).map(|(_, data)| data.clone());
        let data = data.unwrap_or_else(|| place.data.join(name(broker)));
        let properties = run.join("server.properties");
        let logging = run.join("log4j2.xml");
        let class_path = format!("{}/*", jars.display());
        let java = |heap: &[&str], rest: &[&str]| -> Vec<OsString> {
            let logging = format!("-Dlog4j2.configurationFile={}", logging.display());
            let words = [heap, &JAVA, &["-XX:+ExitOnOutOfMemoryError", &logging, "-cp", &class_path], rest];
            std::iter::once(java.into()).chain(words.concat().into_iter().map(OsString::from)).collect()
        };
        let file = properties.display().to_string();
        let format = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", &file];
        Recipe {
            command: java(&["-Xms192m", "-Xmx192m"], &["kafka.Kafka", &file]),
            format: Some(java(&["-Xmx64m"], &format)),
            files: vec![(properties, self.properties(broker, &data)), (logging.clone(), LOGGING.to_owned())],
            data,
        }
    }

    fn properties(&self, broker: usize, data: &Path) -> String {
        let voters: Vec<String> = (0..self.brokers)
            .map(|broker| format!("{}@{}:{}", broker + 1, host(broker), self.controller_port))
            .collect();
        // Three that elect a leader need a little longer than one.
        let (session, heartbeat) = if self.brokers == 1 { (1000, 200) } else { (2000, 400) };
        let mut properties = PROPERTIES
            .replace("@ID@", &(broker + 1).to_string())
            .replace("@VOTERS@", &voters.join(","))
            .replace("@ADDRESS@", &host(broker).to_string())
            .replace("@PORT@", &self.port.to_string())
            .replace("@CONTROLLER_PORT@", &self.controller_port.to_string())
            .replace("@DATA@", &data.display().to_string())
            .replace("@COPIES@", &self.brokers.to_string())
            .replace("@IN_SYNC@", &(self.brokers - self.brokers / 2).to_string())
            .replace("@SESSION@", &session.to_string())
            .replace("@HEARTBEAT@", &heartbeat.to_string());
        for line in &self.settings {
            properties.push_str(line);
            properties.push('\n');
        }
        properties
    }
}

fn host(broker: usize) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, u8::try_from(broker + 1).unwrap_or(u8::MAX)).into()
}

fn name(broker: usize) -> String {
    format!("broker-{}", broker + 1)
}

/// A Kafka.
#[derive(Debug)]
pub struct Kafka {
    plan: KafkaPlan,
    processes: Vec<Process>,
}

impl Kafka {
    /// A test's own, in `folder`; started and not ready yet. It ends when this is dropped.
    ///
    /// # Errors
    /// When Java or the jars are missing, or it cannot be started.
    pub fn start_in(folder: &Path, plan: KafkaPlan) -> Result<Self, ServiceError> {
        let mut kafka = Self::new(plan, &Place::of_test(folder), &Home::of_user()?)?;
        kafka.start()?;
        Ok(kafka)
    }

    /// One that may run or not.
    pub(crate) fn new(plan: KafkaPlan, place: &Place, home: &Home) -> Result<Self, ServiceError> {
        assert!(matches!(plan.brokers, 1 | 3), "one broker or three");
        let java = java::find()?;
        let jars = jars::ready(jars::KAFKA, home)?;
        let processes = (0..plan.brokers)
            .map(|broker| {
                let recipe = plan.recipe(broker, place, &java, &jars);
                let folder = place.run.join(name(broker));
                Process::new(format!("kafka {}", host(broker)), folder, place.lifetime, recipe)
            })
            .collect();
        Ok(Self { plan, processes })
    }

    /// Where clients connect, broker by broker.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        (0..self.plan.brokers).map(|broker| self.plan.address(broker)).collect()
    }

    /// A broker's process, by its number from 0: to kill, freeze and start it.
    ///
    /// # Panics
    /// When there is no such broker.
    pub fn broker(&mut self, broker: usize) -> &mut Process {
        &mut self.processes[broker]
    }
}

impl Service for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn processes_mut(&mut self) -> &mut [Process] {
        &mut self.processes
    }

    fn listens(&self) -> Vec<(String, u16)> {
        (0..self.plan.brokers)
            .flat_map(|broker| {
                [self.plan.port, self.plan.controller_port].map(|port| (host(broker).to_string(), port))
            })
            .collect()
    }

    fn check(&mut self) -> Result<(), String> {
        for broker in 0..self.plan.brokers {
            let known = metadata::brokers(self.plan.address(broker), ANSWER_LIMIT);
            let known = known.map_err(|error| format!("{}: {}", host(broker), words(&error)))?;
            if known.len() != self.plan.brokers {
                return Err(format!("{} knows {} of {}", host(broker), known.len(), self.plan.brokers));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in_and_settings_come_last() {
        let mut plan = KafkaPlan::new(3, 9, 7);
        plan.settings.push("log.segment.bytes=1048576".into());
        let properties = plan.properties(1, Path::new("/data"));
        let filled: String = properties.lines().filter(|line| !line.starts_with(['#', 'c'])).collect();
        assert!(!filled.contains('@'), "{properties}");
        assert!(properties.contains("voters=1@127.0.0.1:7,2@127.0.0.2:7,3@127.0.0.3:7\n"));
        assert!(properties.contains("\nmin.insync.replicas=2\n"));
        assert!(KafkaPlan::new(1, 9, 7).properties(0, Path::new("/")).contains("min.insync.replicas=1\n"));
        assert!(properties.ends_with("\nlog.segment.bytes=1048576\n"));
    }
}
