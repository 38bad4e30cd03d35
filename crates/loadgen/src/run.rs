//! The course of a run: threads with a runtime each, the time measured, and what is made of their books at the end.

use std::cell::RefCell;
use std::future::Future;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use causerie_checker::history::{Nanos, Reader};
use causerie_checker::{History, Verdict, judge};
use tokio::sync::Barrier;
use tokio::task::LocalSet;

use crate::args::Common;
use crate::book::{Book, SharedBook, Stats};
use crate::clock;
use crate::link::Target;
use crate::process::Usage;
use crate::report::{Latency, Report, ServerUsage, precise};

/// What the threads agree on.
#[derive(Debug)]
struct Agreement {
    /// All are set up; the measured time is known; all are done with it.
    barrier: Barrier,
    begin: AtomicU64,
    end: AtomicU64,
}

/// One thread's view of a run.
#[derive(Clone)]
pub(crate) struct Thread {
    /// Which it is.
    pub(crate) number: usize,
    /// How many there are.
    pub(crate) count: usize,
    pub(crate) args: Arc<Common>,
    pub(crate) target: Target,
    pub(crate) book: SharedBook,
    agreement: Arc<Agreement>,
}

impl Thread {
    /// The numbers below `count` that are this thread's share.
    pub(crate) fn share(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        (self.number..count).step_by(self.count)
    }

    /// Waits until all threads are set up, and says when the time measured begins and ends.
    pub(crate) async fn ready(&self) -> (Nanos, Nanos) {
        self.agreement.barrier.wait().await;
        self.agreement.barrier.wait().await;
        let (begin, end) =
            (self.agreement.begin.load(Ordering::Acquire), self.agreement.end.load(Ordering::Acquire));
        let mut book = self.book.borrow_mut();
        (book.begin, book.end) = (begin, end);
        (begin, end)
    }

    /// Whether the time measured is over, which may end before it was to.
    pub(crate) fn is_over(&self) -> bool {
        clock::now() >= self.agreement.end.load(Ordering::Acquire)
    }

    /// Waits until all threads have done their work: what they have sent stands still from now on.
    pub(crate) async fn done(&self) {
        self.agreement.barrier.wait().await;
    }
}

/// What came of a run.
pub(crate) struct Outcome {
    pub(crate) history: History,
    pub(crate) stats: Stats,
    /// The time measured.
    pub(crate) seconds: f64,
    /// The server before the clients, at the beginning and at the end of the time measured.
    server: Option<[Usage; 3]>,
    generator: [Usage; 2],
}

/// Runs `work` on each thread. It connects its clients, awaits [`Thread::ready`], works, awaits [`Thread::done`], and
/// lets its clients settle.
pub(crate) fn run<W, F>(args: &Common, work: W) -> anyhow::Result<Outcome>
where
    W: Fn(Thread) -> F + Send + Sync + Clone + 'static,
    F: Future<Output = anyhow::Result<()>> + 'static,
{
    run_until(args, std::future::pending(), work)
}

/// The same; the time measured ends when `stop` ends, at the latest. `work` then looks at [`Thread::is_over`].
pub(crate) fn run_until<W, F>(
    args: &Common,
    stop: impl Future<Output = ()>,
    work: W,
) -> anyhow::Result<Outcome>
where
    W: Fn(Thread) -> F + Send + Sync + Clone + 'static,
    F: Future<Output = anyhow::Result<()>> + 'static,
{
    let (args, target) = (Arc::new(args.clone()), args.target()?);
    let count = args.threads as usize;
    let before = server_usage(&args)?;
    let agreement = Arc::new(Agreement {
        barrier: Barrier::new(count + 1),
        begin: AtomicU64::new(Nanos::MAX),
        end: AtomicU64::new(Nanos::MAX),
    });
    let threads: Vec<_> = (0..count)
        .map(|number| {
            let (args, target, agreement, work) =
                (args.clone(), target.clone(), agreement.clone(), work.clone());
            std::thread::spawn(move || {
                let book =
                    Rc::new(RefCell::new(Book::new(number, Duration::from_secs(args.patience.into()))?));
                let thread = Thread { number, count, args, target, book: book.clone(), agreement };
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let result = runtime.block_on(LocalSet::new().run_until(work(thread)));
                if let Err(error) = result {
                    // The others wait for this one: without it there is no run.
                    eprintln!("causerie-loadgen: {error:#}");
                    std::process::exit(3);
                }
                drop(runtime);
                let book = Rc::try_unwrap(book).map_err(|_| anyhow!("a connection outlives its thread"))?;
                let book = book.into_inner();
                anyhow::Ok((book.history, book.stats))
            })
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let Measured { seconds, server, generator } =
        runtime.block_on(measure(&args, &agreement, before, stop))?;
    let (mut history, mut stats) = (History::default(), Stats::new()?);
    for thread in threads {
        let (other, figures) = thread.join().map_err(|_| anyhow!("a thread panicked"))??;
        history.absorb(other);
        stats.add(&figures)?;
    }
    if let Some(path) = &args.also {
        let mut reader = Reader::default();
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        reader.file(std::io::BufReader::new(file)).with_context(|| path.display().to_string())?;
        history.absorb(reader.finish());
    }
    Ok(Outcome { history, stats, seconds, server, generator })
}

/// What is known of the processes, and how long was measured.
struct Measured {
    seconds: f64,
    server: Option<[Usage; 3]>,
    generator: [Usage; 2],
}

/// Fixes the time measured, and looks at the processes at its beginning and its end.
async fn measure(
    args: &Common,
    agreement: &Agreement,
    before: Option<Usage>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Measured> {
    agreement.barrier.wait().await;
    let begin = clock::now() + clock::seconds(args.warmup);
    let end = begin + clock::seconds(args.seconds);
    agreement.begin.store(begin, Ordering::Release);
    agreement.end.store(end, Ordering::Release);
    agreement.barrier.wait().await;
    let until = |at: Nanos| tokio::time::sleep(Duration::from_nanos(at.saturating_sub(clock::now())));
    until(begin).await;
    let (first, generator) = (server_usage(args)?, Usage::of(std::process::id())?);
    tokio::select! {
        () = until(end) => {}
        () = stop => agreement.end.store(clock::now(), Ordering::Release),
    }
    let seconds = Duration::from_nanos(clock::now().saturating_sub(begin)).as_secs_f64();
    let (last, generator_last) = (server_usage(args)?, Usage::of(std::process::id())?);
    agreement.barrier.wait().await;
    let server = before.zip(first).zip(last).map(|((before, first), last)| [before, first, last]);
    Ok(Measured { seconds, server, generator: [generator, generator_last] })
}

fn server_usage(args: &Common) -> anyhow::Result<Option<Usage>> {
    args.server_pid.map(Usage::of).transpose()
}

impl Outcome {
    /// The report, with the verdict. `units` is what the server's processor time is divided by.
    pub(crate) fn report(
        &self,
        scenario: &str,
        connections: usize,
        args: &Common,
        units: u64,
    ) -> anyhow::Result<Report> {
        let mut report = Report {
            scenario: scenario.to_owned(),
            connections,
            seconds: self.seconds,
            errors: self.stats.errors.clone(),
            unknown: self.stats.unknown,
            broken: self.stats.broken,
            verdict: self.verdict(args)?,
            generator_cpu_s: self.generator[1].cpu_since(&self.generator[0]).as_secs_f64(),
            syncs_per_message: precise(self.stats.syncs) / precise(self.stats.delivered.max(1)),
            ..Report::default()
        };
        if self.stats.sent + self.stats.delivered > 0 {
            report.per_second.insert("acknowledged", precise(self.stats.sent) / self.seconds);
            report.per_second.insert("delivered", precise(self.stats.delivered) / self.seconds);
        }
        for (name, histogram) in [("ack", &self.stats.ack), ("delivery", &self.stats.delivery)] {
            if let Some(latency) = Latency::of(histogram) {
                report.latency.insert(name, latency);
            }
        }
        report.server = self.server.map(|[before, first, last]| {
            let cpu = last.cpu_since(&first);
            ServerUsage {
                cpu_s: cpu.as_secs_f64(),
                cpu_us_per_unit: cpu.as_secs_f64() * 1e6 / precise(units.max(1)),
                rss_before: before.rss,
                rss: last.rss,
                rss_per_connection: precise(last.rss.saturating_sub(before.rss))
                    / precise(connections.max(1) as u64),
            }
        });
        Ok(report)
    }

    /// Judges the history, and writes it where that was asked for.
    fn verdict(&self, args: &Common) -> anyhow::Result<Option<Verdict>> {
        if !args.judged() {
            return Ok(None);
        }
        let mut verdict = judge(&self.history, &args.demands());
        if self.stats.gone > 0 {
            let missing = format!("{} clients did not stay to the end", self.stats.gone);
            verdict.vacuous.push(missing);
            verdict.passed = false;
        }
        if let Some(path) = &args.history
            && !(args.history_unless_passed && verdict.passed)
        {
            let file = std::fs::File::create(path).with_context(|| path.display().to_string())?;
            let mut out = std::io::BufWriter::new(file);
            self.history.write(&format!("loadgen-{}", std::process::id()), &mut out)?;
            out.flush()?;
        }
        Ok(Some(verdict))
    }
}
