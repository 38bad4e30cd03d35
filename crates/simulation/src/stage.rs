//! What all hosts of a run share. They are in one thread, so nothing is locked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::{ClientMessageId, ConversationId, UserId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::book::{Book, SharedBook};
use crate::client::Memory;
use crate::disk::Disk;
use crate::node::Sockets;
use crate::plan::Plan;
use crate::presence::Told;
use crate::sabotage::Sabotage;
use crate::sink::Sink;
use crate::time::SimTime;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everybody connects; nothing goes wrong yet.
    Calm,
    /// Faults are brought about.
    Active,
    /// All is healed: everybody ends its sends and gets what is its due.
    Settle,
    /// What has been sent stands still: everybody syncs everything.
    Sync,
    /// One user goes away.
    Absent,
    /// And comes back.
    Back,
    /// It is over.
    End,
}

/// A conversation that everybody knows of.
#[derive(Debug)]
pub struct Topic {
    /// Its id, which is known before it is made.
    pub id: ConversationId,
    /// What it is.
    pub kind: TopicKind,
}

/// Direct or group.
#[derive(Debug)]
pub enum TopicKind {
    /// Of these two.
    Direct([usize; 2]),
    /// Of changing members.
    Group(Group),
}

/// A group.
#[derive(Debug)]
pub struct Group {
    /// Who makes it, and alone changes it.
    pub creator: usize,
    /// The id under which it is made.
    pub client_id: ClientMessageId,
    /// Whether later members may read what was before them.
    pub full_history: bool,
    /// Whether it was acknowledged that it is made.
    pub made: bool,
    /// Whether somebody has tried to make it before.
    pub tried: bool,
    /// Who is in it, as far as the creator knows: a hint of what is worth trying.
    pub members: Vec<usize>,
    /// Whether its members stay as they are.
    pub fixed: bool,
}

impl Topic {
    /// Whether a user is in it, as far as is known.
    pub fn has(&self, user: usize) -> bool {
        match &self.kind {
            TopicKind::Direct(users) => users.contains(&user),
            TopicKind::Group(group) => group.members.contains(&user),
        }
    }

    /// Whether its members never change.
    pub fn members_stay(&self) -> bool {
        match &self.kind {
            TopicKind::Direct(_) => true,
            TopicKind::Group(group) => group.fixed,
        }
    }

    /// Whether a user can do something in it: a group that is not made yet is its creator's to make.
    pub fn is_open_to(&self, user: usize) -> bool {
        match &self.kind {
            TopicKind::Direct(users) => users.contains(&user),
            TopicKind::Group(group) if group.made => group.members.contains(&user),
            TopicKind::Group(group) => group.creator == user,
        }
    }
}

/// Everything.
pub struct Stage {
    /// What the seed decided.
    pub plan: Plan,
    /// Time.
    pub time: Arc<SimTime>,
    /// What is written down.
    pub book: SharedBook,
    /// The node's disk.
    pub disk: RefCell<Disk>,
    /// The consumer of the event log.
    pub sink: Sink,
    /// The node's sockets.
    pub sockets: Arc<Sockets>,
    /// Asks the node to end in order.
    pub end_node: Notify,
    /// What a test breaks.
    pub sabotage: Arc<dyn Sabotage>,
    /// The users' names.
    pub users: Vec<UserId>,
    /// What each device keeps over its crashes.
    pub devices: Vec<Vec<Rc<RefCell<Memory>>>>,
    /// The conversations.
    pub topics: RefCell<Vec<Topic>>,
    /// Where the run is.
    pub phase: Cell<Phase>,
    /// Until when each user's devices read nothing.
    pub slow_until: Vec<Cell<Duration>>,
    /// What was told of presence.
    pub told: RefCell<Vec<Told>>,
}

impl Stage {
    /// The stage of a plan.
    pub fn new(plan: Plan, sabotage: Arc<dyn Sabotage>, print: bool) -> Rc<Self> {
        let time = Arc::new(SimTime::default());
        let mut rng = StdRng::seed_from_u64(plan.seed ^ 0x57a9e);
        let users: Vec<UserId> = (0..plan.users())
            .map(|user| UserId::new(&format!("user-{user}")).expect("a short name is a user id"))
            .collect();
        let devices = plan
            .devices
            .iter()
            .map(|count| (0..*count).map(|_| Rc::new(RefCell::new(Memory::default()))).collect())
            .collect();
        let topics = topics(&plan, &users, &mut rng);
        let mut book = Book::new(Arc::clone(&time), users.len(), print);
        for topic in &topics {
            if let TopicKind::Direct(pair) = topic.kind {
                let conversation = book.history.conversation(topic.id.0.as_u128());
                let pair = pair.map(|user| book.history.user(users[user].as_str()));
                book.history.direct(conversation, pair);
            }
        }
        let disk = Disk::new(plan.seed, plan.sync_max, Arc::clone(&time), Arc::clone(&sabotage));
        Rc::new(Self {
            slow_until: users.iter().map(|_| Cell::default()).collect(),
            plan,
            time,
            book: Rc::new(RefCell::new(book)),
            disk: RefCell::new(disk),
            sink: Sink::default(),
            sockets: Arc::default(),
            end_node: Notify::new(),
            sabotage,
            users,
            devices,
            topics: RefCell::new(topics),
            phase: Cell::new(Phase::Calm),
            told: RefCell::default(),
        })
    }

    /// All devices, with the number of their user.
    pub fn all_devices(&self) -> impl Iterator<Item = (usize, &Rc<RefCell<Memory>>)> {
        let of_user = |(user, devices)| std::iter::repeat(user).zip(devices);
        self.devices.iter().enumerate().flat_map(of_user)
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> u64 {
        self.all_devices().filter(|(_, memory)| memory.borrow().session.is_some()).count() as u64
    }

    /// A user's host has crashed: its sessions are over. What its devices kept is there, unless they forget it. Says how
    /// many sessions there were.
    pub fn forget_sessions(&self, user: usize, everything: bool) -> u64 {
        let mut open = 0;
        for memory in &self.devices[user] {
            let mut memory = memory.borrow_mut();
            if let Some(session) = memory.session.take() {
                let mut book = self.book.borrow_mut();
                let at = book.stamp();
                book.history.close(session, at, false);
                open += 1;
            }
            if everything {
                memory.known.clear();
                memory.open.clear();
            }
        }
        open
    }

    /// Whether every device that takes part has come to the end of a phase.
    pub fn all_ready(&self, phase: Phase) -> bool {
        self.all_devices().all(|(_, memory)| memory.borrow().ready >= Some(phase))
    }
}

/// A group with everybody that never changes, some that do, and direct conversations of neighbours.
fn topics(plan: &Plan, users: &[UserId], rng: &mut StdRng) -> Vec<Topic> {
    let mut topics = Vec::new();
    for number in 0..=plan.groups {
        let fixed = number == 0;
        let creator = if fixed { 0 } else { rng.random_range(0..users.len()) };
        let client_id = ClientMessageId(Uuid::from_u128(rng.random()));
        let members = (0..users.len()).filter(|user| *user == creator || fixed || rng.random()).collect();
        let id = ConversationId::group(&users[creator], &client_id);
        let full_history = rng.random();
        let group = Group { creator, client_id, full_history, made: false, tried: false, members, fixed };
        topics.push(Topic { id, kind: TopicKind::Group(group) });
    }
    for user in 0..users.len() {
        let pair = [user, (user + 1) % users.len()];
        let id = ConversationId::direct(&users[pair[0]], &users[pair[1]]);
        topics.push(Topic { id, kind: TopicKind::Direct(pair) });
    }
    topics
}
