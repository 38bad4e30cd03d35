//! One append and one `fdatasync` for all messages that wait together.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use causerie_protocol::SystemClock;

use super::hub::{Post, deliver};

/// Wake-ups of connections that may wait.
const QUEUE: usize = 16 * 1024;
/// The most messages of one append.
const BATCH: usize = 1_024;

/// The way to the thread that appends.
#[derive(Clone, Debug)]
pub(super) struct Committer(SyncSender<Vec<Post>>);

impl Committer {
    /// Starts the thread. It ends with the last sender, or with a failed sync: a floor does not recover.
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let (sender, receiver) = sync_channel(QUEUE);
        std::thread::spawn(move || {
            if let Err(error) = commit(file, &receiver) {
                eprintln!("causerie-loadgen: the append failed: {error}");
                std::process::exit(3);
            }
        });
        Ok(Self(sender))
    }

    /// Hands over what a connection read at once.
    pub(super) fn push(&self, posts: Vec<Post>) {
        // Fails only when the thread is gone, and then the process ends.
        let _ = self.0.send(posts);
    }
}

fn commit(mut file: File, waiting: &Receiver<Vec<Post>>) -> io::Result<()> {
    let clock = SystemClock::default();
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    while let Ok(posts) = waiting.recv() {
        batch.extend(posts);
        while batch.len() < BATCH
            && let Ok(posts) = waiting.try_recv()
        {
            batch.extend(posts);
        }
        bytes.clear();
        for post in &batch {
            encode(&mut bytes, post);
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
        batch.drain(..).for_each(|post| deliver(&post, &clock));
    }
    Ok(())
}

fn encode(out: &mut Vec<u8>, post: &Post) {
    let length = u32::try_from(post.body.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(post.room.id.as_bytes());
    out.extend_from_slice(post.client_message_id.as_bytes());
    out.extend_from_slice(post.user.as_str().as_bytes());
    out.extend_from_slice(post.body.as_bytes());
}
