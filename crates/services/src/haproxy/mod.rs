//! HAProxy in front of a few nodes.
//!
//! Ready: it answers on its administration port. Whether the nodes behind it are there is another question, which it
//! asks itself: `/health/ready`, twice a second.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::error::{ServiceError, words};
use crate::process::{Process, Recipe, is_installed};
use crate::service::{Place, Service};

const CONFIGURATION: &str = include_str!("haproxy.cfg");
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// A balancer on 127.0.0.1.
#[derive(Clone, Debug)]
pub struct HaproxyPlan {
    /// Where clients connect to be sent to the node with the fewest connections.
    pub least_port: u16,
    /// Where clients connect to be sent to a node by their address.
    pub hash_port: u16,
    /// Where it is asked and told things.
    pub admin_port: u16,
    /// The nodes: where clients are served, and the port at which the node says whether it is ready.
    pub nodes: Vec<(SocketAddr, u16)>,
}

impl HaproxyPlan {
    fn configuration(&self) -> String {
        let nodes: String = self
            .nodes
            .iter()
            .enumerate()
            .map(|(index, (node, health))| format!("    server node{} {node} port {health}\n", index + 1))
            .collect();
        CONFIGURATION
            .replace("@ADMIN_PORT@", &self.admin_port.to_string())
            .replace("@LEAST_PORT@", &self.least_port.to_string())
            .replace("@HASH_PORT@", &self.hash_port.to_string())
            .replace("@NODES@\n", &nodes)
    }
}

/// A balancer.
#[derive(Debug)]
pub struct Haproxy {
    plan: HaproxyPlan,
    process: Process,
}

impl Haproxy {
    /// A test's own, in `folder`; started and not ready yet. It ends when this is dropped.
    ///
    /// # Errors
    /// When it is not installed or cannot be started.
    pub fn start_in(folder: &Path, plan: HaproxyPlan) -> Result<Self, ServiceError> {
        let mut haproxy = Self::new(plan, &Place::of_test(folder))?;
        haproxy.start()?;
        Ok(haproxy)
    }

    /// One that may run or not.
    pub(crate) fn new(plan: HaproxyPlan, place: &Place) -> Result<Self, ServiceError> {
        if !is_installed("haproxy") {
            return Err(ServiceError::Missing { what: "HAProxy", package: "haproxy" });
        }
        let run = place.run.join("server");
        let file = run.join("haproxy.cfg");
        let recipe = Recipe {
            command: ["haproxy".into(), "-db".into(), "-f".into(), file.clone().into()].to_vec(),
            files: vec![(file, plan.configuration())],
            data: place.data.join("server"),
            format: None,
        };
        let process = Process::new("haproxy", run, place.lifetime, recipe);
        Ok(Self { plan, process })
    }

    /// What it answers to a line of its administration, such as `show servers state`.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask(&self, line: &str) -> io::Result<String> {
        let mut stream =
            TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, self.plan.admin_port).into(), ANSWER_LIMIT)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        stream.take(1 << 20).read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Service for Haproxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn processes(&self) -> &[Process] {
        std::slice::from_ref(&self.process)
    }

    fn processes_mut(&mut self) -> &mut [Process] {
        std::slice::from_mut(&mut self.process)
    }

    fn listens(&self) -> Vec<(String, u16)> {
        [self.plan.least_port, self.plan.hash_port, self.plan.admin_port]
            .map(|port| (Ipv4Addr::LOCALHOST.to_string(), port))
            .to_vec()
    }

    fn check(&mut self) -> Result<(), String> {
        let said = self.ask("show info").map_err(|error| words(&error))?;
        if said.contains("Uptime") { Ok(()) } else { Err(said) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Ports;
    use crate::scratch::Scratch;
    use crate::service::START_LIMIT;

    #[test]
    fn it_starts_and_sees_that_a_node_is_down() {
        if !is_installed("haproxy") {
            eprintln!("skipped: haproxy is not installed");
            return;
        }
        let scratch = Scratch::new("haproxy").unwrap();
        let mut ports = Ports::take().unwrap();
        let node = ((Ipv4Addr::LOCALHOST, ports.another()).into(), ports.another());
        let plan = HaproxyPlan {
            least_port: ports.another(),
            hash_port: ports.another(),
            admin_port: ports.another(),
            nodes: vec![node],
        };
        let mut haproxy = Haproxy::start_in(scratch.path(), plan).unwrap();
        haproxy.wait_ready(START_LIMIT).unwrap();
        let is_down = || {
            let states = haproxy.ask("show stat").unwrap();
            states.contains(",DOWN,").then_some(()).ok_or(states)
        };
        crate::wait::until(START_LIMIT, is_down).unwrap();
    }
}
