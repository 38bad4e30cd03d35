//! `causerie admin`

use std::io::Write;
use std::time::Duration;

use anyhow::bail;
use causerie_protocol::{ConversationId, DeviceId, UserId};
use clap::Subcommand;
use serde_json::json;

use super::admin_http::{AdminHttp, Server, segment};

/// How long an answer may take. Erasing a busy user touches every conversation of theirs.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Look after a running server
///
/// Talks to the server's admin listener, which is on this machine unless configured otherwise. Answers are JSON.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  causerie admin sessions
  causerie admin conversations --user alice
  causerie admin conversation 0e8b5a0c-6b0f-8d2c-9a54-3c1f0d7e9b21
  causerie admin kick --user alice --device phone-1
  causerie admin revoke --user alice         every token issued to her until now
  causerie admin block --user mallory        no sign-in any more
  causerie admin export-user alice > alice.jsonl
  causerie admin erase-user alice --yes")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Command {
    /// Who is connected
    Sessions,
    /// The conversations of a user
    Conversations {
        /// The user
        #[arg(long, value_name = "NAME")]
        user: UserId,
    },
    /// What a conversation is, and how far it has come
    Conversation {
        /// Its id
        #[arg(value_name = "ID")]
        conversation: ConversationId,
    },
    /// Close a user's connections; they may come back
    Kick {
        /// The user
        #[arg(long, value_name = "NAME")]
        user: UserId,
        /// Only this device
        #[arg(long, value_name = "DEVICE")]
        device: Option<DeviceId>,
    },
    /// Refuse tokens that were issued until now, and close their connections
    Revoke {
        /// All tokens of this user
        #[arg(long, value_name = "NAME", required_unless_present = "token_id", conflicts_with = "token_id")]
        user: Option<UserId>,
        /// The one token with this `jti`
        #[arg(long, value_name = "JTI")]
        token_id: Option<String>,
    },
    /// Refuse a user altogether, and close their connections
    Block {
        /// The user
        #[arg(long, value_name = "NAME")]
        user: UserId,
    },
    /// Who is blocked
    Blocked,
    /// Let a blocked user in again
    Unblock {
        /// The user
        #[arg(long, value_name = "NAME")]
        user: UserId,
    },
    /// Print everything that is kept of a user, as JSON lines
    ExportUser {
        /// The user
        #[arg(value_name = "NAME")]
        user: UserId,
    },
    /// Erase what is kept of a user. It cannot be undone
    EraseUser {
        /// The user
        #[arg(value_name = "NAME")]
        user: UserId,
        /// Yes, erase it
        #[arg(long)]
        yes: bool,
    },
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let streams = matches!(args.command, Command::ExportUser { .. } | Command::Sessions);
    let server = AdminHttp::new(&args.server, (!streams).then_some(TIMEOUT))?;
    let of_user = |user: &UserId| format!("/admin/users/{}", segment(user.as_str()));
    match &args.command {
        Command::Sessions => server.get("/admin/sessions", &[], out),
        Command::Conversations { user } => {
            server.get("/admin/conversations", &[("user", user.as_str())], out)
        }
        Command::Conversation { conversation } => {
            server.get(&format!("/admin/conversations/{conversation}"), &[], out)
        }
        Command::Kick { user, device: None } => server.post("/admin/kick", &json!({ "user": user }), out),
        Command::Kick { user, device: Some(device) } => {
            server.post("/admin/kick", &json!({ "user": user, "device": device }), out)
        }
        Command::Revoke { token_id: Some(id), .. } => {
            server.post("/admin/revoke", &json!({ "token_id": id }), out)
        }
        Command::Revoke { user, .. } => server.post("/admin/revoke", &json!({ "user": user }), out),
        Command::Block { user } => server.post("/admin/block", &json!({ "user": user }), out),
        Command::Blocked => server.get("/admin/blocked", &[], out),
        Command::Unblock { user } => server.post("/admin/unblock", &json!({ "user": user }), out),
        Command::ExportUser { user } => server.get(&format!("{}/export", of_user(user)), &[], out),
        Command::EraseUser { user, yes: false } => {
            bail!("this erases what is kept of {user} and cannot be undone; say --yes if you mean it")
        }
        Command::EraseUser { user, yes: true } => server.delete(&of_user(user), out),
    }
}
