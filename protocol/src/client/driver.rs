//! Moves a core's bytes, and keeps its time.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::core::{Core, Output};
use super::link::{self, Reader, Writer};
use super::options::{Options, Target, TokenSource, Transport};
use super::outcome::{ConnectError, Disconnect, Event, Outcome, RequestError};
use crate::wire::{ServerFrame, client_frame};

/// What a handle asks of the driver.
pub(crate) struct Command {
    pub(crate) request_id: u64,
    pub(crate) body: client_frame::Body,
    pub(crate) reply: oneshot::Sender<Result<Outcome, RequestError>>,
}

/// Told once: whether the client was welcomed, or why it never will be.
pub(crate) type Welcomed = oneshot::Sender<Result<(), Disconnect>>;

type Link = (Writer, Reader);

/// Where there is another server to go to, this one gets so long to be connected to.
const ELSEWHERE_AFTER: Duration = Duration::from_secs(3);

enum Happening {
    /// `None`: the last handle is gone.
    Command(Option<Command>),
    Frame(Result<ServerFrame, Disconnect>),
    Flushed(Result<(), Disconnect>),
    Connected(Result<Link, ConnectError>),
    EventsTaken {
        listening: bool,
    },
    Deadline,
}

/// One client's task.
pub(crate) struct Driver {
    core: Core,
    targets: Vec<Target>,
    /// The one that is being connected to, or was last.
    target: usize,
    transport: Transport,
    token: TokenSource,
    connect_max: Duration,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    /// What the program had no room for yet; the room is not read while there is any.
    unread: VecDeque<Event>,
    replies: HashMap<u64, oneshot::Sender<Result<Outcome, RequestError>>>,
    welcomed: Option<Welcomed>,
    connecting: Option<BoxFuture<'static, Result<Link, ConnectError>>>,
    link: Option<Link>,
}

impl Driver {
    pub(crate) fn new(
        core: Core, options: Options, commands: mpsc::Receiver<Command>, events: mpsc::Sender<Event>,
        welcomed: Welcomed,
    ) -> Self {
        Self {
            core,
            connect_max: match options.targets.len() {
                1 => options.retry.hello_deadline,
                _ => options.retry.hello_deadline.min(ELSEWHERE_AFTER),
            },
            targets: options.targets,
            target: 0,
            transport: options.transport,
            token: options.token,
            commands,
            events,
            unread: VecDeque::new(),
            replies: HashMap::new(),
            welcomed: Some(welcomed),
            connecting: None,
            link: None,
        }
    }

    /// Runs until the last handle is gone, or the server will not have the client.
    pub(crate) async fn run(mut self) {
        let mut timer = Box::pin(sleep_until(Instant::now()));
        while !self.core.is_ended() {
            let happening = self.wait(&mut timer).await;
            self.handle(happening);
            self.poll();
        }
        // What the program has not read yet it may still read, if it listens.
        for event in self.unread.drain(..) {
            if self.events.send(event).await.is_err() {
                break;
            }
        }
    }

    /// Waits for the next thing to happen.
    async fn wait(&mut self, timer: &mut Pin<Box<Sleep>>) -> Happening {
        let deadline = self.core.deadline().map(Instant::from_std);
        if let Some(deadline) = deadline
            && timer.deadline() != deadline
        {
            timer.as_mut().reset(deadline);
        }
        let greeted = self.core.is_live();
        let room = self.unread.is_empty();
        let capacity = self.core.has_capacity();
        let (writer, reader) = match &mut self.link {
            Some((writer, reader)) => (Some(writer), Some(reader)),
            None => (None, None),
        };
        tokio::select! {
            command = self.commands.recv(), if capacity => Happening::Command(command),
            frame = or_never(reader.map(|reader| reader.next(greeted, room))) => Happening::Frame(frame),
            flushed = flush(writer, &mut self.core) => Happening::Flushed(flushed),
            connected = or_never(self.connecting.as_mut()) => Happening::Connected(connected),
            permit = self.events.reserve(), if !room => Happening::EventsTaken { listening: permit.is_ok() },
            () = timer.as_mut(), if deadline.is_some() => Happening::Deadline,
        }
    }

    fn handle(&mut self, happening: Happening) {
        match happening {
            Happening::Command(Some(command)) => self.submit(command),
            Happening::Command(None) => self.core.close(),
            Happening::Frame(Ok(frame)) => self.core.handle_frame(now(), frame),
            Happening::Frame(Err(cause)) | Happening::Flushed(Err(cause)) => self.disconnected(cause),
            Happening::Flushed(Ok(())) => {}
            Happening::Connected(connected) => self.connected(connected),
            Happening::EventsTaken { listening: true } => self.tell_unread(),
            // Nobody listens any more; the handle may still ask.
            Happening::EventsTaken { listening: false } => self.unread.clear(),
            Happening::Deadline => self.core.handle_deadline(now()),
        }
    }

    fn submit(&mut self, command: Command) {
        let Command { request_id, body, reply } = command;
        if request_id == 0 || self.replies.contains_key(&request_id) {
            // Whoever asked has gone if this fails.
            let _ = reply.send(Err(RequestError::IdUnusable { request_id }));
            return;
        }
        self.replies.insert(request_id, reply);
        self.core.submit(now(), request_id, body);
    }

    fn connected(&mut self, connected: Result<Link, ConnectError>) {
        self.connecting = None;
        match connected {
            Ok(link) => {
                self.link = Some(link);
                let token = (self.token)(&self.targets[self.target]);
                self.core.handle_connected(now(), token);
            }
            Err(error) => {
                let cause = Disconnect::ConnectFailed { detail: error.to_string(), permanent: error.permanent() };
                self.core.handle_disconnected(now(), cause);
            }
        }
    }

    fn disconnected(&mut self, cause: Disconnect) {
        self.hang_up();
        self.core.handle_disconnected(now(), cause);
    }

    fn hang_up(&mut self) {
        self.connecting = None;
        if let Some((writer, _reader)) = self.link.take() {
            writer.close();
        }
    }

    fn poll(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Connect(target) => {
                    self.target = target;
                    let connecting = link::open(self.transport.clone(), self.targets[target].clone());
                    // A server that dies during a handshake leaves no trace: nothing else ends the wait soon.
                    let connecting = timeout(self.connect_max, connecting);
                    let connect_max = self.connect_max;
                    self.connecting =
                        Some(Box::pin(
                            async move { connecting.await.unwrap_or(Err(ConnectError::Deadline(connect_max))) },
                        ));
                }
                Output::HangUp => self.hang_up(),
                Output::Event(event) => self.tell(event),
                Output::Settled { request_id, outcome } => {
                    if let Some(reply) = self.replies.remove(&request_id) {
                        // Whoever asked has gone if this fails.
                        let _ = reply.send(outcome);
                    }
                }
            }
        }
    }

    fn tell(&mut self, event: Event) {
        match &event {
            Event::Welcome(_) => self.welcomed.take().map(|welcomed| welcomed.send(Ok(()))),
            Event::Disconnected { cause, reconnect_in: None } => {
                self.welcomed.take().map(|welcomed| welcomed.send(Err(cause.clone())))
            }
            _ => None,
        };
        self.unread.push_back(event);
        self.tell_unread();
    }

    fn tell_unread(&mut self) {
        while let Some(event) = self.unread.pop_front() {
            match self.events.try_send(event) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    return self.unread.push_front(event);
                }
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

async fn or_never<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// Writes what the core has to say; never done if that is nothing.
async fn flush(writer: Option<&mut Writer>, core: &mut Core) -> Result<(), Disconnect> {
    match writer {
        Some(writer) if !core.outgoing().is_empty() || writer.is_unflushed() => writer.flush(core.outgoing()).await,
        _ => pending().await,
    }
}
