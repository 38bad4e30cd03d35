//! One device of one user: does what people do, all over each other, and comes back when its connection is lost.

use std::rc::Rc;
use std::time::Duration;

use causerie_checker::history::Way;
use causerie_protocol::ConversationId;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use super::memory::Message;
use super::session::{Session, Trouble};
use crate::stage::{Phase, Stage, TopicKind};

/// The most messages sent at once.
const BURST: usize = 6;
/// Unanswered sends, at most.
const WINDOW: usize = 16;
/// How long a device that hears nothing on purpose waits before it looks up.
const NAP: Duration = Duration::from_millis(100);

/// The devices of one user, until the end of the run. Called again when its host has crashed.
///
/// # Errors
/// A device panicked.
pub async fn run_user(stage: Rc<Stage>, user: usize) -> turmoil::Result {
    let mut devices = JoinSet::new();
    for device in 0..stage.plan.devices[user] {
        let actor = Device::new(Rc::clone(&stage), user, device);
        devices.spawn_local(actor.live());
    }
    while let Some(ended) = devices.join_next().await {
        ended?;
    }
    Ok(())
}

/// A device.
pub(super) struct Device {
    pub(super) stage: Rc<Stage>,
    pub(super) user: usize,
    pub(super) device: usize,
    pub(super) session: Option<Session>,
    pub(super) rng: StdRng,
    /// Whether its message ids rise with time.
    rises: bool,
}

/// Whether the connection is still there.
pub(super) type Lives = Result<(), Trouble>;

impl Device {
    fn new(stage: Rc<Stage>, user: usize, device: usize) -> Self {
        // Another life after a crash does something else.
        let life = u64::try_from(stage.time.elapsed().as_millis()).unwrap_or_default();
        let seed = stage.plan.seed ^ (1 + user as u64 * 16 + device as u64) << 32 ^ life;
        let mut rng = StdRng::seed_from_u64(seed);
        let rises = rng.random_ratio(2, 3);
        Self { stage, user, device, session: None, rng, rises }
    }

    async fn live(mut self) {
        self.come_back().await;
        while self.stage.phase.get() < Phase::Settle {
            let mean = self.stage.plan.pause_ms / 1e3;
            let pause = Duration::from_secs_f64(mean * -f64::ln(self.rng.random_range(0.001..1.0)));
            let lives = match self.pause(pause).await {
                Ok(()) => self.do_something().await,
                broken => broken,
            };
            if let Err(Trouble::Lost(why)) = lives {
                self.lose(&why).await;
                self.come_back().await;
            }
        }
        self.finish().await;
    }

    /// Hears for a time; or does not, when it is made to read slowly.
    async fn pause(&mut self, time: Duration) -> Lives {
        while self.stage.slow_until[self.user].get() > self.stage.time.elapsed() {
            sleep(NAP).await;
        }
        self.session()?.hear_for(time).await
    }

    pub(super) fn session(&mut self) -> Result<&mut Session, Trouble> {
        self.session.as_mut().ok_or_else(|| Trouble::Lost("no connection".to_owned()))
    }

    /// The connection is lost.
    pub(super) async fn lose(&mut self, why: &str) {
        if let Some(session) = self.session.take() {
            self.stage.book.borrow_mut().trace(&session.name, "lost", why);
            session.end(false).await;
        }
    }

    /// Connects until it succeeds, and asks for what was missed. Nothing is sent again here.
    pub(super) async fn come_back(&mut self) {
        while self.session.is_none() {
            match Session::open(&self.stage, self.user, self.device).await {
                Ok(mut session) => {
                    // A line that breaks at once is noticed when it is next used.
                    if Self::begin(&mut session).await.is_ok() {
                        self.session = Some(session);
                        return;
                    }
                    session.end(false).await;
                }
                Err(_) => sleep(Duration::from_millis(self.rng.random_range(100..600))).await,
            }
        }
    }

    async fn begin(session: &mut Session) -> Lives {
        let topics: Vec<ConversationId> = session.stage.topics.borrow().iter().map(|it| it.id).collect();
        for conversation in topics {
            let known = session.memory.borrow().known(conversation);
            session.ask_page(conversation, Way::After, known, false).await?;
        }
        match session.watch_others().await {
            // There is nobody to watch as long as no conversation is shared.
            Ok(()) | Err(Trouble::Refused(_)) => Ok(()),
            Err(lost) => Err(lost),
        }
    }

    async fn do_something(&mut self) -> Lives {
        let topic = self.choose_topic();
        let (id, open) = {
            let topics = self.stage.topics.borrow();
            (topics[topic].id, topics[topic].is_open_to(self.user))
        };
        let unmade = match &self.stage.topics.borrow()[topic].kind {
            TopicKind::Group(group) => !group.made,
            TopicKind::Direct(_) => false,
        };
        if unmade {
            return if open { self.session()?.make_group(topic).await } else { Ok(()) };
        }
        match self.rng.random_range(0..100) {
            0..52 => self.write(topic).await,
            52..62 => self.write_again().await,
            62..70 => {
                let position = self.some_position(id)?;
                self.session()?.read(id, position).await
            }
            70..76 => {
                let position = self.some_position(id)?;
                self.session()?.ask_page(id, Way::After, position, false).await.map(drop)
            }
            76..81 => {
                let position = self.some_position(id)? + 1;
                self.session()?.ask_page(id, Way::Before, position, false).await.map(drop)
            }
            81..86 => self.session()?.look_at_members(id).await,
            86..93 => self.change_members(topic).await,
            93..96 => self.session()?.list().await,
            _ => self.reconnect().await,
        }
    }

    /// A topic, the first ones more often; mostly one that this user is in.
    fn choose_topic(&mut self) -> usize {
        let topics = self.stage.topics.borrow();
        let count = topics.len();
        let mine: Vec<usize> = (0..count).filter(|topic| topics[*topic].is_open_to(self.user)).collect();
        if mine.is_empty() || self.rng.random_ratio(1, 40) {
            return self.rng.random_range(0..count);
        }
        let (a, b) = (self.rng.random_range(0..mine.len()), self.rng.random_range(0..mine.len()));
        mine[a.min(b)]
    }

    fn some_position(&mut self, conversation: ConversationId) -> Result<u64, Trouble> {
        let known = self.session()?.memory.borrow().known(conversation);
        Ok(self.rng.random_range(known.saturating_sub(60)..=known))
    }

    /// Several messages at once, as far as may be unanswered.
    async fn write(&mut self, topic: usize) -> Lives {
        for _ in 0..self.rng.random_range(1..=BURST) {
            let message = self.make_message(topic)?;
            let session = self.session()?;
            if session.in_flight() < WINDOW {
                session.memory.borrow_mut().open.push(message.clone());
                session.send(message).await?;
            }
        }
        Ok(())
    }

    /// Some devices choose ids that rise with time, as they should, others any.
    fn make_key(&mut self) -> Uuid {
        if self.rises {
            let ms = u64::try_from(self.stage.time.elapsed().as_millis()).unwrap_or_default();
            return uuid::Builder::from_unix_timestamp_millis(ms, &self.rng.random()).into_uuid();
        }
        Uuid::from_u128(self.rng.random())
    }

    fn make_message(&mut self, topic: usize) -> Result<Message, Trouble> {
        let key = self.make_key();
        // A few are large, so that a slow socket soon holds as much as it may.
        let large = self.rng.random_ratio(1, 16);
        let filling = self.rng.random_range(if large { 2_000..10_000 } else { 0..300 });
        let body = json!({ "content_type": "text/plain", "text": format!("{key} {}", ".".repeat(filling)) });
        let topics = self.stage.topics.borrow();
        let conversation = topics[topic].id;
        let to = match topics[topic].kind {
            TopicKind::Direct([a, b]) => Some(if a == self.user { b } else { a }),
            TopicKind::Group(_) => None,
        };
        // Who is not one of the two can name the conversation only.
        let to = to.filter(|_| topics[topic].has(self.user)).map(|other| self.stage.users[other].clone());
        drop(topics);
        let after = self.session()?.memory.borrow().known(conversation);
        Ok(Message { conversation, to, key, body: body.to_string().into(), after, attempt: 0 })
    }

    /// What was not answered, or what was: the answer must be the same, or the first.
    pub(super) async fn write_again(&mut self) -> Lives {
        // Some are never sent again: then nobody ever says what became of them.
        let again = self.rng.random_ratio(3, 4);
        let session = self.session()?;
        let message = {
            let mut memory = session.memory.borrow_mut();
            let place = memory.open.iter().position(|message| !session.is_in_flight(message));
            match place {
                Some(place) if again => {
                    memory.open[place].attempt += 1;
                    Some(memory.open[place].clone())
                }
                Some(place) => {
                    memory.open.remove(place);
                    None
                }
                None => {
                    let answered = memory.answered.clone().filter(|message| !session.is_in_flight(message));
                    answered.map(|message| Message { attempt: message.attempt + 1, ..message })
                }
            }
        };
        match message {
            Some(message) => session.send(message).await,
            None => Ok(()),
        }
    }

    /// The creator lets somebody in or out.
    async fn change_members(&mut self, topic: usize) -> Lives {
        let whom = self.rng.random_range(0..self.stage.users.len());
        {
            let topics = self.stage.topics.borrow();
            let TopicKind::Group(group) = &topics[topic].kind else { return Ok(()) };
            if group.fixed || group.creator != self.user || whom == self.user {
                return Ok(());
            }
        }
        self.session()?.change_member(topic, whom).await
    }

    /// Drops the connection, with or without a word.
    async fn reconnect(&mut self) -> Lives {
        if self.rng.random() {
            return Err(Trouble::Lost("on purpose".to_owned()));
        }
        if let Some(session) = self.session.take() {
            // It had no unanswered sends, or does not wait for them; what else was its due it may not have.
            session.end(false).await;
        }
        self.come_back().await;
        Ok(())
    }
}
