//! Pages: history, syncs, and the full sync at the end.

use std::io;

use anyhow::Context as _;
use causerie_checker::history::Way;

use super::Session;
use super::state::{PageRequest, State};
use crate::clock;

/// Items of a page of a sync.
const SYNC_ITEMS: usize = 200;
/// Items of a page of history, as much as a screen shows.
const HISTORY_ITEMS: usize = 50;

impl Session {
    /// Asks for the pages that are due.
    pub(super) fn follow_up(&mut self) -> io::Result<()> {
        while let Some((room, position, last)) = self.state.due.pop() {
            self.ask_page(room, Way::After, position, last);
        }
        self.link.flush()
    }

    /// Puts a request for a page on its way.
    fn ask_page(&mut self, room: usize, way: Way, position: u64, last: bool) -> u64 {
        let state = &mut self.state;
        state.next += 1;
        let (id, conversation) = (state.next, state.rooms[room].id);
        let (kind, from, items) = match way {
            Way::After => ("sync", "after", SYNC_ITEMS),
            Way::Before => ("history", "before", HISTORY_ITEMS),
        };
        self.link.push(|out| {
            let frame = format!(
                "{{\"type\":\"{kind}\",\"id\":{id},\"conversation\":\"{conversation}\",\"{from}\":{position},\"limit\":{items}}}"
            );
            out.extend_from_slice(frame.as_bytes());
        });
        state.pages.push(PageRequest { id, room, way, position, last, begun: clock::now() });
        id
    }

    /// Reads 50 messages before a position, and says how long it took in nanoseconds.
    pub(crate) async fn history_page(&mut self, room: usize, before: u64) -> anyhow::Result<u64> {
        let begun = clock::now();
        let id = self.ask_page(room, Way::Before, before, false);
        self.link.flush()?;
        self.until(|state| !state.pages.iter().any(|page| page.id == id)).await.context("history")?;
        Ok(clock::now() - begun)
    }

    /// Asks for everything after a position, without waiting for it.
    pub(crate) fn sync_from(&mut self, room: usize, position: u64) -> io::Result<()> {
        self.ask_page(room, Way::After, position, false);
        self.link.flush()
    }

    /// Syncs a conversation from the beginning, for the judge.
    pub(crate) async fn sync_fully(&mut self, room: usize) -> anyhow::Result<()> {
        self.ask_page(room, Way::After, 0, true);
        self.link.flush()?;
        self.until(|state| state.pages.is_empty() && state.due.is_empty()).await.context("the final sync")
    }

    /// Waits until everything has come that stands in the followed conversations now, or until patience ends: what
    /// has not come then is for the judge to find.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        let mut heads = Vec::with_capacity(self.state.rooms.len());
        for room in 0..self.state.rooms.len() {
            heads.push(self.head(room).await?.unwrap_or_default());
        }
        let patience = self.state.book.borrow().patience;
        let has_all = |state: &State| state.rooms.iter().zip(&heads).all(|(room, head)| room.known >= *head);
        let came = self.until_within(patience, |state| has_all(state) && state.pages.is_empty()).await;
        came.or_else(|error| if error.is::<tokio::time::error::Elapsed>() { Ok(()) } else { Err(error) })
    }
}
