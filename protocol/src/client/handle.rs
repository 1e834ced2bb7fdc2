//! The handles a program holds.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::core::{Core, Settings};
use super::driver::{Command, Driver};
use super::options::{Options, Transport};
use super::outcome::{ConnectError, Disconnect, Event, Outcome, RequestError};
use super::random::{RequestIds, os_random};
use crate::transport::{IDLE_TIMEOUT, KEEP_ALIVE};
use crate::wire::{
    Announce, AskBoard, AskCatalogue, AskFanClub, BoardSpan, CartLine, CheckIn, Claim, ClaimStep, Comment,
    CouponChoice, EnterDraw, JoinFanClub, LeaveFanClub, Like, ProveTicket, Quote, Release, ReplyPrize, Reserve,
    SendGift, SignUp, Vote, client_frame,
};

/// Requests that wait to be taken by the client's task; more wait in their callers.
const COMMANDS_MAX: usize = 8;

/// Asks. Clones ask through the same connection, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    ids: Arc<RequestIds>,
}

/// Listens. While nobody takes events, and [`Options::events_max`] of them wait, the client stops reading the room, and over a
/// WebSocket answers too; dropped, the client discards them.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
}

impl Client {
    /// Connects and waits until the server has welcomed the client, trying again within [`Options::connect_deadline`].
    pub async fn connect(options: Options) -> Result<(Self, Events), ConnectError> {
        let deadline = options.connect_deadline;
        let (client, events, welcomed) = Self::spawn(options);
        match tokio::time::timeout(deadline, welcomed).await {
            Ok(Ok(Ok(()))) => Ok((client, events)),
            Ok(Ok(Err(cause))) => Err(ConnectError::NotWelcomed(cause)),
            Ok(Err(_)) => Err(ConnectError::NotWelcomed(Disconnect::Lost("the runtime stopped".into()))),
            Err(_) => Err(ConnectError::Deadline(deadline)),
        }
    }

    /// Like [`connect`](Self::connect), without waiting: how it goes is told by the events.
    pub fn start(options: Options) -> (Self, Events) {
        let (client, events, _) = Self::spawn(options);
        (client, events)
    }

    /// Asks for a share of a rain, or a coupon of a drop. `token` and `opening` are the activity's, as last heard
    /// ([`RoomView::rain_ticket`](super::RoomView::rain_ticket)).
    pub async fn claim(&self, activity: u64, token: u64, opening: u32) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::Claim(Claim { activity, token, opening })).await
    }

    /// Asks to hold the stock of a cart: all lines or none.
    pub async fn reserve(&self, activity: u64, token: u64, lines: Vec<CartLine>) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::Reserve(Reserve { activity, token, lines, coupons: None })).await
    }

    /// Like [`reserve`](Self::reserve), with coupons.
    pub async fn reserve_with(
        &self, activity: u64, token: u64, lines: Vec<CartLine>, coupons: CouponChoice,
    ) -> Result<Outcome, RequestError> {
        let coupons = Some(coupons);
        self.request(client_frame::Body::Reserve(Reserve { activity, token, lines, coupons })).await
    }

    /// Asks what a cart would cost now. Nothing is held.
    pub async fn quote(
        &self, activity: u64, lines: Vec<CartLine>, coupons: CouponChoice,
    ) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::Quote(Quote { activity, lines, coupons: Some(coupons) })).await
    }

    /// Gives up one's own reserved order.
    pub async fn release(&self, order: u64) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::Release(Release { order })).await
    }

    /// Asks for the prize of a watch task's step, from 1.
    pub async fn claim_step(&self, activity: u64, token: u64, step: u32) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::ClaimStep(ClaimStep { activity, token, step })).await
    }

    /// Checks in.
    pub async fn check_in(&self, activity: u64, token: u64) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::CheckIn(CheckIn { activity, token })).await
    }

    /// Enters a draw ([`RoomView::draw_token`](super::RoomView::draw_token)).
    pub async fn enter_draw(&self, activity: u64, token: u64) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::EnterDraw(EnterDraw { activity, token })).await
    }

    /// Takes a prize, or passes it on.
    pub async fn reply_prize(&self, activity: u64, accept: bool) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::ReplyPrize(ReplyPrize { activity, accept })).await
    }

    /// Asks for the proof that one's own ticket is among the frozen entries of a draw.
    pub async fn prove_ticket(&self, activity: u64) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::ProveTicket(ProveTicket { activity })).await
    }

    /// Says something to the room; hosts only.
    pub async fn announce(&self, text: impl Into<String>) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::Announce(Announce { text: text.into() })).await
    }

    /// Says something to the room. `blocked` and `muted` mean that only the speaker is to see it.
    pub async fn comment(&self, text: impl Into<String>) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::Comment(Comment { text: text.into() })).await
    }

    /// Sends hearts to the room: 1 to 20.
    pub async fn like(&self, hearts: u32) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::Like(Like { hearts })).await
    }

    /// Sends gifts of one kind to the room, from one's own coins.
    pub async fn send_gift(&self, gift: u32, count: u32) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::SendGift(SendGift { gift, count })).await
    }

    /// Becomes a fan, where that is free.
    pub async fn join_fan_club(&self) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::JoinFanClub(JoinFanClub {})).await
    }

    /// Is a fan no more.
    pub async fn leave_fan_club(&self) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::LeaveFanClub(LeaveFanClub {})).await
    }

    /// Asks for the first `top` places of a board and one's own, `back` broadcasts, days or weeks ago.
    pub async fn ask_board(&self, span: BoardSpan, back: u32, top: u32) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::AskBoard(AskBoard { span: span.into(), back, top })).await
    }

    /// Asks what may be sent.
    pub async fn ask_catalogue(&self) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::AskCatalogue(AskCatalogue {})).await
    }

    /// Asks how the fan club is run, and how one stands in it.
    pub async fn ask_fan_club(&self) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::AskFanClub(AskFanClub {})).await
    }

    /// Casts a ballot in a poll: option numbers, each once. `token` is the activity's, as last heard.
    pub async fn vote(&self, activity: u64, token: u64, options: Vec<u32>) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::Vote(Vote { activity, token, options })).await
    }

    /// Asks for a place in an enrolment.
    pub async fn sign_up(&self, activity: u64, token: u64) -> Result<Outcome, RequestError> {
        self.request(client_frame::Body::SignUp(SignUp { activity, token })).await
    }

    /// Asks, under a fresh id.
    pub async fn request(&self, body: client_frame::Body) -> Result<Outcome, RequestError> {
        self.request_with_id(self.ids.next(), body).await
    }

    /// Asks under an id of the caller's: to ask again, over a restart of the program too, what had no answer.
    ///
    /// Dropping the future does not take the request back.
    pub async fn request_with_id(&self, request_id: u64, body: client_frame::Body) -> Result<Outcome, RequestError> {
        let (reply, answered) = oneshot::channel();
        let command = Command { request_id, body, reply };
        self.commands.send(command).await.map_err(|_| RequestError::Ended)?;
        answered.await.unwrap_or(Err(RequestError::Ended))
    }

    /// A fresh id for [`request_with_id`](Self::request_with_id).
    pub fn fresh_request_id(&self) -> u64 {
        self.ids.next()
    }

    fn spawn(options: Options) -> (Self, Events, oneshot::Receiver<Result<(), Disconnect>>) {
        // QUIC keeps a connection alive by itself, and notices when it is not.
        let heartbeat = match &options.transport {
            Transport::Quic(_) => None,
            Transport::WebSocket(_) => Some((KEEP_ALIVE, IDLE_TIMEOUT)),
        };
        let settings = Settings {
            room: options.room.clone(),
            agent: options.agent.clone(),
            targets: options.targets.len(),
            retry: options.retry.clone(),
            heartbeat,
        };
        let core = Core::new(settings, tokio::time::Instant::now().into_std(), os_random());
        let (commands, commands_taken) = mpsc::channel(COMMANDS_MAX);
        let (events_told, events) = mpsc::channel(options.events_max.max(1));
        let (welcomed_told, welcomed) = oneshot::channel();
        tokio::spawn(Driver::new(core, options, commands_taken, events_told, welcomed_told).run());
        let client = Self { commands, ids: Arc::new(RequestIds::random()) };
        (client, Events { events }, welcomed)
    }
}

impl Events {
    /// The next event; `None` when the client has ended.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}
