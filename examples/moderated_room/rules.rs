//! What may be said in this house.

use std::time::Duration;

use causerie_actors::{BoxFuture, Draft, Rules, SendContext, Verdict};
use causerie_protocol::frame::down::ConversationKind;
use causerie_protocol::{Body, UserId};

/// What nobody says here.
const WORDS: [&str; 3] = ["casino", "jackpot", "lottery"];

/// How long the moderation service may think about one message.
const PATIENCE: Duration = Duration::from_secs(2);

/// The rules: a list of words, a moderation service, and just one room.
#[derive(Debug, Default)]
pub(crate) struct HouseRules {
    moderation: Moderation,
}

impl Rules for HouseRules {
    /// Asked within the conversation's turn, so it looks at nothing but the message.
    fn may_send(&self, send: &SendContext<'_>) -> Verdict {
        let Some(text) = text(send.body) else {
            return Verdict::Deny("This room takes text only.".to_owned());
        };
        let said = text.to_lowercase();
        match WORDS.iter().find(|word| said.split(|c: char| !c.is_alphanumeric()).any(|it| it == **word)) {
            Some(word) => Verdict::Deny(format!("We do not say \"{word}\" here.")),
            None => Verdict::Allow,
        }
    }

    /// Direct conversations are for another service, and the host alone lets people in.
    fn may_add(&self, by: &UserId, _: &UserId, kind: ConversationKind) -> Verdict {
        if kind == ConversationKind::Group && by.as_str() == "the host" {
            Verdict::Allow
        } else {
            Verdict::Deny("There is only the room.".to_owned())
        }
    }

    /// Asked before the message goes to its conversation: only its sender waits.
    fn review<'a>(&'a self, draft: Draft<'a>) -> Option<BoxFuture<'a, Verdict>> {
        let text = text(draft.body)?;
        Some(Box::pin(async move {
            match tokio::time::timeout(PATIENCE, self.moderation.judge(text)).await {
                Ok(Ok(true)) => Verdict::Allow,
                Ok(Ok(false)) => Verdict::Deny("Please do not shout.".to_owned()),
                // What cannot be judged is not let through.
                Ok(Err(_)) | Err(_) => {
                    Verdict::Deny("This could not be checked; try again later.".to_owned())
                }
            }
        }))
    }
}

fn text(body: &Body) -> Option<String> {
    body.content().ok()?.text
}

/// The moderation service. Here it thinks on another thread of the process; elsewhere it is behind a network.
#[derive(Debug, Default)]
struct Moderation;

impl Moderation {
    /// Whether a text is fit to be read by others.
    async fn judge(&self, text: String) -> Result<bool, tokio::task::JoinError> {
        tokio::task::spawn_blocking(move || {
            let letters = text.chars().filter(|c| c.is_alphabetic()).count();
            let loud = text.chars().filter(|c| c.is_uppercase()).count();
            letters < 8 || loud * 2 < letters
        })
        .await
    }
}
