//! Fetching a key set over the network.

use std::time::Duration;

use crate::http_client;

/// The largest set, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// Fetches the set: one request, no redirects, within the time and the size. Blocks.
pub(super) fn fetch(url: &str, timeout: Duration) -> Result<Vec<u8>, String> {
    let mut response = http_client::agent(Some(timeout))
        .get(url)
        .header("accept", "application/jwk-set+json, application/json")
        .call()
        .map_err(|error| error.to_string())?;
    if response.status() != 200 {
        return Err(format!("the answer is {}", response.status()));
    }
    response.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(|error| error.to_string())
}
