//! `causerie-worker counts` as a process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use causerie_workers::Partition;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::log::{LIMIT, Log};

/// What a process has said.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) commits: usize,
    pub(crate) positions: BTreeMap<Partition, i64>,
    pub(crate) address: Option<String>,
    lines: Vec<String>,
    ended: bool,
}

pub(crate) struct Process {
    child: Child,
    said: Arc<(Mutex<Said>, Condvar)>,
    readers: Vec<JoinHandle<()>>,
}

pub(crate) fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_causerie-worker"))
}

impl Process {
    /// Starts it with small batches, so that there are many commits to be killed at.
    pub(crate) fn start(log: &Log, dir: &Path) -> Self {
        let mut child = command()
            .args(["counts", "--brokers", &log.brokers, "--prefix", &log.prefix, "--instance", "one"])
            .args(["--listen", "127.0.0.1:0", "--batch", "32", "--linger-ms", "5", "--dir"])
            .arg(dir)
            .env("RUST_LOG", "info,causerie_workers=debug,librdkafka=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new((Mutex::new(Said::default()), Condvar::new()));
        let out = read(child.stdout.take().unwrap(), Arc::clone(&said));
        let err = read(child.stderr.take().unwrap(), Arc::clone(&said));
        Self { child, said, readers: vec![out, err] }
    }

    /// Waits for what it says.
    pub(crate) fn wait<T>(&self, what: &str, mut look: impl FnMut(&Said) -> Option<T>) -> T {
        let (said, changed) = &*self.said;
        let deadline = Instant::now() + LIMIT;
        let mut said = said.lock().unwrap();
        loop {
            if let Some(found) = look(&said) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let in_vain = left.is_zero() || said.ended;
            assert!(!in_vain, "in vain: {what}; it said:\n{}", said.lines.join("\n"));
            said = changed.wait_timeout(said, left).unwrap().0;
        }
    }

    /// Kills it with -9 and waits until it is gone; what it had said it committed.
    pub(crate) fn kill(mut self) -> BTreeMap<Partition, i64> {
        self.child.kill().unwrap();
        let status = self.end();
        assert_eq!(status.signal(), Some(9), "it ended by itself: {status}");
        std::mem::take(&mut self.said.0.lock().unwrap().positions)
    }

    /// Asks it to stop; it must end in order.
    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.end();
        assert!(status.success(), "{status}");
    }

    fn end(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        status
    }

    /// What it answers.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let address = self.wait("its address", |said| said.address.clone());
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The positions of the partitions that it holds, as its metrics say.
    pub(crate) fn positions(&self) -> BTreeMap<Partition, i64> {
        let (_, metrics) = self.get("/metrics");
        let lines = metrics.lines().filter_map(|line| line.strip_prefix("causerie_worker_position{topic=\""));
        let read = |line: &str| {
            let (topic, rest) = line.split_once("\",partition=\"")?;
            let (number, position) = rest.split_once("\"} ")?;
            Some((
                Partition { topic: topic.to_owned(), number: number.parse().ok()? },
                position.parse().ok()?,
            ))
        };
        lines.map(|line| read(line).unwrap_or_else(|| panic!("{line}"))).collect()
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.readers.is_empty() {
            let _ = self.child.kill();
            self.end();
        }
    }
}

fn read(from: impl std::io::Read + Send + 'static, said: Arc<(Mutex<Said>, Condvar)>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let (said, changed) = &*said;
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            if let Some((_, address)) = line.split_once("causerie-worker counts: http://") {
                said.address = Some(address.to_owned());
            }
            if let Some((_, positions)) = line.split_once("committed records=") {
                said.commits += 1;
                let (_, positions) = positions.split_once("positions=").unwrap();
                said.positions.extend(positions.split(',').map(position));
            }
            said.lines.push(line);
            changed.notify_all();
        }
        said.lock().unwrap().ended = true;
        changed.notify_all();
    })
}

fn position(text: &str) -> (Partition, i64) {
    let (partition, position) = text.split_once('=').unwrap();
    let (topic, number) = partition.rsplit_once(':').unwrap();
    (Partition { topic: topic.to_owned(), number: number.parse().unwrap() }, position.parse().unwrap())
}
