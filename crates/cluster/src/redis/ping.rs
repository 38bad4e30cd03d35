//! A sign of life, for operators.

use std::time::Duration;

use super::client::Client;
use super::config::RedisConfig;
use super::error::CallError;

/// How long the key that was written stays, in seconds.
const SECONDS: i64 = 10;
/// Between two attempts while there is no connection.
const AGAIN: Duration = Duration::from_millis(50);

/// Asks Redis for a sign of life, by writing a key that is gone after ten seconds.
///
/// # Errors
/// The settings cannot be used, or Redis does not answer or refuses, in words.
pub async fn ping(config: &RedisConfig) -> Result<(), String> {
    let client = Client::start(config, config.command_timeout).map_err(|error| error.to_string())?;
    let key = format!("{}doctor", config.prefix);
    let answer = tokio::time::timeout(config.command_timeout, answered(&client, &key)).await;
    client.close().await;
    answer.map_err(|_| "Redis does not answer in time".to_owned())?.map_err(|error| error.to_string())
}

/// Until the connection stands, every command fails at once.
async fn answered(client: &Client, key: &str) -> Result<(), CallError> {
    loop {
        match client.put(key, "", SECONDS).await {
            Err(CallError::Away(_)) => tokio::time::sleep(AGAIN).await,
            answer => return answer,
        }
    }
}
