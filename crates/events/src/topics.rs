//! The topics: created where they are missing, and checked that they can be relied on.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::types::RDKafkaErrorCode;

use crate::client_log::ClientLog;
use crate::config::KafkaConfig;

/// The names of the topics under a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicNames {
    /// Every entry of every log: messages and membership changes, so that positions have no gap.
    pub messages: String,
    /// How far users have received and read.
    pub receipts: String,
    /// Membership changes once more, alone.
    pub membership: String,
    /// Who was not connected when something came.
    pub undelivered: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// The largest record that all topics take, in bytes.
    pub record_bytes: usize,
    /// Topics that did not exist before.
    pub created: Vec<String>,
    /// What is not as it would be created, and works: sentences for an operator.
    pub notes: Vec<String>,
}

/// Why events cannot be emitted. Topics that were created stay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// No broker answers; later one may.
    #[error("Kafka does not answer: {0}")]
    Unreachable(String),
    /// A topic is missing and could not be created.
    #[error("the topic {topic} is missing and cannot be created: {why}")]
    Missing {
        /// Which.
        topic: String,
        /// What Kafka says.
        why: String,
    },
    /// A topic exists that would lose or refuse events.
    #[error("the topic {topic} has {found}, and {wanted} is needed")]
    Unsuitable {
        /// Which.
        topic: String,
        /// What it has.
        found: String,
        /// What it is to have.
        wanted: String,
    },
}

/// How long Kafka may take to answer one question.
const PATIENCE: Duration = Duration::from_secs(5);

/// The least that a topic must take as a record: then an entry without its body always fits.
const LEAST_RECORD: usize = 8 * 1024;

impl TopicNames {
    pub(crate) fn new(prefix: &str) -> Self {
        let name = |last| format!("{prefix}.{last}");
        Self {
            messages: name("messages"),
            receipts: name("receipts"),
            membership: name("membership"),
            undelivered: name("undelivered"),
        }
    }

    /// All of them.
    pub fn all(&self) -> [&str; 4] {
        [&self.messages, &self.receipts, &self.membership, &self.undelivered]
    }
}

/// Creates what is missing, and checks all of it.
///
/// # Errors
/// [`TopicError`] says which topic, what it has and what it needs.
pub async fn prepare(config: &KafkaConfig) -> Result<Topics, TopicError> {
    by_admin(config, true).await
}

/// Checks them, and creates nothing.
///
/// # Errors
/// [`TopicError`] says which topic, what it has and what it needs; also when one is not there yet.
pub async fn check(config: &KafkaConfig) -> Result<Topics, TopicError> {
    by_admin(config, false).await
}

async fn by_admin(config: &KafkaConfig, creates: bool) -> Result<Topics, TopicError> {
    let admin: AdminClient<ClientLog> =
        config.client().create_with_context(ClientLog).map_err(unreachable)?;
    let admin = Arc::new(admin);
    let topics = prepare_by(&admin, config, creates).await;
    // Dropping a client waits for its threads.
    drop(tokio::task::spawn_blocking(move || drop(admin)).await);
    topics
}

async fn prepare_by(
    admin: &Arc<AdminClient<ClientLog>>,
    config: &KafkaConfig,
    creates: bool,
) -> Result<Topics, TopicError> {
    let names = config.topics();
    let made = if creates {
        create(admin, config, &names).await?
    } else {
        vec![Err(RDKafkaErrorCode::UnknownTopicOrPartition); names.all().len()]
    };
    let mut topics = Topics { record_bytes: usize::MAX, created: Vec::new(), notes: Vec::new() };
    let found = look(admin, &names, &made).await?;
    for ((topic, made), (partitions, replicas)) in names.all().into_iter().zip(made).zip(found) {
        if replicas < usize::from(config.replication) {
            return Err(unsuitable(
                topic,
                &format!("{replicas} replicas"),
                &format!("{} (setting replication)", config.replication),
            ));
        }
        if partitions != usize::from(config.partitions) {
            topics.notes.push(format!("{topic} has {partitions} partitions, not {}", config.partitions));
        }
        if made.is_ok() {
            topics.created.push(topic.to_owned());
        }
    }
    let specifiers = names.all().map(ResourceSpecifier::Topic);
    let described = admin.describe_configs(&specifiers, &options()).await.map_err(unreachable)?;
    for (topic, described) in names.all().into_iter().zip(described) {
        let described = described.map_err(|error| TopicError::Unreachable(error.to_string()))?;
        topics.record_bytes = topics.record_bytes.min(suits(topic, &described, config)?);
        let dated = described.get("message.timestamp.type").and_then(|entry| entry.value.as_deref());
        if dated != Some("LogAppendTime") {
            topics.notes.push(format!(
                "{topic} has not message.timestamp.type = LogAppendTime: it refuses events while this server's clock is \
                 an hour ahead of the broker's"
            ));
        }
    }
    Ok(topics)
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

/// Tries to create each: `Err` says why not, which may be that it exists.
async fn create(
    admin: &AdminClient<ClientLog>,
    config: &KafkaConfig,
    names: &TopicNames,
) -> Result<Vec<Result<(), RDKafkaErrorCode>>, TopicError> {
    let min_insync = config.min_insync.to_string();
    let new = names.all().map(|name| {
        let replication = TopicReplication::Fixed(i32::from(config.replication));
        NewTopic::new(name, i32::from(config.partitions), replication)
            .set("min.insync.replicas", &min_insync)
            .set("cleanup.policy", "delete")
            // The broker's time: one that is far from ours would refuse what we date.
            .set("message.timestamp.type", "LogAppendTime")
    });
    let made = admin.create_topics(&new, &options()).await.map_err(unreachable)?;
    Ok(made.into_iter().map(|one| one.map(drop).map_err(|(_, code)| code)).collect())
}

/// Partitions and replicas of each topic. One that was just made may take a moment to be known.
async fn look(
    admin: &Arc<AdminClient<ClientLog>>,
    names: &TopicNames,
    made: &[Result<(), RDKafkaErrorCode>],
) -> Result<Vec<(usize, usize)>, TopicError> {
    for last in [false, false, false, false, true] {
        let client = Arc::clone(admin);
        // It blocks until the broker has answered.
        let asked = tokio::task::spawn_blocking(move || client.inner().fetch_metadata(None, PATIENCE)).await;
        let metadata = asked.map_err(unreachable)?.map_err(unreachable)?;
        let mut found = Vec::new();
        for (topic, made) in names.all().into_iter().zip(made) {
            let known = metadata
                .topics()
                .iter()
                .find(|known| known.name() == topic && !known.partitions().is_empty());
            match (known, made) {
                (Some(known), _) => {
                    let replicas = known.partitions().iter().map(|partition| partition.replicas().len());
                    found.push((known.partitions().len(), replicas.min().unwrap_or(0)));
                }
                (None, Err(code)) if *code != RDKafkaErrorCode::TopicAlreadyExists => {
                    let brokers = metadata.brokers().len();
                    let why = format!("{code} ({brokers} brokers are known)");
                    return Err(TopicError::Missing { topic: topic.to_owned(), why });
                }
                (None, _) if last => {
                    return Err(TopicError::Unreachable(format!("{topic} was created and is not there yet")));
                }
                (None, _) => {}
            }
        }
        if found.len() == names.all().len() {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(TopicError::Unreachable("the topics are not there yet".to_owned()))
}

/// Checks the settings of a topic; answers the largest record that it takes.
fn suits(topic: &str, described: &ConfigResource, config: &KafkaConfig) -> Result<usize, TopicError> {
    let value = |name| described.get(name).and_then(|entry| entry.value.as_deref()).unwrap_or_default();
    let fails =
        |name: &str, found: &str, wanted: &str| Err(unsuitable(topic, &format!("{name} = {found}"), wanted));
    let min_insync = value("min.insync.replicas");
    if min_insync.parse().unwrap_or(0) < config.min_insync {
        return fails(
            "min.insync.replicas",
            min_insync,
            &format!("{} (setting min_insync)", config.min_insync),
        );
    }
    // Compaction keeps one record a key, and the key is the conversation.
    let policy = value("cleanup.policy");
    if policy.contains("compact") {
        return fails("cleanup.policy", policy, "delete");
    }
    if value("unclean.leader.election.enable") == "true" {
        return fails("unclean.leader.election.enable", "true", "false");
    }
    let largest = value("max.message.bytes");
    match largest.parse() {
        Ok(bytes) if bytes >= LEAST_RECORD => Ok(bytes),
        _ => fails("max.message.bytes", largest, &format!("at least {LEAST_RECORD}")),
    }
}

fn unsuitable(topic: &str, found: &str, wanted: &str) -> TopicError {
    TopicError::Unsuitable { topic: topic.to_owned(), found: found.to_owned(), wanted: wanted.to_owned() }
}

fn unreachable(error: impl std::fmt::Display) -> TopicError {
    TopicError::Unreachable(error.to_string())
}
