//! The end of a run, as a device sees it: get everything, sync everything, be there until all have.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use causerie_checker::history::Way;
use causerie_protocol::ConversationId;
use tokio::time::Instant;

use super::device::{Device, Lives};
use super::memory::Memory;
use super::session::Trouble;
use crate::stage::{Phase, Stage};

/// How long a device hears before it looks whether the run goes on.
const LOOK: Duration = Duration::from_millis(100);

impl Device {
    /// Goes through the last phases. What breaks is begun again.
    pub(super) async fn finish(mut self) {
        while self.stage.phase.get() < Phase::End {
            let phase = self.stage.phase.get();
            let lives = match phase {
                Phase::Absent if self.user == self.stage.plan.absent && self.stage.plan.orderly => {
                    self.stay_away().await;
                    continue;
                }
                _ if self.is_ready(phase) => self.hear(LOOK).await,
                Phase::Settle => self.settle().await,
                Phase::Sync => self.sync_everything().await,
                _ => {
                    self.be_ready(phase);
                    Ok(())
                }
            };
            match lives {
                Ok(()) => {}
                Err(Trouble::Refused(error)) => {
                    self.wait_for(&error.message);
                    // Pauses as any client does that is refused.
                    if let Err(Trouble::Lost(why)) = self.hear(LOOK).await {
                        self.again(phase, &why).await;
                    }
                }
                Err(Trouble::Lost(why)) => self.again(phase, &why).await,
            }
        }
        if let Some(session) = self.session.take() {
            session.end(true).await;
        }
    }

    /// The connection is lost: what it did in this phase counts no more.
    async fn again(&mut self, phase: Phase, why: &str) {
        self.wait_for(why);
        self.lose(why).await;
        self.come_back().await;
        if phase <= Phase::Sync {
            self.memory().borrow_mut().ready = None;
        }
    }

    async fn hear(&mut self, time: Duration) -> Lives {
        self.session()?.hear_for(time).await
    }

    fn memory(&self) -> Rc<RefCell<Memory>> {
        Rc::clone(&self.stage.devices[self.user][self.device])
    }

    fn is_ready(&self, phase: Phase) -> bool {
        self.memory().borrow().ready >= Some(phase)
    }

    fn be_ready(&self, phase: Phase) {
        self.memory().borrow_mut().ready = Some(phase);
    }

    fn wait_for(&self, what: &str) {
        what.clone_into(&mut self.memory().borrow_mut().waits_for);
    }

    /// Sends again what may still be sent again, waits for every answer, and for everything that is its due.
    async fn settle(&mut self) -> Lives {
        self.wait_for("answers to its sends");
        loop {
            let open = {
                let session = self.session()?;
                let memory = session.memory.borrow();
                memory.open.iter().any(|message| !session.is_in_flight(message))
            };
            if open {
                self.write_again().await?;
                self.hear(Duration::from_millis(20)).await?;
            } else if self.session()?.in_flight() > 0 {
                self.hear(LOOK).await?;
            } else {
                break;
            }
        }
        for conversation in conversations(&self.stage) {
            self.wait_for(&format!("what is its due of {conversation}"));
            let session = self.session()?;
            let Some(head) = session.head(conversation).await? else { continue };
            while session.memory.borrow().known(conversation) < head || !session.pages.is_empty() {
                session.hear(Instant::now() + LOOK).await?;
            }
        }
        // Whom it shares a conversation with is certain only now.
        let session = self.session()?;
        session.watch_others().await?;
        self.be_ready(Phase::Settle);
        Ok(())
    }

    /// Syncs every conversation from its beginning, for the judge.
    async fn sync_everything(&mut self) -> Lives {
        self.wait_for("the final sync");
        let all = conversations(&self.stage);
        let session = self.session()?;
        for conversation in all {
            session.ask_page(conversation, Way::After, 0, true).await?;
            while !(session.pages.is_empty() && session.due.is_empty()) {
                session.hear(Instant::now() + LOOK).await?;
            }
        }
        self.be_ready(Phase::Sync);
        Ok(())
    }

    /// Says goodbye, and comes back when it is time.
    async fn stay_away(&mut self) {
        if let Some(session) = self.session.take() {
            session.end(true).await;
        }
        while self.stage.phase.get() == Phase::Absent {
            tokio::time::sleep(LOOK).await;
        }
        self.come_back().await;
    }
}

fn conversations(stage: &Stage) -> Vec<ConversationId> {
    stage.topics.borrow().iter().map(|topic| topic.id).collect()
}
