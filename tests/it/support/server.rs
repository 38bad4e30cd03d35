//! A real `causerie` process.
//!
//! It listens on free ports of the loopback interface, keeps its data in a folder that is removed with the value, and
//! what it says is kept, to be waited for and for a failing test to show. Processes are ended by their id only.

use std::io::{BufRead as _, BufReader, PipeReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::thread::JoinHandle;

use rustix::process::{Pid, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

pub(crate) use rustix::process::Signal;

use super::{PATIENCE, http, program};

/// Where a server listens, by its own words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// For people.
    pub(crate) public: SocketAddr,
    /// For operators.
    pub(crate) admin: SocketAddr,
}

/// A folder for a server's data and for the files that it is configured with.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::with_prefix("causerie-test-").expect("a folder for the test"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file as an operator's tool does: whole, under another name first.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let (draft, path) = (self.path().join("draft"), self.path().join(name));
        std::fs::write(&draft, content).expect("the folder can be written");
        std::fs::rename(&draft, &path).expect("the folder can be written");
        path
    }

    /// Where a server of this folder keeps its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }
}

/// A server, running or ended, with its data.
pub(crate) struct Server {
    folder: Folder,
    arguments: Vec<String>,
    /// What starts the program, with its arguments; mostly nothing.
    starter: &'static [&'static str],
    addresses: Addresses,
    process: Process,
}

/// One run of the program.
struct Process {
    child: Child,
    said: watch::Receiver<Vec<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server with default settings and waits until it is ready.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with `settings`, each `section.key=value`, and waits until it is ready.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        Self::start_in(Folder::new(), settings).await
    }

    /// The same in a folder that holds files already; `causerie.toml` is its configuration, if it is there.
    pub(crate) async fn start_in(folder: Folder, settings: &[&str]) -> Self {
        Self::start_under(&[], folder, settings).await
    }

    /// The same, by another program that becomes the server, such as `prlimit`.
    pub(crate) async fn start_under(
        starter: &'static [&'static str],
        folder: Folder,
        settings: &[&str],
    ) -> Self {
        let mut arguments = vec!["--set".to_owned(), "admin.listen=127.0.0.1:0".to_owned()];
        for setting in settings {
            arguments.extend(["--set".to_owned(), (*setting).to_owned()]);
        }
        let config = folder.path().join("causerie.toml");
        if config.exists() {
            arguments.extend(["--config".to_owned(), config.display().to_string()]);
        }
        let (process, addresses) = Process::start(starter, &folder, &arguments, "127.0.0.1:0").await;
        Self { folder, arguments, starter, addresses, process }
    }

    /// Where it listens; still there after a restart, so that clients find it again.
    pub(crate) fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The address of its operators' listener.
    pub(crate) fn admin_url(&self) -> String {
        format!("http://{}", self.addresses.admin)
    }

    /// Ends it as a power cut would end the process, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Asks it to end, as a service manager does, and waits until it has drained.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).expect("a signal to a child");
    }

    /// The id of its process, which runs.
    pub(crate) fn id(&self) -> Pid {
        let id = self.process.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        id.expect("the server runs")
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(PATIENCE, self.process.child.wait()).await;
        ended.expect("the server did not end").expect("the server is a child")
    }

    /// Starts it again on the same data and the same public address, after [`Self::kill`] or [`Self::terminate`].
    pub(crate) async fn restart(&mut self) {
        let listen = self.addresses.public.to_string();
        (self.process, self.addresses) =
            Process::start(self.starter, &self.folder, &self.arguments, &listen).await;
    }

    /// How many lines this run of it has said that contain these words.
    pub(crate) fn times_said(&self, words: &str) -> usize {
        self.process.said.borrow().iter().filter(|line| line.contains(words)).count()
    }

    /// Everything that this run of it has said.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.process.said.borrow().clone()
    }

    /// Waits until this run of it has said these words so many times.
    pub(crate) async fn says(&self, words: &str, times: usize) {
        let enough = |said: &Vec<String>| said.iter().filter(|line| line.contains(words)).count() >= times;
        let mut said = self.process.said.clone();
        let waited = timeout(PATIENCE, said.wait_for(enough)).await;
        waited.unwrap_or_else(|_| panic!("it did not say {words:?}")).expect("it has ended");
    }

    /// The value of a metric without labels, or with exactly those that are written.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let metrics = http::get(self.addresses.admin, "/metrics").await;
        let of_metric =
            |line: &str| line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')?.parse().ok());
        metrics.body.lines().find_map(of_metric).unwrap_or(0.0)
    }

    /// Waits until a metric is at least so high.
    pub(crate) async fn metric_reaches(&self, name: &str, value: f64) {
        let mut tick = interval(PATIENCE / 300);
        let reached = async {
            while self.metric(name).await < value {
                tick.tick().await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{name} did not reach {value}"));
    }

    /// Asks the admin API for something to be done.
    pub(crate) async fn admin(&self, path: &str, body: &Value) -> http::Response {
        http::post(self.addresses.admin, path, body).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.process.said.borrow();
            let last = said.len().saturating_sub(100);
            eprintln!("The server said:\n{}", said[last..].join("\n"));
        }
    }
}

impl Process {
    async fn start(
        starter: &[&str],
        folder: &Folder,
        arguments: &[String],
        listen: &str,
    ) -> (Self, Addresses) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = program::command_under(starter);
        command.args(["serve", "--listen", listen, "--data"]).arg(folder.data()).args(arguments);
        command.stdin(Stdio::null()).stdout(writer.try_clone().expect("a pipe")).stderr(writer);
        let child = command.spawn().expect("the program starts");
        // The command holds the pipe's writing end: only without it does the reader end with the process.
        drop(command);
        let (sender, mut said) = watch::channel(Vec::new());
        let reader = std::thread::spawn(move || keep(reader, &sender));
        let process = Self { child, said: said.clone(), reader: Some(reader) };
        let announced = timeout(PATIENCE, said.wait_for(|said| addresses(said).is_some())).await;
        let addresses = announced.ok().and_then(|said| addresses(&said.ok()?));
        let Some(addresses) = addresses else {
            panic!("the server did not start: {}", process.said.borrow().join("\n"));
        };
        let ready = timeout(PATIENCE, wait_until_ready(addresses)).await;
        assert!(ready.is_ok(), "the server is not ready: {}", process.said.borrow().join("\n"));
        (process, addresses)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only when it has ended. Its output ends with the process.
        let _ = self.child.start_kill();
        let _ = self.reader.take().map(JoinHandle::join);
    }
}

/// Keeps what the server says.
fn keep(reader: PipeReader, said: &watch::Sender<Vec<String>>) {
    for line in BufReader::new(reader).lines().map_while(Result::ok) {
        said.send_modify(|said| said.push(line));
    }
}

fn addresses(said: &[String]) -> Option<Addresses> {
    let public = said.iter().find_map(|line| address_after("is listening on ", line))?;
    let admin = said.iter().find_map(|line| address_after("  admin    ", line))?;
    Some(Addresses { public, admin })
}

fn address_after(words: &str, line: &str) -> Option<SocketAddr> {
    let (_, url) = line.split_once(words)?;
    let (_, address) = url.split_once("://")?;
    address.split([' ', '/']).next()?.parse().ok()
}

async fn wait_until_ready(addresses: Addresses) {
    let mut tick = interval(PATIENCE / 1000);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while http::get(addresses.admin, "/health/ready").await.status != 200 {
        tick.tick().await;
    }
}
