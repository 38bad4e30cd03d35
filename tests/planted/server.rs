//! The server that is judged: one folder and one address, killed and started again.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Program, Subject};

/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that tells nobody when it changes.
const LOOK: Duration = Duration::from_millis(5);
/// Where the system gives no ports to clients: one that connects while the server is away may otherwise meet itself.
const PORTS: std::ops::Range<u16> = 15_000..30_000;
/// Clients of a test are faster than people.
const SETTINGS: [&str; 6] = [
    "admin.listen=127.0.0.1:0",
    "rates.connection_sends_per_s=0",
    "rates.user_sends_per_s=0",
    "rates.conversation_sends_per_s=0",
    "rates.address_connects_per_s=0",
    "limits.connections_per_address=0",
];

/// What is done to a server's disk, by strace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delay {
    /// How long a sync takes longer, in microseconds.
    pub(crate) micros: u32,
    /// Which syncs of a thread, in strace's words.
    pub(crate) when: &'static str,
}

/// A running server.
pub(crate) struct Server {
    folder: TempDir,
    subject: Subject,
    settings: &'static [&'static str],
    delay: Option<Delay>,
    address: SocketAddr,
    admin: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts it, with additional settings, and waits until it listens.
    pub(crate) fn start(subject: Subject, settings: &'static [&'static str], delay: Option<Delay>) -> Self {
        let folder = TempDir::with_prefix("causerie-planted-").expect("a folder for the test");
        let address = free_address();
        let child = launch(&folder, subject, settings, delay, address);
        let mut server = Self { folder, subject, settings, delay, address, admin: address, child };
        server.listens();
        server
    }

    /// Where clients find it, after each start.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A file beside its data.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Kills it and starts it again.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.child = launch(&self.folder, self.subject, self.settings, self.delay, self.address);
        self.listens();
    }

    /// Waits until it has stored so many entries since its start.
    pub(crate) fn stores(&mut self, entries: u64) {
        wait_for("too little is stored", || self.stored() >= entries);
    }

    /// How many entries it has stored since its start.
    pub(crate) fn stored(&self) -> u64 {
        self.counted("causerie_entries_committed_total ")
    }

    fn counted(&self, metric: &str) -> u64 {
        let metrics = self.get("/metrics");
        let count = metrics.lines().find_map(|line| line.strip_prefix(metric));
        count.and_then(|count| count.parse().ok()).unwrap_or_default()
    }

    /// How many live messages had no room in a client's queue.
    pub(crate) fn replaced(&self) -> u64 {
        self.counted("causerie_replaced_by_head_total ")
    }

    /// How many messages waited in vain for what became of them.
    pub(crate) fn given_up(&self) -> u64 {
        self.counted("causerie_limit_hits_total{limit=\"outcome_deadline\"} ")
    }

    /// How many syncs were made to take longer.
    pub(crate) fn delayed(&self) -> u64 {
        let text = fs::read_to_string(self.file("strace")).unwrap_or_default();
        text.lines().filter(|line| line.contains("(DELAYED)")).count() as u64
    }

    /// The event log, an event a line.
    pub(crate) fn events(&self) -> Vec<Value> {
        let log = self.get("/events");
        log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.admin);
        let exchange = || {
            let mut stream = TcpStream::connect(self.admin)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            io::Result::Ok(answer)
        };
        let answer = exchange().unwrap_or_else(|error| panic!("{path}: {error}; {}", self.said()));
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        assert!(head.contains(" 200 "), "{path}: {head}");
        body.to_owned()
    }

    fn listens(&mut self) {
        let log = self.file("log");
        let said = || fs::read_to_string(&log).unwrap_or_default();
        let child = &mut self.child;
        let admin = wait_until("the server does not start", || {
            let said = said();
            assert!(!matches!(child.try_wait(), Ok(Some(_))), "the server ended: {said}");
            let (_, admin) = said.split_once("  admin    http://")?;
            admin.split([' ', '\n']).next()?.parse().ok()
        });
        self.admin = admin;
    }

    fn said(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    fn kill(&mut self) {
        // Fails only when it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("The server said:\n{}", self.said());
        }
    }
}

fn launch(
    folder: &TempDir,
    subject: Subject,
    settings: &[&str],
    delay: Option<Delay>,
    address: SocketAddr,
) -> Child {
    let file = |name: &str| folder.path().join(name);
    let tracer = delay.map_or_else(Vec::new, |Delay { micros, when }| {
        // -D: the server is our child, and strace ends with it.
        let injection = format!("fdatasync:delay_enter={micros}:when={when}");
        let out = file("strace").display().to_string();
        ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-A", "-o", &out, "-e", "trace=fdatasync", "-e"]
            .into_iter()
            .map(str::to_owned)
            .chain([format!("inject={injection}")])
            .collect()
    });
    let mut command = match subject {
        Subject::Sound => Program::Sound.command_behind(&tracer),
        Subject::Planted(bug) => {
            let mut command = Program::Planted.command_behind(&tracer);
            command.env("CAUSERIE_PLANTED_BUG", bug);
            command
        }
    };
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(file("data"));
    for setting in SETTINGS.iter().chain(settings) {
        command.args(["--set", setting]);
    }
    let log = File::create(file("log")).expect("the folder can be written");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
    command.spawn().expect("the server starts")
}

fn free_address() -> SocketAddr {
    let address = |_| SocketAddr::from((Ipv4Addr::LOCALHOST, rand::random_range(PORTS)));
    let mut some = (0..100).map(address);
    some.find(|address| TcpListener::bind(address).is_ok()).expect("a free port")
}

/// Looks until it is so.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    wait_until(what, || done().then_some(()));
}

/// Looks until there is something.
fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}");
        std::thread::park_timeout(LOOK);
    }
}
