//! One viewer's session, without sockets: bytes in, bytes out, time as a parameter.
//!
//! Order of calls: [`Session::receive`] with whatever arrived, and [`Session::finish`] where frames must have ended;
//! [`Session::deliver`] with whatever the mailbox held; [`Session::tick`] at [`Session::tick_at`]. Each may end the
//! session; then what is in the outbox is the last to send.

mod limits;
mod request;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use liveroom_protocol::codes::reason;
use liveroom_protocol::frame::{FrameError, FrameReader, encode_frame};
use liveroom_protocol::transport::{AGENT_BYTES_MAX, VERSION};
use liveroom_protocol::wire::{self, client_frame, server_frame};

use super::quota::{Quota, Quotas};
use super::rate::Bucket;
use super::receipt::ReceiptKey;
use super::token::{Access, Role, TokenError, Verifier};
use super::{Network, wire as translate};
use crate::engine::{Engine, Said, Seat};
use crate::fanout::{Delivery, Mailbox, Position, Post};
use crate::rules::{DrawReceipt, NotDone, NotDoneCode, RequestId, RoomId, Time};
use crate::store::{Answer, Ask, DrawAnswer, DrawEntry};

pub use limits::{Rates, SessionLimits};

pub(super) use limits::Buckets;
use request::{Look, Wish, wish};

/// Who may come in.
pub trait Authenticate: Send + Sync {
    /// Reads a token for `room` at `now`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    fn authenticate(&self, now: Time, token: &str, room: RoomId) -> Result<Access, TokenError>;
}

impl Authenticate for Verifier {
    fn authenticate(&self, now: Time, token: &str, room: RoomId) -> Result<Access, TokenError> {
        self.verify(now, token, room)
    }
}

/// Why a session is over: the goodbye is in the outbox already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The code to close the connection with.
    pub code: wire::GoodbyeCode,
    /// The specific reason, as a word.
    pub reason: &'static str,
}

/// One viewer's session.
pub struct Session {
    engine: Engine,
    authenticate: Arc<dyn Authenticate>,
    limits: Arc<SessionLimits>,
    reader: FrameReader,
    stage: Stage,
    in_flight: VecDeque<(RequestId, Time)>,
    /// When the client was last heard, and after how long a silence it is taken to be gone, ms.
    heard: Time,
    silence_ms_max: Option<u64>,
    /// Signs of life: each connection has its own.
    pings: Bucket,
    quotas: Arc<Quotas>,
    /// Where the client is.
    address: Network,
    receipts: Option<Arc<ReceiptKey>>,
    /// Frames for the control stream.
    out: BytesMut,
    /// Frames for the room stream, shared with everybody.
    room_out: Vec<Bytes>,
    /// Whether they go out in their envelopes.
    enveloped: bool,
}

enum Stage {
    Greeting {
        until: Time,
    },
    /// Until the token is over: nobody stays longer than it lets them.
    Live {
        seat: Seat,
        quota: Quota,
        role: Role,
        until: Time,
    },
}

impl Session {
    /// A session whose client is at `address` and has said nothing yet.
    pub fn new(
        engine: Engine, authenticate: Arc<dyn Authenticate>, limits: Arc<SessionLimits>, quotas: Arc<Quotas>,
        address: Network,
    ) -> Self {
        let now = engine.clock().now();
        Self {
            reader: FrameReader::new(limits.frame_bytes_max),
            stage: Stage::Greeting { until: now.after_ms(limits.hello_timeout_ms) },
            in_flight: VecDeque::new(),
            heard: now,
            silence_ms_max: None,
            pings: Bucket::new(limits.rates.ping, now),
            quotas,
            address,
            receipts: None,
            out: BytesMut::new(),
            room_out: Vec::new(),
            enveloped: false,
            engine,
            authenticate,
            limits,
        }
    }

    /// Signs receipts for entries of draws with this key.
    #[must_use]
    pub fn with_receipts(mut self, receipts: Option<Arc<ReceiptKey>>) -> Self {
        self.receipts = receipts;
        self
    }

    /// Ends the session when the client is silent for so long: where the transport does not see to it.
    #[must_use]
    pub fn with_silence_max(mut self, silence: Duration) -> Self {
        self.silence_ms_max = Some(silence.as_millis() as u64);
        self
    }

    /// Leaves room frames in the WebSocket messages that they are made in.
    #[must_use]
    pub fn with_envelopes(mut self) -> Self {
        self.enveloped = true;
        self
    }

    // ---- queries ----

    /// What waits for the viewer; `None` before the hello.
    pub fn mailbox(&self) -> Option<&Arc<Mailbox>> {
        match &self.stage {
            Stage::Live { seat, .. } => Some(&seat.mailbox),
            Stage::Greeting { .. } => None,
        }
    }

    /// What to send on the control stream.
    pub fn out(&mut self) -> &mut BytesMut {
        &mut self.out
    }

    /// What to send on the room stream.
    pub fn room_out(&mut self) -> &mut Vec<Bytes> {
        &mut self.room_out
    }

    /// When [`Self::tick`] has something to do.
    pub fn tick_at(&self) -> Time {
        let at = match &self.stage {
            Stage::Greeting { until } => *until,
            Stage::Live { until, .. } => match self.in_flight.front() {
                Some((_, since)) => since.after_ms(self.limits.pending_after_ms).min(*until),
                None => *until,
            },
        };
        self.silent_at().map_or(at, |silent| at.min(silent))
    }

    /// How long it is until then.
    pub fn until(&self, at: Time) -> Duration {
        Duration::from_millis(at.ms().saturating_sub(self.engine.clock().now().ms()).max(0) as u64)
    }

    fn silent_at(&self) -> Option<Time> {
        self.silence_ms_max.map(|silence_ms| self.heard.after_ms(silence_ms))
    }

    // ---- what happens ----

    /// Bytes have arrived.
    ///
    /// # Errors
    /// [`Ended`]: send what is in the outbox, then close.
    pub fn receive(&mut self, mut bytes: &[u8]) -> Result<(), Ended> {
        let now = self.engine.clock().now();
        self.heard = now;
        loop {
            match self.reader.next::<wire::ClientFrame>(&mut bytes) {
                Ok(Some(frame)) => self.handle(now, frame)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.no_frame(&error)),
            }
        }
    }

    /// What has arrived so far must end with a frame: the stream or the message is over.
    ///
    /// # Errors
    /// [`Ended`]: send what is in the outbox, then close.
    pub fn finish(&mut self) -> Result<(), Ended> {
        self.reader.finish().map_err(|error| self.no_frame(&error))
    }

    /// The mailbox held something.
    ///
    /// # Errors
    /// [`Ended`]: send what is in the outbox, then close.
    pub fn deliver(&mut self, deliveries: &mut Vec<Delivery>) -> Result<(), Ended> {
        for delivery in deliveries.drain(..) {
            match delivery {
                Delivery::Post(Post::Answer(request, answer)) => {
                    self.settle(request);
                    self.say(request, &answer);
                }
                Delivery::Post(Post::Own(own)) => {
                    encode_frame(&translate::own(&own, |entry| self.receipt(entry)), &mut self.out);
                }
                Delivery::Post(Post::Tier(tier)) => encode_frame(&translate::tier_changed(tier), &mut self.out),
                Delivery::Progress(progress) => encode_frame(&translate::progress(progress), &mut self.out),
                Delivery::Frame(frame) => self.hear(frame),
                Delivery::Post(Post::Reply(request, reply)) => {
                    self.settle(request);
                    encode_frame(&translate::reply(request, &reply), &mut self.out);
                }
                Delivery::Post(Post::Fan(fan)) => encode_frame(&translate::own_fan(&fan), &mut self.out),
                Delivery::Dropped(frames) => {
                    let dropped = wire::Dropped { frames };
                    encode_frame(&translate::frame(server_frame::Body::Dropped(dropped)), &mut self.out);
                }
                Delivery::Lagged => {
                    if let Stage::Live { seat, .. } = &self.stage {
                        let snapshot = self.engine.snapshot(&seat.room);
                        self.hear(snapshot);
                    }
                }
                Delivery::Leave(why) => {
                    let code = translate::leave_code(why);
                    return Err(self.goodbye(code, code.word(), String::new(), 1_000));
                }
            }
        }
        Ok(())
    }

    /// [`Self::tick_at`] has come.
    ///
    /// # Errors
    /// [`Ended`]: send what is in the outbox, then close.
    pub fn tick(&mut self) -> Result<(), Ended> {
        let now = self.engine.clock().now();
        match self.stage {
            Stage::Greeting { until } if now >= until => {
                let code = wire::GoodbyeCode::HelloTimeout;
                return Err(self.goodbye(code, code.word(), String::new(), 0));
            }
            Stage::Live { until, .. } if now >= until => {
                let reason = TokenError::Expired.code();
                return Err(self.goodbye(wire::GoodbyeCode::Unauthorized, reason, String::new(), 0));
            }
            Stage::Greeting { .. } | Stage::Live { .. } => {}
        }
        if self.silent_at().is_some_and(|silent| now >= silent) {
            let code = wire::GoodbyeCode::Idle;
            return Err(self.goodbye(code, code.word(), String::new(), 0));
        }
        // Oldest first; what is said to be pending waits for its turn again.
        while let Some(&(request, since)) = self.in_flight.front() {
            if now < since.after_ms(self.limits.pending_after_ms) {
                break;
            }
            self.in_flight.pop_front();
            self.in_flight.push_back((request, now));
            encode_frame(&translate::pending(request), &mut self.out);
        }
        Ok(())
    }

    /// The client broke the protocol; transports call this for what is theirs to see.
    pub fn broken(&mut self, reason: &'static str, detail: &str) -> Ended {
        self.goodbye(wire::GoodbyeCode::ProtocolError, reason, detail.to_owned(), 0)
    }

    fn handle(&mut self, now: Time, frame: wire::ClientFrame) -> Result<(), Ended> {
        let Some(body) = frame.body else {
            return Err(self.broken(reason::FRAME_TYPE_UNKNOWN, "a frame of a type that this server does not know"));
        };
        match (body, &self.stage) {
            (client_frame::Body::Hello(hello), Stage::Greeting { .. }) => self.greet(now, &hello),
            (client_frame::Body::Hello(_), Stage::Live { .. }) => {
                Err(self.broken(reason::HELLO_TWICE, "a connection says hello once"))
            }
            (_, Stage::Greeting { .. }) => Err(self.broken(reason::HELLO_MISSING, "the first frame is a hello")),
            (client_frame::Body::Ping(ping), _) => {
                if self.pings.take(now).is_err() {
                    return Err(self.broken(reason::PING_FLOOD, "more pings than a sign of life needs"));
                }
                let pong = wire::Pong { nonce: ping.nonce, server_time_ms: now.ms() };
                encode_frame(&translate::frame(server_frame::Body::Pong(pong)), &mut self.out);
                Ok(())
            }
            (body, Stage::Live { .. }) => {
                let Some(request) = RequestId::new(frame.request_id) else {
                    return Err(self.broken(reason::REQUEST_ID_MISSING, "a request has an id that is not zero"));
                };
                self.request(now, request, body);
                Ok(())
            }
        }
    }

    fn greet(&mut self, now: Time, hello: &wire::Hello) -> Result<(), Ended> {
        if hello.version != VERSION {
            let detail = format!("this server speaks version {VERSION}");
            return Err(self.goodbye(wire::GoodbyeCode::Version, wire::GoodbyeCode::Version.word(), detail, 0));
        }
        if hello.agent.len() > AGENT_BYTES_MAX {
            return Err(self.broken(reason::AGENT_TOO_LONG, "an agent has at most 64 bytes"));
        }
        let room = match RoomId::parse(&hello.room) {
            Ok(room) => room,
            Err(why) => {
                let detail = format!("a room id {why}");
                return Err(self.goodbye(wire::GoodbyeCode::UnknownRoom, reason::ROOM_ID_INVALID, detail, 0));
            }
        };
        let access = match self.authenticate.authenticate(now, &hello.token, room) {
            Ok(access) => access,
            Err(why) => return Err(self.goodbye(wire::GoodbyeCode::Unauthorized, why.code(), why.to_string(), 0)),
        };
        if let Err(why) = access.require(Role::Viewer) {
            return Err(self.goodbye(wire::GoodbyeCode::Unauthorized, why.code(), why.to_string(), 0));
        }
        let resume = hello.resume.map(|at| Position { epoch: at.epoch, offset: at.offset });
        let mailbox = Arc::new(Mailbox::new(self.limits.mailbox_bytes_max, self.limits.posts_max));
        let (seat, joined) = match self.engine.join(&room, access.user, access.account, mailbox, resume) {
            Ok(joined) => joined,
            Err(why) => {
                let code = match why.code {
                    NotDoneCode::Banned => wire::GoodbyeCode::Banned,
                    _ => wire::GoodbyeCode::UnknownRoom,
                };
                return Err(self.goodbye(code, why.code.word(), why.detail.into(), 0));
            }
        };
        let role = match access.role {
            // Somebody else's room makes a host a viewer.
            Role::Host if seat.room.host != access.user => Role::Viewer,
            role => role,
        };
        let welcome = wire::Welcome {
            epoch: joined.position.epoch,
            offset: joined.position.offset,
            recovered: joined.recovered,
            server_time_ms: now.ms(),
            in_flight_max: self.limits.in_flight_max as u32,
            frame_bytes_max: self.limits.frame_bytes_max,
        };
        encode_frame(&translate::frame(server_frame::Body::Welcome(welcome)), &mut self.out);
        joined.frames.into_iter().for_each(|frame| self.hear(frame));
        if let Err(why) = self.engine.ask_own(&seat) {
            tracing::debug!(%why, "a viewer's own results were not asked for");
        }
        let quota = self.quotas.join(access.user, self.address, now);
        self.stage = Stage::Live { seat, quota, role, until: access.until };
        Ok(())
    }

    fn hear(&mut self, frame: Bytes) {
        self.room_out.push(if self.enveloped { frame } else { translate::bare(frame) });
    }

    fn request(&mut self, now: Time, request: RequestId, body: client_frame::Body) {
        let Stage::Live { quota, .. } = &self.stage else { return };
        if let Err(why) = quota.take(&body, now) {
            return self.refuse(request, why);
        }
        if self.in_flight.len() >= self.limits.in_flight_max {
            let why = NotDoneCode::TooManyInFlight.for_now("too many requests without an answer", 100);
            return self.refuse(request, why);
        }
        match wish(body) {
            Ok(Wish::Ask(ask)) => self.submit(now, request, ask),
            Ok(Wish::Announce(text)) => self.announce(request, &text),
            Ok(Wish::Comment(text)) => self.comment(now, request, &text),
            Ok(Wish::Like(hearts)) => self.like(request, hearts),
            Ok(Wish::Look(look)) => self.look(now, request, look),
            Err(why) => self.refuse(request, why),
        }
    }

    fn submit(&mut self, now: Time, request: RequestId, ask: Ask) {
        let Stage::Live { seat, .. } = &self.stage else { return };
        match self.engine.submit(seat, request, ask) {
            Some(answer) => self.say(request, &answer),
            // Asked again while the first is under way: both come to the same answer, and to two of it.
            None => self.in_flight.push_back((request, now)),
        }
    }

    fn look(&mut self, now: Time, request: RequestId, look: Look) {
        let Stage::Live { seat, .. } = &self.stage else { return };
        match self.engine.look(seat, request, look.query(seat, now)) {
            Ok(()) => self.in_flight.push_back((request, now)),
            Err(why) => self.refuse(request, why),
        }
    }

    /// An answer of the store. Tickets are signed here: the key is no part of what decides.
    fn say(&mut self, request: RequestId, answer: &Answer) {
        let frame = match answer {
            Answer::Draw(DrawAnswer::Entered(entry)) => {
                translate::ticket(request, entry.activity, &self.receipt(entry))
            }
            _ => translate::answer(request, answer),
        };
        encode_frame(&frame, &mut self.out);
    }

    /// The receipt for a ticket; without a signature where this server has no key.
    fn receipt(&self, entry: &DrawEntry) -> DrawReceipt {
        let Some(key) = &self.receipts else { return entry.receipt() };
        key.sign(entry).unwrap_or_else(|| {
            tracing::error!(draw = entry.draw, "the rules name another receipt key than this server has");
            entry.receipt()
        })
    }

    fn announce(&mut self, request: RequestId, text: &str) {
        let Stage::Live { seat, role, .. } = &self.stage else { return };
        let said = match role {
            Role::Viewer | Role::Risk => Err(NotDoneCode::Forbidden.because("only hosts speak to the room")),
            Role::Host | Role::Operator => self.engine.announce(seat, text),
        };
        match said {
            Ok(()) => encode_frame(&translate::done(request), &mut self.out),
            Err(why) => self.refuse(request, why),
        }
    }

    fn comment(&mut self, now: Time, request: RequestId, text: &str) {
        let Stage::Live { seat, .. } = &self.stage else { return };
        match self.engine.comment(seat, request, text) {
            // What it enters is to be decided before it is done.
            Ok(Said::Keyword) => self.in_flight.push_back((request, now)),
            Ok(Said::Talk) => encode_frame(&translate::done(request), &mut self.out),
            Err(why) => self.refuse(request, why),
        }
    }

    fn like(&mut self, request: RequestId, hearts: u32) {
        let Stage::Live { seat, .. } = &self.stage else { return };
        self.engine.like(seat, hearts);
        encode_frame(&translate::done(request), &mut self.out);
    }

    fn refuse(&mut self, request: RequestId, why: NotDone) {
        let answer = crate::store::Answer::NotDone(why);
        encode_frame(&translate::answer(request, &answer), &mut self.out);
    }

    /// Answers come in the order of the requests, but for those that were repeated.
    fn settle(&mut self, request: RequestId) {
        if let Some(place) = self.in_flight.iter().position(|(waiting, _)| *waiting == request) {
            self.in_flight.remove(place);
        }
    }

    fn no_frame(&mut self, error: &FrameError) -> Ended {
        self.goodbye(wire::GoodbyeCode::ProtocolError, error.word(), error.to_string(), 0)
    }

    fn goodbye(&mut self, code: wire::GoodbyeCode, reason: &'static str, detail: String, retry_after_ms: u32) -> Ended {
        let goodbye = wire::Goodbye { code: code.into(), reason: reason.to_owned(), detail, retry_after_ms };
        encode_frame(&translate::frame(server_frame::Body::Goodbye(goodbye)), &mut self.out);
        Ended { code, reason }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Stage::Live { seat, .. } = &self.stage {
            self.engine.leave(seat);
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("in_flight", &self.in_flight.len()).finish_non_exhaustive()
    }
}
