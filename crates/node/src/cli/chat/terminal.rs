//! The terminal, or what stands in for it.
//!
//! On a terminal, rustyline edits the line on a thread of its own, and what is said meanwhile goes through its printer,
//! above the line. That printer may wait for the next prompt; so a second thread waits for it, and the chat never does
//! unless a thousand things are to be said. Otherwise lines are read and printed plainly.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor, ExternalPrinter};
use tokio::sync::mpsc;

use crate::cli::stdin;

/// Texts that wait to be printed.
const WAITING: usize = 1024;
/// Lines that are kept in the history file.
const HISTORY: usize = 1000;

type LineEditor = Editor<(), FileHistory>;

/// Where a person types and reads.
pub(super) enum Terminal {
    /// A terminal with line editing.
    Editor {
        lines: mpsc::Receiver<String>,
        prompts: Option<std_mpsc::SyncSender<String>>,
        printer: Option<mpsc::Sender<String>>,
        threads: Vec<JoinHandle<()>>,
    },
    /// Lines from a pipe or a file.
    Plain { lines: mpsc::Receiver<std::io::Result<String>> },
}

impl Terminal {
    /// The terminal, if standard input and output are one.
    pub(super) fn open() -> anyhow::Result<Self> {
        if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
            return Ok(Self::Plain { lines: stdin::lines() });
        }
        let config = Config::builder().max_history_size(HISTORY)?.history_ignore_space(true).build();
        let mut editor: LineEditor = Editor::with_config(config)?;
        let Ok(printer) = editor.create_external_printer() else {
            return Ok(Self::Plain { lines: stdin::lines() });
        };
        let history = history_file();
        if let Some(path) = &history {
            // The first time there is none.
            let _ = editor.load_history(path);
        }
        let (lines_in, lines) = mpsc::channel(1);
        let (prompts, prompts_out) = std_mpsc::sync_channel(1);
        let (say, said) = mpsc::channel(WAITING);
        let threads = vec![
            std::thread::spawn(move || edit(editor, history.as_deref(), &prompts_out, &lines_in)),
            std::thread::spawn(move || print(printer, said)),
        ];
        Ok(Self::Editor { lines, prompts: Some(prompts), printer: Some(say), threads })
    }

    /// Whether what the person types stays to be seen.
    pub(super) fn shows_typed_lines(&self) -> bool {
        matches!(self, Self::Editor { .. })
    }

    /// Asks for a line.
    pub(super) fn prompt(&self, prompt: String) {
        if let Self::Editor { prompts: Some(prompts), .. } = self {
            // A thread that is gone gives no line any more, which is how the chat learns of it.
            let _ = prompts.send(prompt);
        }
    }

    /// The next line; none at the end. May be dropped and called again at any time.
    pub(super) async fn line(&mut self) -> Option<String> {
        match self {
            Self::Editor { lines, .. } => lines.recv().await,
            Self::Plain { lines } => lines.recv().await?.ok(),
        }
    }

    /// Says something, above the line that is being edited. Nothing is said for an empty text.
    pub(super) async fn say(&self, text: String) {
        match self {
            _ if text.is_empty() => {}
            Self::Editor { printer: Some(printer), .. } => {
                let _ = printer.send(text + "\n").await;
            }
            Self::Editor { printer: None, .. } => {}
            Self::Plain { .. } => {
                let mut out = std::io::stdout().lock();
                // A reader that has gone does not keep what is typed from being sent.
                let _ = writeln!(out, "{text}").and_then(|()| out.flush());
            }
        }
    }

    /// Says the last thing, and waits for the person to leave the line that is being edited, which cannot be taken away.
    pub(super) async fn give_back(&mut self, text: &str) {
        if let Self::Editor { .. } = self {
            self.say(format!("{text}\n  Enter leaves.")).await;
            self.line().await;
        }
    }

    /// Gives the terminal back. What was said before is printed.
    pub(super) fn close(&mut self) {
        if let Self::Editor { prompts, printer, threads, lines } = self {
            lines.close();
            (*prompts, *printer) = (None, None);
            for thread in threads.drain(..) {
                // The editor may be waiting for a key; it leaves with the next line. It has the terminal until then.
                let _ = thread.join();
            }
        }
    }
}

/// Edits a line for each prompt, until there is no more of either.
fn edit(
    mut editor: LineEditor,
    history: Option<&Path>,
    prompts: &std_mpsc::Receiver<String>,
    lines: &mpsc::Sender<String>,
) {
    while let Ok(prompt) = prompts.recv() {
        let line = match editor.readline(&prompt) {
            Ok(line) => line,
            Err(ReadlineError::Signal(_)) => String::new(),
            Err(_) => return,
        };
        // A history that cannot be kept keeps nobody from chatting.
        if editor.add_history_entry(&line).unwrap_or(false)
            && let Some(path) = history
        {
            let _ = editor.append_history(path);
        }
        if lines.blocking_send(line).is_err() {
            return;
        }
    }
}

fn print(mut printer: impl ExternalPrinter, mut said: mpsc::Receiver<String>) {
    while let Some(text) = said.blocking_recv() {
        if printer.print(text).is_err() {
            return;
        }
    }
}

/// The history file in the user's folder for such things, which is made where it is missing. rustyline makes the file
/// 0600.
fn history_file() -> Option<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;

    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")))?;
    let folder = state.join("causerie");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
    Some(folder.join("chat-history"))
}
