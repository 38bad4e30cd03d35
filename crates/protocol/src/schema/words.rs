//! What the document says in sentences of its own.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::frame::CloseCode;

/// What a connection is.
pub(super) const CHANNEL: &str = "\
One WebSocket, one device of one user. Every frame is one JSON object in one text message, named by `type`. The first \
is `hello`, within 5 seconds; after `welcome` nothing live can be missed, so what a client lacks from before it \
fetches with `conversations` and `sync`.";

/// The other way to bring a token.
pub(super) const AUTHORIZATION: &str =
    "`Bearer` and the token, for clients that can set headers; `hello` then needs no `token`.";

const OVERVIEW: &str = "\
Chat over a WebSocket. Requests carry an `id` of the client's choice and the one answer repeats it. Unknown fields \
are ignored, so that old servers and new clients talk. Times are RFC 3339 with milliseconds in UTC, 64-bit ids are \
strings, positions (`seq`) are numbers below 2^53.

**Order.** A conversation's messages have dense positions 1, 2, 3 …; a client keeps the highest it has. A gap or a \
`head` above it means: `sync`. A device's own messages come back as `sent`, which fills their place.

**Sending.** `sent` means durable. `client_message_id` is the idempotency key: whatever is unanswered after a lost \
connection is sent again with the same id, the same `after` and `attempt` one higher, and is answered with its one \
true position. `outcome` in an error says whether anything may have happened.

**Positions.** `delivered` and `read` are cumulative, never go back and have no answer; `read` implies `delivered`.

**Signing in.** The token is a JWT of the operator's identity provider, whose `sub` is the user. Where sign-in by \
name is on (`GET /v1/info` says so), `POST /v1/session` with `{\"name\": \"alice\"}` gives one.";

/// The `info` object.
pub(super) fn info(errors: &Value) -> Value {
    json!({
        "title": "Causerie client protocol",
        "version": "1.0.0",
        "description": format!("{OVERVIEW}\n\n{}\n{}", error_table(errors), close_table()),
        "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
    })
}

/// The server that a first start gives.
pub(super) fn server() -> Value {
    json!({
        "host": "127.0.0.1:8080",
        "protocol": "ws",
        "title": "A server on this machine",
        "description": "Where `causerie serve` listens unless told otherwise. `wss` where a certificate is configured.",
    })
}

fn error_table(errors: &Value) -> String {
    let mut table = "**Errors**\n\n| code | meaning | retry |\n|---|---|---|\n".to_owned();
    for error in errors.as_array().into_iter().flatten() {
        let text = |field: &str| error[field].as_str().unwrap_or_default().replace('\n', " ");
        let retry = if error["retry"] == true { "after `retry_after_ms`" } else { "no" };
        let _ = writeln!(table, "| `{}` | {} | {retry} |", text("code"), text("meaning"));
    }
    table
}

fn close_table() -> String {
    let mut table = "**Close codes**\n\n| code | meaning |\n|---|---|\n".to_owned();
    for code in CloseCode::ALL {
        let _ = writeln!(table, "| {} | {} |", code.number(), code.meaning());
    }
    table
}
