//! A pretended identity provider: one address that answers with what the test says, and counts.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The provider; it ends with the test.
pub(super) struct Provider {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    answer: Vec<u8>,
    requests: usize,
    ended: bool,
}

impl Provider {
    /// Starts one that answers with this key set.
    pub(super) fn start(set: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State { answer: ok(set), requests: 0, ended: false }));
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || serve(&listener, &shared));
        Self { url, state, thread: Some(thread) }
    }

    /// Answers with this set from now on.
    pub(super) fn publish(&self, set: &str) {
        self.state.lock().unwrap().answer = ok(set);
    }

    /// Answers with these bytes from now on.
    pub(super) fn answer(&self, raw: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().answer = raw.into();
    }

    /// How many requests have come.
    pub(super) fn requests(&self) -> usize {
        self.state.lock().unwrap().requests
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.state.lock().unwrap().ended = true;
        let address = self.url.trim_start_matches("http://").trim_end_matches("/keys");
        drop(std::net::TcpStream::connect(address));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn ok(set: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{set}", set.len()).into_bytes()
}

fn serve(listener: &TcpListener, state: &Mutex<State>) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        if state.lock().unwrap().ended {
            return;
        }
        let head = BufReader::new(stream.try_clone().unwrap()).lines();
        for line in head.map_while(Result::ok) {
            if line.is_empty() {
                break;
            }
        }
        let answer = {
            let mut state = state.lock().unwrap();
            state.requests += 1;
            state.answer.clone()
        };
        // A client that has seen enough may have gone.
        let _ = stream.write_all(&answer);
    }
}
