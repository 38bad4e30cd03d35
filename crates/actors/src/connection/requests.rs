//! What a known client may ask, one function a kind of request.

use std::sync::Arc;

use causerie_protocol::body::BodyError;
use causerie_protocol::frame::down::{Done, Pong};
use causerie_protocol::frame::up::{self, ConversationKind, Up};
use causerie_protocol::frame::{Down, ErrorCode, ErrorFrame};
use causerie_protocol::{Body, ConversationId, RequestId, Seq, UserId, kept, limits};
use causerie_store::model::Profile;

use super::effect::{Effect, Login, Query};
use super::handle::Env;
use super::state::{Connection, Open, Phase};
use crate::conversation::{Change, Create, Origin, Request, SendRequest};
use crate::metrics::Limit;
use crate::reply::Reply;

impl Connection {
    /// Takes in one request of a known client.
    pub(super) fn request(&mut self, frame: Up, env: &Env<'_>, effects: &mut Vec<Effect>) {
        let Phase::Open(open) = &mut self.phase else { return };
        let rate = if matches!(frame, Up::Send(_)) {
            take_send(open, env)
        } else {
            open.requests.take(env.now).map_err(|wait| (Limit::ConnectionRequests, wait))
        };
        if let Err((limit, wait)) = rate {
            effects.push(Effect::LimitHit(limit));
            let message = "You ask faster than you may.";
            let frame = ErrorFrame::new(frame.id().cloned(), ErrorCode::RateLimited, message).after_ms(wait);
            return effects.push(Effect::Down(Box::new(Down::Error(frame))));
        }
        match frame {
            Up::Delivered(cursor) => note_cursor(open, cursor.conversation, cursor.seq, Seq::ZERO),
            Up::Read(cursor) => note_cursor(open, cursor.conversation, cursor.seq, cursor.seq),
            Up::Ping(ping) => effects.push(Effect::Down(Box::new(Down::Pong(Pong { id: ping.id })))),
            Up::Refresh(refresh) => {
                let login = Login { id: refresh.id, token: refresh.token, device: None, agent: None };
                effects.push(Effect::Authenticate(login));
            }
            Up::PresenceUnwatch(users) => {
                effects.push(Effect::Unwatch(users.users));
                effects.push(Effect::Down(Box::new(Down::Ok(Done { id: users.id, seq: None }))));
            }
            Up::Hello(hello) => {
                let frame =
                    ErrorFrame::new(hello.id, ErrorCode::InvalidFrame, "You have said `hello` already.");
                effects.push(Effect::Down(Box::new(Down::Error(frame))));
            }
            other => self.answered_later(other, env, effects),
        }
    }

    /// Requests whose answer comes through the outbox; so many of them may be under way.
    fn answered_later(&mut self, frame: Up, env: &Env<'_>, effects: &mut Vec<Effect>) {
        let Phase::Open(open) = &mut self.phase else { return };
        let origin = Arc::clone(&open.session.origin);
        let reply = Reply::connection(self.handle.clone(), frame.id().cloned());
        let asked = match frame {
            Up::Send(send) => ask_send(origin, send, reply, env),
            Up::Create(create) => ask_create(origin, create, reply),
            Up::Conversations(it) => Ok(Effect::Query(
                Query::Conversations { known: it.known, limit: page_limit(it.limit), after: it.after },
                reply,
            )),
            Up::Block(it) => Ok(Effect::Query(Query::Block(it.user, true), reply)),
            Up::Unblock(it) => Ok(Effect::Query(Query::Block(it.user, false), reply)),
            Up::Blocks(_) => Ok(Effect::Query(Query::Blocks, reply)),
            Up::PresenceWatch(it) => {
                few(it.users, reply).map(|(users, reply)| Effect::Query(Query::Watch(users), reply))
            }
            Up::ProfileGet(it) => {
                few(it.users, reply).map(|(users, reply)| Effect::Query(Query::Profiles(users), reply))
            }
            Up::ProfileSet(it) => ask_profile(it, reply),
            Up::SettingsGet(_) => Ok(Effect::Query(Query::Settings, reply)),
            Up::SettingsSet(it) => ask_settings(&it, reply),
            other => ask_conversation(origin, other, reply),
        };
        match asked {
            Ok(effect) => {
                self.unanswered += 1;
                effects.push(effect);
            }
            Err((reply, code, message)) => {
                if code == ErrorCode::Busy {
                    // The one thing that can be full before a conversation is asked.
                    effects.push(Effect::LimitHit(Limit::NodeQueueBytes));
                }
                let frame = ErrorFrame::new(reply.id().cloned(), code, message);
                reply.answered();
                effects.push(Effect::Down(Box::new(Down::Error(frame))));
            }
        }
    }

    /// Hands on the highest cursor of each conversation.
    pub(super) fn hand_on_cursors(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Open(open) = &mut self.phase else { return };
        let origin = &open.session.origin;
        for (conversation, (delivered, read)) in std::mem::take(&mut open.cursors) {
            effects.push(Effect::Ask(conversation, Request::Cursor(Arc::clone(origin), delivered, read)));
        }
    }
}

/// What is asked for, or whom to tell what is wrong with it.
type Asked = Result<Effect, (Reply, ErrorCode, String)>;

/// Takes a send's tokens, or tells which bucket is empty and how many milliseconds to wait for it.
fn take_send(open: &mut Open, env: &Env<'_>) -> Result<(), (Limit, u64)> {
    open.sends.take(env.now).map_err(|wait| (Limit::ConnectionSends, wait))?;
    open.session.user_sends.lock().take(env.now).map_err(|wait| (Limit::UserSends, wait))
}

fn note_cursor(open: &mut Open, conversation: ConversationId, delivered: Seq, read: Seq) {
    let noted = open.cursors.entry(conversation).or_default();
    *noted = (noted.0.max(delivered), noted.1.max(read));
}

fn ask_send(origin: Arc<Origin>, send: up::Send, reply: Reply, env: &Env<'_>) -> Asked {
    let conversation = match (send.conversation, &send.to) {
        (Some(conversation), None) => conversation,
        (None, Some(to)) => ConversationId::direct(&origin.user, to),
        _ => {
            return Err((
                reply,
                ErrorCode::InvalidFrame,
                "`send` needs `conversation` or `to`, and not both.".to_owned(),
            ));
        }
    };
    let body = match Body::check(&send.body, env.settings.body_bytes) {
        Ok(body) => body,
        Err(error @ BodyError::TooLarge { .. }) => {
            return Err((reply, ErrorCode::TooLarge, format!("{error}.")));
        }
        Err(error @ BodyError::Invalid(_)) => {
            return Err((reply, ErrorCode::InvalidFrame, format!("{error}.")));
        }
    };
    let Ok(bytes) = env.waiting_bytes.take(body.as_json().len()) else {
        return Err((reply, ErrorCode::Busy, "The node has too many messages waiting.".to_owned()));
    };
    let request = SendRequest {
        reply,
        from: origin,
        to: send.to,
        client_message_id: send.client_message_id,
        attempt: send.attempt,
        body,
        since: env.now,
        bytes,
    };
    Ok(Effect::Ask(conversation, Request::Send(request)))
}

fn ask_create(origin: Arc<Origin>, create: up::Create, reply: Reply) -> Asked {
    let invalid = |reply, message: &str| Err((reply, ErrorCode::InvalidFrame, message.to_owned()));
    let (members, reply) = few(create.members, reply)?;
    match create.kind {
        ConversationKind::Direct => match <[UserId; 1]>::try_from(members) {
            Ok([user]) => {
                let id = ConversationId::direct(&origin.user, &user);
                Ok(Effect::Ask(id, Request::Create(origin, Create::Direct(user), reply)))
            }
            Err(_) => {
                invalid(reply, "A direct conversation is created with exactly one other user in `members`.")
            }
        },
        ConversationKind::Group => match (create.title, create.client_id) {
            (Some(title), Some(client_id)) => {
                let id = ConversationId::group(&origin.user, &client_id);
                let history = create.history.unwrap_or_default();
                let create = Create::Group { title, members, history, client_id };
                Ok(Effect::Ask(id, Request::Create(origin, create, reply)))
            }
            _ => invalid(reply, "A group is created with a `title` and a `client_id`."),
        },
    }
}

/// Requests that go to a conversation as they are.
fn ask_conversation(origin: Arc<Origin>, frame: Up, reply: Reply) -> Asked {
    let user = origin.user.clone();
    let (conversation, request) = match frame {
        Up::Conversation(it) => (it.conversation, Request::Describe(user, reply)),
        Up::Sync(it) => (it.conversation, Request::Sync(user, it.after, page_limit(it.limit), reply)),
        Up::History(it) => (it.conversation, Request::History(user, it.before, page_limit(it.limit), reply)),
        Up::Members(it) => (it.conversation, Request::Members(user, it.after, page_limit(it.limit), reply)),
        Up::MembersAdd(it) => {
            let (users, reply) = few(it.users, reply)?;
            (it.conversation, Request::Change(origin, Change::Add(users), reply))
        }
        Up::MembersRemove(it) => {
            let (users, reply) = few(it.users, reply)?;
            (it.conversation, Request::Change(origin, Change::Remove(users), reply))
        }
        Up::MembersRole(it) => {
            (it.conversation, Request::Change(origin, Change::Role(it.user, it.role), reply))
        }
        Up::Rename(it) => (it.conversation, Request::Change(origin, Change::Rename(it.title), reply)),
        Up::Leave(it) => (it.conversation, Request::Change(origin, Change::Leave, reply)),
        _ => return Err((reply, ErrorCode::UnknownType, "This request is not known here.".to_owned())),
    };
    Ok(Effect::Ask(conversation, request))
}

fn ask_profile(set: up::ProfileSet, reply: Reply) -> Asked {
    let long = |text: &Option<Box<str>>| text.as_ref().is_some_and(|text| text.len() > limits::PROFILE_BYTES);
    if long(&set.display_name) || long(&set.picture) {
        return Err((
            reply,
            ErrorCode::TooLarge,
            format!("A profile's fields have at most {} bytes.", limits::PROFILE_BYTES),
        ));
    }
    let profile = Profile { display_name: set.display_name, picture: set.picture };
    Ok(Effect::Query(Query::SetProfile(profile), reply))
}

fn ask_settings(set: &up::SettingsSet, reply: Reply) -> Asked {
    let json = set.settings.get();
    if json.len() > limits::SETTINGS_BYTES {
        return Err((
            reply,
            ErrorCode::TooLarge,
            format!("Settings have at most {} bytes.", limits::SETTINGS_BYTES),
        ));
    }
    if !json.starts_with('{') {
        return Err((reply, ErrorCode::InvalidFrame, "`settings` is an object.".to_owned()));
    }
    if let Err(error) = kept::check(json, limits::JSON_DEPTH) {
        return Err((reply, ErrorCode::InvalidFrame, format!("`settings` {error}.")));
    }
    Ok(Effect::Query(Query::SetSettings(json.into()), reply))
}

fn few(users: Vec<UserId>, reply: Reply) -> Result<(Vec<UserId>, Reply), (Reply, ErrorCode, String)> {
    if users.len() > limits::USERS_PER_REQUEST {
        let message = format!("A request names at most {} users.", limits::USERS_PER_REQUEST);
        return Err((reply, ErrorCode::TooLarge, message));
    }
    Ok((users, reply))
}

fn page_limit(limit: Option<usize>) -> usize {
    limit.unwrap_or(limits::PAGE_ITEMS_DEFAULT).clamp(1, limits::PAGE_ITEMS)
}

/// The request's id, for answers that are made elsewhere.
pub(super) fn ok(id: Option<RequestId>) -> Down {
    Down::Ok(Done { id, seq: None })
}
