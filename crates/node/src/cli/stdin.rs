//! Lines from standard input, read on a thread of their own.
//!
//! Reading a terminal or a pipe cannot be interrupted. A thread outside of the runtime may stay in it when the command
//! is done; the runtime's own would keep the process waiting.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// Lines that are read ahead.
const AHEAD: usize = 16;

/// The lines, without their ends, up to the end of the input. The thread ends then, or with the process.
pub(super) fn lines() -> mpsc::Receiver<std::io::Result<String>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
