//! Runs one command: its output goes to a log file, a line of progress to the terminal.
//!
//! Guaranteed: a command that does not end within its limit is killed with everything it started, and one that
//! leaves a process behind which holds its output is reported instead of waited for.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often a line says that the command still works, and at what.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How a command ended that was run to its end.
pub(crate) struct Finished {
    /// Whether it ended with status 0.
    pub(crate) success: bool,
    /// What it wrote to both of its outputs, in order.
    pub(crate) output: String,
}

/// Runs `command` to its end. Lines for which `echo` holds are shown as they come.
///
/// # Errors
/// When it cannot be started, exceeds `limit`, or leaves processes behind. Not when it ends with a failure status.
pub(crate) fn run(command: Command, log: &Path, limit: Duration, echo: fn(&str) -> bool) -> Result<Finished> {
    let (mut child, lines) = start_with_lines(command)?;
    let mut log = File::options().create(true).append(true).open(log)?;
    let started = Instant::now();
    let mut next_beat = started + HEARTBEAT;
    let mut output = String::new();
    let mut ended = false;
    loop {
        if Instant::now() >= next_beat {
            next_beat += HEARTBEAT;
            beat(&mut child, started, limit, &output, &mut ended)?;
        }
        match lines.recv_timeout(next_beat.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                writeln!(log, "{line}")?;
                if echo(&line) {
                    println!("        {}", line.trim());
                }
                output.push_str(&line);
                output.push('\n');
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(Finished { success: child.wait()?.success(), output })
}

/// Says that the command still works and at what, or why it is given up. `ended` is what the last beat saw: somebody
/// else still held the output then, and has had one beat's time since.
fn beat(child: &mut Child, started: Instant, limit: Duration, output: &str, ended: &mut bool) -> Result<()> {
    let last = output.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let last: String = last.chars().take(100).collect();
    let seconds = started.elapsed().as_secs();
    if started.elapsed() > limit {
        kill_with_descendants(child)?;
        bail!("killed after {seconds} s; its last line was: {last}");
    }
    if *ended {
        bail!("ended, but left processes behind that hold its output; its last line was: {last}");
    }
    *ended = child.try_wait()?.is_some();
    println!("        {seconds:>4} s  {last}");
    Ok(())
}

/// Starts `command` with nothing on its standard input. Both outputs go to `sink` line by line, in order, on a thread
/// of their own, until all who hold them have closed them or `sink` says that it wants no more.
pub(crate) fn start(
    mut command: Command,
    sink: impl FnMut(String) -> bool + Send + 'static,
) -> Result<Child> {
    let (reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let child =
        command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    std::thread::Builder::new().name("output".into()).spawn(move || forward(reader, sink))?;
    Ok(child)
}

fn start_with_lines(command: Command) -> Result<(Child, Receiver<String>)> {
    let (sender, lines) = sync_channel(1024);
    Ok((start(command, move |line| sender.send(line).is_ok())?, lines))
}

/// Sends a signal to a process that we started and have not waited for yet.
pub(crate) fn signal(child: &Child, signal: Signal) -> Result<()> {
    send(child.id(), signal)
}

fn send(id: u32, signal: Signal) -> Result<()> {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw).context("not the id of a process")?;
    Ok(kill_process(id, signal)?)
}

fn forward(reader: PipeReader, mut sink: impl FnMut(String) -> bool) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
        if !sink(String::from_utf8_lossy(&line).trim_end().to_owned()) {
            return;
        }
        line.clear();
    }
}

fn kill_with_descendants(child: &mut Child) -> Result<()> {
    let mut ids = Vec::new();
    collect_descendants(child.id(), &mut ids);
    child.kill()?;
    child.wait()?;
    for id in ids {
        // It may have ended with its parent: nothing is left to do then.
        let _ = send(id, Signal::KILL);
    }
    Ok(())
}

/// The kernel's list of children, thread by thread: they are what we started, whoever shares our names.
fn collect_descendants(id: u32, found: &mut Vec<u32>) {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{id}/task")) else { return };
    for thread in threads.flatten() {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            found.push(child);
            collect_descendants(child, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn log(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("causerie-xtask-{}-{name}.log", std::process::id()))
    }

    #[test]
    fn both_outputs_arrive_in_order_and_in_the_log() {
        let log = log("order");
        let finished =
            run(shell("echo one; echo two >&2; echo three; exit 3"), &log, Duration::from_secs(60), |_| {
                false
            })
            .unwrap();
        assert!(!finished.success);
        assert_eq!(finished.output, "one\ntwo\nthree\n");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), finished.output);
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_command_over_its_limit_is_killed_with_what_it_started() {
        let (mut child, lines) =
            start_with_lines(shell("sh -c 'echo up; exec tail -f /dev/null' & wait")).unwrap();
        assert_eq!(lines.recv().unwrap(), "up");
        kill_with_descendants(&mut child).unwrap();
        // The grandchild held the pipe: only its end closes it.
        assert!(lines.recv().is_err());
    }
}
