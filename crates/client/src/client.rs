//! The application's handle of a session.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use causerie_protocol::frame::down::{Sent, Welcome};
use causerie_protocol::{ConversationId, Down, Seq, Up};
use tokio::sync::{mpsc, oneshot, watch};

use crate::connect::ended;
use crate::draft::{Draft, SendError};
use crate::driver::Command;
use crate::request::RequestError;
use crate::session::Ended;

/// A handle of a session; clones are handles of the same one. The session ends when the last is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    welcome: Arc<Welcome>,
    ended: watch::Receiver<Option<Ended>>,
}

impl Client {
    pub(crate) fn new(
        commands: mpsc::Sender<Command>,
        welcome: Welcome,
        ended: watch::Receiver<Option<Ended>>,
    ) -> Self {
        Self { commands, welcome: Arc::new(welcome), ended }
    }

    /// What the server said when the session began: who one is, and what it accepts.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Sends a message and waits until it is durable.
    ///
    /// # Errors
    /// [`SendError`] says whether the message may be there.
    pub async fn send(&self, draft: Draft) -> Result<Sent, SendError> {
        self.submit(draft).await.await
    }

    /// Takes a message to be sent; what is submitted one after the other goes out in this order. Waits while too many
    /// are on their way. The result is what becomes of it; dropping it does not take the message back.
    pub async fn submit(&self, draft: Draft) -> Sending {
        let (answer, outcome) = oneshot::channel();
        let kept = draft.clone();
        match self.commands.send(Command::Send(Box::new(draft), answer)).await {
            Ok(()) => Sending(Ok((outcome, Box::new(kept)))),
            Err(_) => Sending(Err(Some(SendError::NotSent("the session is over".to_owned())))),
        }
    }

    /// Asks; the answer is the frame that the protocol names for it. The request's `id` is set on the way.
    ///
    /// # Errors
    /// [`RequestError`] says whether a change may have been done.
    pub async fn request(&self, frame: Up) -> Result<Down, RequestError> {
        let (answer, result) = oneshot::channel();
        let command = Command::Request(Box::new(frame), answer);
        self.commands.send(command).await.map_err(|_| RequestError::NotConnected)?;
        result.await.unwrap_or(Err(RequestError::Lost))
    }

    /// The application has received everything up to here: for sessions that do not acknowledge by themselves.
    pub async fn delivered(&self, conversation: ConversationId, seq: Seq) {
        // A session that is over has nothing to tell.
        let _ = self.commands.send(Command::Delivered(conversation, seq)).await;
    }

    /// The person has read everything up to here.
    pub async fn read(&self, conversation: ConversationId, seq: Seq) {
        let _ = self.commands.send(Command::Read(conversation, seq)).await;
    }

    /// Ends the session: positions that are due are told, unanswered sends end as unknown.
    pub async fn close(mut self) {
        let _ = self.commands.send(Command::Close).await;
        ended(&mut self.ended).await;
    }
}

type Outcome = (oneshot::Receiver<Result<Sent, SendError>>, Box<Draft>);

/// What becomes of a message.
#[derive(Debug)]
#[must_use = "a send that nobody waits for may have failed"]
pub struct Sending(Result<Outcome, Option<SendError>>);

impl Future for Sending {
    type Output = Result<Sent, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Ok((outcome, draft)) => Pin::new(outcome).poll(context).map(|outcome| {
                // The task was stopped with its runtime: it may have written the message before.
                outcome.unwrap_or_else(|_| {
                    let mut draft = draft.clone();
                    draft.attempt += 1;
                    Err(SendError::Unknown { reason: "the session was stopped".to_owned(), draft })
                })
            }),
            Err(error) => {
                let error = error.take();
                Poll::Ready(
                    Err(error.unwrap_or_else(|| SendError::NotSent("the session is over".to_owned()))),
                )
            }
        }
    }
}
