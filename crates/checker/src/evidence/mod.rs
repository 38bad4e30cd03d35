//! A history put in order once, for all passes.

mod entries;
mod keys;
mod members;

use std::ops::Range;

use entries::Entries;
pub(crate) use entries::Entry;
pub(crate) use keys::Keys;
pub(crate) use members::{Membership, Timelines};

use crate::History;
use crate::history::{Nanos, Seen, Way};

/// The full sync of one session and conversation at the end of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinalSync {
    pub(crate) session: u32,
    pub(crate) conversation: u32,
    /// Before its first request left.
    pub(crate) begun: Nanos,
    /// Whether the last page said that there is no more.
    pub(crate) complete: bool,
    /// Its pages, among those sorted by session and conversation.
    first_page: u32,
}

/// Everything the passes look things up in.
pub(crate) struct Evidence<'a> {
    pub(crate) history: &'a History,
    pub(crate) keys: Keys,
    pub(crate) members: Timelines,
    pub(crate) finals: Vec<FinalSync>,
    entries: Entries,
    /// The rows of each page.
    page_rows: Vec<Span>,
    /// Rows of what was seen, by session and conversation, in the order of recording.
    by_session: Vec<u32>,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(history: &'a History) -> Self {
        let mut keys = Keys::of(history);
        let mut entries = Entries::of(history);
        keys.place(&mut entries);
        let mut by_session: Vec<u32> = (0..).zip(&history.seen).map(|(row, _)| row).collect();
        by_session.sort_by_key(|row| {
            let seen = &history.seen[*row as usize];
            (seen.session, seen.conversation)
        });
        let members = Timelines::of(history);
        Self {
            history,
            keys,
            members,
            finals: finals(history),
            entries,
            page_rows: page_rows(history),
            by_session,
        }
    }

    /// The entries of all conversations, by conversation and seq.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries.all
    }

    /// How many conversations have entries.
    pub(crate) fn conversations(&self) -> usize {
        self.entries.spans.len()
    }

    /// The entries of one conversation, by seq.
    pub(crate) fn entries_of(&self, conversation: u32) -> &[Entry] {
        self.entries.spans.get(&conversation).map_or(&[], |span| &self.entries.all[span.clone()])
    }

    /// The entry at a position, if anybody knows of one.
    pub(crate) fn entry(&self, conversation: u32, seq: u64) -> Option<&Entry> {
        let entries = self.entries_of(conversation);
        entries.binary_search_by_key(&seq, |entry| entry.seq).ok().map(|at| &entries[at])
    }

    /// What a session saw of a conversation, in its order, as numbers of rows.
    pub(crate) fn seen_by(&self, session: u32, conversation: u32) -> &[u32] {
        let place = |row: &u32| {
            let seen = &self.history.seen[*row as usize];
            (seen.session, seen.conversation)
        };
        let start = self.by_session.partition_point(|row| place(row) < (session, conversation));
        let end = self.by_session.partition_point(|row| place(row) <= (session, conversation));
        &self.by_session[start..end]
    }

    /// What was seen, in groups of one session and conversation.
    pub(crate) fn seen_in_groups(&self) -> impl Iterator<Item = &[u32]> {
        self.by_session.chunk_by(|a, b| {
            let (a, b) = (&self.history.seen[*a as usize], &self.history.seen[*b as usize]);
            (a.session, a.conversation) == (b.session, b.conversation)
        })
    }

    /// The row of this number.
    pub(crate) fn row(&self, number: u32) -> &Seen {
        &self.history.seen[number as usize]
    }

    /// The rows of a page, as they came: a recorder notes them together.
    pub(crate) fn rows_of_page(&self, page: u32) -> &[Seen] {
        &self.history.seen[self.page_rows[page as usize].clone()]
    }

    /// Whether a row belongs to the full sync at the end.
    pub(crate) fn is_final(&self, row: &Seen) -> bool {
        !row.is_live() && self.history.pages[row.page as usize].last
    }

    /// The user of a session.
    pub(crate) fn user(&self, session: u32) -> u32 {
        self.history.sessions[session as usize].user
    }

    /// The rows of one final sync, rising by seq as they came.
    pub(crate) fn rows_of_final<'b>(&'b self, sync: &FinalSync) -> impl Iterator<Item = &'b Seen> {
        let first = sync.first_page;
        let rows = self.seen_by(sync.session, sync.conversation).iter().map(|row| self.row(*row));
        rows.filter(move |row| !row.is_live() && row.page >= first && self.is_final(row))
    }

    /// A position for a person: the conversation's id and the seq.
    pub(crate) fn place(&self, conversation: u32, seq: u64) -> String {
        format!("{} at {seq}", self.history.uuid(conversation))
    }
}

fn page_rows(history: &History) -> Vec<Span> {
    let mut spans = vec![0..0; history.pages.len()];
    for (at, row) in history.seen.iter().enumerate().filter(|(_, row)| !row.is_live()) {
        let span: &mut Span = &mut spans[row.page as usize];
        *span = if span.start == span.end { at..at + 1 } else { span.start..at + 1 };
    }
    spans
}

/// Groups the final pages by session and conversation.
fn finals(history: &History) -> Vec<FinalSync> {
    let mut pages: Vec<u32> = (0..)
        .zip(&history.pages)
        .filter(|(_, page)| page.last && page.way == Way::After)
        .map(|(number, _)| number)
        .collect();
    pages.sort_by_key(|number| {
        let page = &history.pages[*number as usize];
        (page.session, page.conversation)
    });
    let same = |a: &u32, b: &u32| {
        let (a, b) = (&history.pages[*a as usize], &history.pages[*b as usize]);
        (a.session, a.conversation) == (b.session, b.conversation)
    };
    let sync = |pages: &[u32]| {
        let (first, last) = (*pages.first()?, *pages.last()?);
        let (first_page, last_page) = (&history.pages[first as usize], &history.pages[last as usize]);
        Some(FinalSync {
            session: first_page.session,
            conversation: first_page.conversation,
            begun: first_page.begun,
            complete: first_page.position == 0 && !last_page.more,
            first_page: first,
        })
    };
    pages.chunk_by(same).filter_map(sync).collect()
}

/// Where a conversation's entries are.
type Span = Range<usize>;
