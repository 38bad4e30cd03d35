//! A course: what the clients do, what is done to the server, and the verdict over it.

use std::fs::{self, File};
use std::io::BufReader;
use std::process::{Child, Stdio};

use causerie_checker::history::{FORMAT, Line, Nanos, Reader};
use causerie_checker::{Demands, Verdict, judge};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use uuid::Uuid;

use crate::program::{Program, Subject};
use crate::server::{Delay, Server, wait_for};

/// How often a server is killed.
const KILLS: u64 = 4;
/// How many syncs take very long.
const LONG_SYNCS: u64 = 2;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// Nothing but load.
    Calm,
    /// Hardly anything may wait for a client.
    FullQueues,
    /// The server is killed under load, on a disk whose syncs take 20 ms longer, so that something always waits.
    Kills,
    /// Some syncs take longer than a message may wait for its answer.
    SlowDisk,
}

impl Course {
    /// Runs it against a server, and judges it.
    pub(crate) fn run(self, subject: Subject) -> Verdict {
        let mut server = Server::start(subject, self.settings(), self.delay());
        let load = Load::start(self, subject, &server);
        let faults = self.bring_about(&mut server);
        let mut reader = load.end(&server);
        let mut note = |line| reader.line(line).expect("it names nothing that must be there before");
        note(Line::Recorder { name: "course".into(), format: FORMAT });
        let demanded = faults.len() as u64;
        faults.into_iter().for_each(&mut note);
        server.events().iter().filter_map(logged).for_each(&mut note);
        note(Line::LogEnd { at: now() });
        judge(&reader.finish(), &Demands { acknowledged: 300, faults: demanded })
    }

    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Calm | Self::Kills => &[],
            Self::FullQueues => &["limits.out_queue_frames=16"],
            Self::SlowDisk => &["timeouts.outcome_deadline_s=1"],
        }
    }

    fn delay(self) -> Option<Delay> {
        match self {
            Self::Calm | Self::FullQueues => None,
            Self::Kills => Some(Delay { micros: 20_000, when: "1+" }),
            Self::SlowDisk => Some(Delay { micros: 2_500_000, when: "40+40" }),
        }
    }

    /// Pause of a device between two things that it does, in milliseconds.
    fn pause(self) -> &'static str {
        match self {
            Self::FullQueues => "4",
            Self::Calm | Self::Kills => "15",
            // A device that leaves sooner does not hear what became of its messages.
            Self::SlowDisk => "80",
        }
    }

    /// Does to the server what is to be done, until enough has happened. Gives the faults, each with its effect.
    fn bring_about(self, server: &mut Server) -> Vec<Line> {
        let begun = now();
        let fault = |name: &str, effect| Line::Fault { at: begun, until: now(), name: name.into(), effect };
        match self {
            Self::Calm => {
                server.stores(2_000);
                Vec::new()
            }
            Self::FullQueues => {
                server.stores(4_000);
                vec![fault("full queues", server.replaced())]
            }
            Self::Kills => (0..KILLS)
                .map(|_| {
                    server.stores(150);
                    let stored = server.stored();
                    server.kill_and_restart();
                    fault("kill", stored)
                })
                .collect(),
            Self::SlowDisk => {
                wait_for("no sync takes long", || server.delayed() >= LONG_SYNCS && server.given_up() > 0);
                vec![fault("slow disk", server.given_up())]
            }
        }
    }
}

/// The clients.
struct Load(Child);

impl Load {
    fn start(course: Course, subject: Subject, server: &Server) -> Self {
        let mut command = Program::Load.command();
        command.args(["mixed", "--server", &server.address().to_string(), "--users", "8", "--groups", "4"]);
        command.args(["--pause", course.pause(), "--seconds", "600", "--warmup", "0", "--until-input-ends"]);
        command.arg("--history").arg(server.file("history"));
        if subject != Subject::Sound {
            // What a sound server may take its time for, one with a bug may never do.
            command.args(["--patience", "3"]);
        }
        let said = File::create(server.file("load")).expect("the folder can be written");
        command.stdin(Stdio::piped()).stdout(said.try_clone().expect("a file")).stderr(said);
        Self(command.spawn().expect("the load starts"))
    }

    /// Ends the load, lets it sync everything, and reads its history.
    fn end(mut self, server: &Server) -> Reader {
        drop(self.0.stdin.take());
        wait_for("the load does not end", || matches!(self.0.try_wait(), Ok(Some(_))));
        let mut reader = Reader::default();
        let said = || fs::read_to_string(server.file("load")).unwrap_or_default();
        let history = File::open(server.file("history")).unwrap_or_else(|_| panic!("{}", said()));
        reader.file(BufReader::new(history)).expect("a history");
        reader
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Both fail only when it has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An event of an entry, for the judge.
fn logged(event: &Value) -> Option<Line> {
    let data = &event["data"];
    let id = |value: &Value| Uuid::parse_str(value.as_str()?).ok();
    Some(Line::Logged {
        conversation: id(&event["subject"])?,
        seq: data["seq"].as_u64()?,
        client_message_id: id(&data["client_message_id"])?,
    })
}

fn now() -> Nanos {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or_default() * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or_default()
}
