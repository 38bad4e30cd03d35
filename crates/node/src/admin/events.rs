//! `GET /events?after=&follow=`: the event log, as CloudEvents.
//!
//! Without `follow` it ends at what was the end when it was asked for. With it, it goes on as events become durable, and
//! ends in order when the server stops. `after` is the `position` of the last event that was dealt with: nothing is missed
//! and nothing comes twice.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use causerie_store::Store;
use causerie_store::model::EventPosition;
use causerie_store::port::ReadError;
use serde::Deserialize;

use super::lines::{self, CutOff, Source};
use super::{Refusal, Shared, cloud_event};
use crate::shutdown::{Phase, Shutdown};

/// Events that are read at a time.
const PAGE: usize = 64;

/// From where, and how far.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    follow: bool,
}

/// The event log.
pub(super) async fn answer(
    State(shared): State<Shared>,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Wanted { after, follow }) = query?;
    let store = Arc::clone(shared.chat.store());
    let last = store.event_log().ok_or_else(no_log)?.last_event();
    if after > last.0 {
        let message = format!("The last event has position {}: {after} is of another log.", last.0);
        return Err(Refusal::Wrong(message));
    }
    let place = shared.streams.enter()?;
    let shutdown = shared.shutdown.clone();
    let mut log = Log { store, after: EventPosition(after), until: (!follow).then_some(last), shutdown };
    // What cannot be read is told as a refusal, while that is still possible.
    let begin = log.read().await?;
    Ok(lines::respond(log, begin, Some(place)))
}

fn no_log() -> Refusal {
    Refusal::NotFound(
        "This server emits its events to Kafka and keeps no log of them: read them there, `causerie events --from kafka` does."
            .to_owned(),
    )
}

/// The log as far as it was read.
struct Log {
    store: Arc<dyn Store>,
    after: EventPosition,
    /// Where it ends; `None`: it is followed.
    until: Option<EventPosition>,
    shutdown: Shutdown,
}

impl Log {
    /// What there is; `None` when there is nothing yet, or no more.
    async fn read(&mut self) -> Result<Option<Bytes>, ReadError> {
        let room = self.until.map_or(u64::MAX, |until| until.0.saturating_sub(self.after.0));
        let page = usize::try_from(room).unwrap_or(usize::MAX).min(PAGE);
        if page == 0 {
            return Ok(None);
        }
        let events = match self.store.event_log() {
            Some(log) => log.events(self.after, page).await?,
            None => return Ok(None),
        };
        let Some(last) = events.last() else { return Ok(None) };
        self.after = last.position;
        let (mut out, mut scratch) = (Vec::new(), Vec::new());
        for event in &events {
            cloud_event::write(&mut out, event, &mut scratch);
        }
        Ok(Some(out.into()))
    }
}

impl Source for Log {
    async fn next(&mut self) -> Result<Option<Bytes>, CutOff> {
        loop {
            let stopping = self.shutdown.phase() == Phase::Stopping;
            match self.until {
                Some(until) if self.after >= until => return Ok(None),
                Some(_) if stopping => return Err(CutOff::Stopping),
                _ => {}
            }
            if let Some(lines) = self.read().await? {
                return Ok(Some(lines));
            }
            // The last events are told before the end.
            if stopping {
                return Ok(None);
            }
            let Some(log) = self.store.event_log() else { return Ok(None) };
            let (more, mut shutdown) = (log.event_after(self.after), self.shutdown.clone());
            tokio::select! {
                () = more => {}
                () = shutdown.stopping() => {}
            }
        }
    }
}
