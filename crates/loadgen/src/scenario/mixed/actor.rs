//! One device of one user.

use std::rc::Rc;
use std::time::Duration;

use causerie_checker::history::Nanos;
use rand::Rng as _;
use rand::rngs::StdRng;

use super::Stage;
use crate::clock;
use crate::run::Thread;
use crate::scenario::{LATE, until};
use crate::session::{Refused, Session, Unanswered};

/// How long a device tries to come back.
const COMING_BACK: Duration = Duration::from_secs(60);
/// Between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
/// The most messages sent at once.
const BURST: usize = 8;

/// A device, its connection, and what it makes of chance.
pub(super) struct Actor {
    thread: Thread,
    stage: Rc<Stage>,
    user: usize,
    device: usize,
    session: Option<Session>,
    rng: StdRng,
    /// How far each topic is known, for the next connection.
    known: Vec<u64>,
    /// What was sent without an answer.
    open: Vec<Unanswered>,
    /// What an earlier connection was told to be stored: perhaps by a server that has been killed since.
    acknowledged: Option<Unanswered>,
}

/// Whether the connection is still there.
type Lives = anyhow::Result<()>;

impl Actor {
    pub(super) fn new(
        thread: &Thread,
        stage: Rc<Stage>,
        (user, device): (usize, usize),
        session: Option<Session>,
        rng: StdRng,
    ) -> Self {
        let known = vec![0; stage.topics.borrow().len()];
        Self {
            thread: thread.clone(),
            stage,
            user,
            device,
            session,
            rng,
            known,
            open: Vec::new(),
            acknowledged: None,
        }
    }

    /// Acts until the time measured is over, then waits for what is unanswered. Gives the connection that it has then: a
    /// new one, if the server has gone away and come back at the very end.
    pub(super) async fn act(mut self, pause_ms: f64) -> Option<Session> {
        while !self.thread.is_over() {
            let pause = Duration::from_secs_f64(pause_ms / 1e3 * -f64::ln(self.rng.random_range(0.001..1.0)));
            let lives = match self.hear_for(pause).await {
                Ok(()) => self.do_something().await,
                broken => broken,
            };
            if lives.is_err_and(|error| !error.is::<Refused>()) {
                self.come_back().await?;
            }
        }
        let late = clock::now() + u64::try_from(LATE.as_nanos()).unwrap_or(Nanos::MAX);
        while self.session.as_ref().is_some_and(|session| session.in_flight() > 0) && clock::now() < late {
            if self.hear_for(until(late).min(BETWEEN_TRIES)).await.is_err() {
                self.come_back().await?;
            }
        }
        while clock::now() < late && self.session.as_mut()?.ping().await.is_err() {
            self.come_back().await?;
        }
        self.session
    }

    async fn hear_for(&mut self, time: Duration) -> Lives {
        let session = self.session()?;
        let over = tokio::time::sleep(time);
        tokio::pin!(over);
        loop {
            tokio::select! {
                heard = session.hear() => heard?,
                () = &mut over => return Ok(()),
            }
        }
    }

    async fn do_something(&mut self) -> Lives {
        let Some(topic) = self.choose_topic() else { return Ok(()) };
        match self.rng.random_range(0..100) {
            0..55 => self.write(topic),
            55..60 => self.write_again(),
            60..70 => self.read(topic),
            70..78 => {
                let position = self.some_position(topic)?;
                Ok(self.session()?.sync_from(topic, position)?)
            }
            78..84 => {
                let position = self.some_position(topic)? + 1;
                self.session()?.history_page(topic, position).await.map(drop)
            }
            84..90 => self.session()?.look_at_members(topic).await,
            90..96 => self.change_members(topic).await,
            _ => self.reconnect().await,
        }
    }

    fn session(&mut self) -> anyhow::Result<&mut Session> {
        self.session.as_mut().ok_or_else(|| anyhow::anyhow!("no connection"))
    }

    /// A topic, the first ones much more often; mostly one that this user is in.
    fn choose_topic(&mut self) -> Option<usize> {
        let count = self.known.len();
        let topics = self.stage.topics.borrow();
        let mine = |topic: &usize| topics[*topic].members.contains(&self.user);
        let all: Vec<usize> = (0..count).filter(mine).collect();
        if all.is_empty() || self.rng.random_ratio(1, 50) {
            return Some(self.rng.random_range(0..count));
        }
        let place: f64 = self.rng.random_range(0.0..1.0);
        all.get(scale(place * place, all.len())).copied()
    }

    fn some_position(&mut self, topic: usize) -> anyhow::Result<u64> {
        let known = self.session()?.rooms()[topic].known;
        Ok(self.rng.random_range(known.saturating_sub(300)..=known))
    }

    /// As far as this device has heard; now and then it says again how far it was long ago, as one that was away.
    fn read(&mut self, topic: usize) -> Lives {
        let again = self.rng.random_ratio(1, 4);
        let seq = if again { self.some_position(topic)? } else { self.session()?.rooms()[topic].known };
        Ok(self.session()?.read(topic, seq)?)
    }

    /// Several messages at once, as far as the server lets them be unanswered.
    fn write(&mut self, topic: usize) -> Lives {
        let count = self.rng.random_range(1..=BURST);
        let bytes = self.rng.random_range(32..400);
        let session = self.session()?;
        for _ in 0..count {
            if session.in_flight() < 2 * BURST {
                session.send(topic, bytes, None);
            }
        }
        Ok(session.flush()?)
    }

    /// What was acknowledged, or what was not answered: the answer must be the same, or the first.
    fn write_again(&mut self) -> Lives {
        let mut again = self.session()?.take_unanswered();
        self.open.append(&mut again);
        // Some are never sent again: then nobody ever says what became of them.
        let message = match self.open.pop() {
            Some(message) if self.rng.random_ratio(3, 4) => Some(message),
            _ => self.session()?.answered_lately(),
        };
        message.map_or(Ok(()), |message| self.resend(&message))
    }

    fn resend(&mut self, message: &Unanswered) -> Lives {
        let stage = self.stage.clone();
        let topic = stage.topics.borrow().iter().position(|topic| topic.id == message.conversation);
        let session = self.session()?;
        if let Some(topic) = topic {
            session.resend(topic, message);
        }
        Ok(session.flush()?)
    }

    /// The owner lets somebody in or out.
    async fn change_members(&mut self, topic: usize) -> Lives {
        let whom = self.rng.random_range(0..self.stage.users.len());
        let there = {
            let topics = self.stage.topics.borrow();
            if topics[topic].owner != Some(self.user) || whom == self.user {
                return Ok(());
            }
            topics[topic].members.contains(&whom)
        };
        let kind = if there { "members.remove" } else { "members.add" };
        let users = [self.stage.users[whom].user.clone()];
        self.session()?.change_members(topic, kind, &users).await?;
        let members = &mut self.stage.topics.borrow_mut()[topic].members;
        members.retain(|member| *member != whom);
        if !there {
            members.push(whom);
        }
        Ok(())
    }

    /// Drops the connection, with or without a word.
    async fn reconnect(&mut self) -> Lives {
        if let Some(mut session) = self.session.take() {
            self.remember(&session);
            self.open.append(&mut session.take_unanswered());
            if self.rng.random() {
                session.close(false);
            } else {
                self.open.append(&mut session.dropped());
            }
        }
        self.come_back().await.ok_or_else(|| anyhow::anyhow!("the server does not come back"))
    }

    fn remember(&mut self, session: &Session) {
        self.acknowledged = session.answered_lately().or(self.acknowledged);
        self.known = session.rooms().iter().map(|room| room.known).collect();
    }

    /// Connects again and syncs what was missed. None: the server does not come back.
    async fn come_back(&mut self) -> Option<()> {
        if let Some(session) = self.session.take() {
            self.remember(&session);
            self.open.append(&mut session.dropped());
        }
        let give_up = tokio::time::Instant::now() + COMING_BACK;
        loop {
            let account = &self.stage.users[self.user];
            let book = self.thread.book.clone();
            let session = Session::open(&self.thread.target, self.device, account, book, true).await;
            match session {
                Ok(mut session) => {
                    for (topic, known) in self.stage.topics.borrow().iter().zip(&self.known) {
                        session.join(topic.id, *known);
                    }
                    for (room, known) in self.known.iter().enumerate() {
                        // A line that breaks again is noticed when it is next used.
                        let _ = session.sync_from(room, *known);
                    }
                    self.session = Some(session);
                    // As if the answer had not come.
                    if let Some(message) = self.acknowledged.filter(|_| self.rng.random()) {
                        let _ = self.resend(&message);
                    }
                    return Some(());
                }
                Err(_) if tokio::time::Instant::now() < give_up => tokio::time::sleep(BETWEEN_TRIES).await,
                Err(_) => {
                    self.thread.book.borrow_mut().stats.gone += 1;
                    return None;
                }
            }
        }
    }
}

/// A place from 0 to 1 as one of so many.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small and positive"
)]
fn scale(place: f64, count: usize) -> usize {
    (place * count as f64) as usize
}
