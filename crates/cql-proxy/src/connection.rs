//! One connection of a client, and its own to the server.
//!
//! Four tasks: a reader and a writer for each side, joined by two bounded queues. The client's side ends by its own
//! token; the server's lives on until every request that is held or queued for it has gone out, so that a write can
//! land after its client has given up.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::action::Action;
use crate::error::ProxyError;
use crate::failure::not_spoken;
use crate::frame::{Frame, Opcode};
use crate::pending::{Expected, Pending};
use crate::proxy::Shared;
use crate::request::{Kind, Request, prepared_id};
use crate::rows::Topology;

/// Frames between two tasks.
const QUEUE: usize = 256;

/// What the tasks of a connection share.
#[derive(Debug)]
struct Connection {
    shared: Arc<Shared>,
    pending: Pending,
    /// The client's side ends.
    client: CancellationToken,
    /// Everything ends.
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Where this client reached the proxy.
    here: IpAddr,
}

/// Starts the tasks; all end with `stop`, the client's side also with `cut`.
pub(crate) fn start(
    shared: Arc<Shared>,
    tasks: &TaskTracker,
    (client, server): (TcpStream, TcpStream),
    (stop, cut): (CancellationToken, CancellationToken),
) -> Result<(), ProxyError> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let here = client.local_addr()?.ip();
    let (from_client, into_client) = client.into_split();
    let (from_server, into_server) = server.into_split();
    let (to_client, for_client) = mpsc::channel(QUEUE);
    let (to_server, for_server) = mpsc::channel(QUEUE);
    let connection = Arc::new(Connection {
        shared,
        pending: Pending::default(),
        client: cut,
        stop,
        tasks: tasks.clone(),
        here,
    });
    tasks.spawn(Arc::clone(&connection).read_client(from_client, to_server, to_client.clone()));
    tasks.spawn(Arc::clone(&connection).read_server(from_server, to_client));
    let client = connection.client.clone();
    tasks.spawn(write_client(into_client, for_client, client));
    tasks.spawn(write_server(into_server, for_server, connection.stop.clone()));
    Ok(())
}

impl Connection {
    async fn read_client(
        self: Arc<Self>,
        mut from: OwnedReadHalf,
        to_server: mpsc::Sender<Frame>,
        to_client: mpsc::Sender<Frame>,
    ) {
        let reading = async {
            while let Some(frame) = Frame::read(&mut from).await? {
                if !self.request(frame, &to_server, &to_client).await? {
                    break;
                }
            }
            Ok::<_, ProxyError>(())
        };
        tokio::select! {
            () = self.client.cancelled() => {}
            () = self.stop.cancelled() => {}
            read = reading => log("a client", read),
        }
        self.client.cancel();
    }

    async fn read_server(self: Arc<Self>, mut from: OwnedReadHalf, to_client: mpsc::Sender<Frame>) {
        let reading = async {
            while let Some(frame) = Frame::read(&mut from).await? {
                self.answer(frame, &to_client).await?;
            }
            Ok::<_, ProxyError>(())
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            read = reading => log("the server", read),
        }
        self.client.cancel();
    }

    /// Passes a request on, or does to it what a rule says. False: the connection is to end.
    async fn request(
        &self,
        frame: Frame,
        to_server: &mpsc::Sender<Frame>,
        to_client: &mpsc::Sender<Frame>,
    ) -> Result<bool, ProxyError> {
        if let Some(why) = frame.not_spoken() {
            return Ok(to_client.send(not_spoken(frame.stream, why)).await.is_ok());
        }
        let request = Request::read(&frame, &self.shared.statements)?;
        self.shared.count(request.as_ref());
        let rule = request.as_ref().and_then(|request| self.shared.rules.decide(request, &frame.body));
        let mut expected = Expected::default();
        if let Some(request) = request {
            expected.topology = Topology::of(&request);
            expected.prepares = (request.kind == Kind::Prepare).then_some(request.text);
        }
        let Some(rule) = rule else {
            self.pending.expect(frame.stream, expected);
            return Ok(to_server.send(frame).await.is_ok());
        };
        if rule.action.is_behind() {
            expected.rule = Some(rule);
            self.pending.expect(frame.stream, expected);
            return Ok(to_server.send(frame).await.is_ok());
        }
        match rule.action {
            Action::HoldRequest => {
                self.pending.expect(frame.stream, expected);
                let released = rule.hold();
                self.later(released, frame, to_server.clone());
                return Ok(true);
            }
            Action::Answer(failure) => {
                let sent = to_client.send(failure.frame(frame.stream)).await.is_ok();
                rule.count_effect();
                return Ok(sent);
            }
            _ => rule.count_effect(),
        }
        Ok(rule.action != Action::CloseBefore)
    }

    /// Passes an answer on, or does to it what the request's rule says.
    async fn answer(&self, frame: Frame, to_client: &mpsc::Sender<Frame>) -> Result<(), ProxyError> {
        let expected = self.pending.take(frame.stream);
        if let (Some(text), Some(id)) = (&expected.prepares, prepared_id(&frame)?) {
            self.shared.statements.learn(id, text);
        }
        let frame = match expected.topology {
            Some(topology) => topology.rewrite(frame, self.here)?,
            None => frame,
        };
        let Some(rule) = expected.rule else {
            self.send_back(frame, to_client).await;
            return Ok(());
        };
        if frame.opcode == Opcode::Error {
            rule.give_back();
            self.send_back(frame, to_client).await;
            return Ok(());
        }
        match rule.action {
            Action::HoldAnswer => {
                let released = rule.hold();
                self.later(released, frame, to_client.clone());
                return Ok(());
            }
            Action::Replace(failure) => self.send_back(failure.frame(frame.stream), to_client).await,
            Action::CloseAfter => self.client.cancel(),
            _ => {}
        }
        rule.count_effect();
        Ok(())
    }

    /// A client that is gone hears no answer, and what is under way to the server goes on.
    async fn send_back(&self, frame: Frame, to_client: &mpsc::Sender<Frame>) {
        let _ = to_client.send(frame).await;
    }

    /// Sends the frame once it is released. Keeps the way open until then.
    fn later(&self, released: tokio::sync::oneshot::Receiver<()>, frame: Frame, to: mpsc::Sender<Frame>) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                Ok(()) = released => {
                    let _ = to.send(frame).await;
                }
            }
        });
    }
}

async fn write_client(mut into: OwnedWriteHalf, mut frames: mpsc::Receiver<Frame>, end: CancellationToken) {
    let writing = async {
        while let Some(frame) = frames.recv().await {
            frame.write(&mut into).await?;
        }
        Ok(())
    };
    tokio::select! {
        () = end.cancelled() => {}
        written = writing => log("a client", written),
    }
}

async fn write_server(mut into: OwnedWriteHalf, mut frames: mpsc::Receiver<Frame>, stop: CancellationToken) {
    let writing = async {
        while let Some(frame) = frames.recv().await {
            frame.write(&mut into).await?;
        }
        into.shutdown().await?;
        Ok(())
    };
    tokio::select! {
        () = stop.cancelled() => {}
        written = writing => log("the server", written),
    }
}

/// Connections of a test break all the time; why matters only to who looks.
fn log(side: &str, result: Result<(), ProxyError>) {
    if let Err(error) = result {
        tracing::debug!(%error, "the connection to {side} ended");
    }
}
