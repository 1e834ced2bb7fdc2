//! A viewer: the protocol's own client without its sockets, and somebody who presses buttons and remembers every answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use liveroom::rules::{ActivityId, Digest, OrderId, RefusalCode, RequestId, RoomId, Time, UserId};
use liveroom::store::audit::{Ack, Acked, AckedAsk};
use liveroom_protocol::client::core::{Core, Output, Settings};
use liveroom_protocol::client::{Disconnect, Outcome, RequestError, RetryPolicy, RoomView};
use liveroom_protocol::frame::{FrameReader, encode_frame};
use liveroom_protocol::transport::SERVER_FRAME_BYTES_MAX;
use liveroom_protocol::wire::{self, HoldState, answer, client_frame, server_frame};

use crate::referee::Referee;
use crate::tally::Tally;

/// A viewer on one device.
pub(crate) struct Viewer {
    pub(crate) user: UserId,
    pub(crate) room: RoomId,
    pub(crate) is_host: bool,
    /// The connection it holds.
    pub(crate) link: Option<u64>,
    core: Core,
    pub(crate) view: RoomView,
    control: FrameReader,
    room_frames: FrameReader,
    /// Room bytes that came before the welcome.
    room_early: BytesMut,
    pub(crate) asked: BTreeMap<u64, Asked>,
    /// Own orders, and the activities they are of.
    pub(crate) orders: BTreeMap<u64, u64>,
    /// What became of own cash that is or was held, by activity and slot, or rank.
    holds: BTreeMap<(u64, u32), HoldState>,
    stands: Stands,
}

/// A request, and what is known of it.
pub(crate) struct Asked {
    pub(crate) body: client_frame::Body,
    /// Whether it was never asked with other parameters: then all its answers are one.
    pub(crate) honest: bool,
    /// Whether the client is still pursuing it.
    pub(crate) open: bool,
    /// Whether the client gave it up, so that it must be asked again.
    pub(crate) given_up: bool,
    pub(crate) first: Option<answer::Outcome>,
}

/// Where the viewer stands in the room's channel.
#[derive(Default)]
struct Stands {
    at: Option<(u64, u64)>,
    /// Up to here everything missed follows, without a gap.
    recovers_to: u64,
    /// Frames that were skipped on this connection, and those that the server said it had dropped.
    missed: u64,
    dropped: u64,
}

impl Viewer {
    pub(crate) fn new(user: UserId, room: RoomId, is_host: bool, now: Instant, seed: u64) -> Self {
        Self {
            user,
            room,
            is_host,
            link: None,
            core: new_core(room, now, seed),
            view: RoomView::new(),
            control: FrameReader::new(SERVER_FRAME_BYTES_MAX),
            room_frames: FrameReader::new(SERVER_FRAME_BYTES_MAX),
            room_early: BytesMut::new(),
            asked: BTreeMap::new(),
            orders: BTreeMap::new(),
            holds: BTreeMap::new(),
            stands: Stands::default(),
        }
    }

    /// Lets the client do what is due. Says whether it wants a connection, and whether it wants to be rid of one.
    pub(crate) fn turn(&mut self, now: Instant, seed: u64, tally: &mut Tally) -> (bool, bool) {
        if self.core.deadline().is_some_and(|at| at <= now) {
            self.core.handle_deadline(now);
        }
        let (mut connect, mut hang_up) = (false, false);
        while let Some(output) = self.core.poll() {
            match output {
                Output::Connect(_) => connect = true,
                Output::HangUp => hang_up = true,
                Output::Event(event) => self.view.apply(&event),
                Output::Settled { request_id, outcome } => self.settle(request_id, outcome),
            }
        }
        if self.core.is_ended() {
            // Another device, with the same requests on its mind.
            tally.count("viewer.new_device");
            self.core = new_core(self.room, now, seed);
            self.view = RoomView::new();
        }
        self.ask_again(now);
        (connect, hang_up)
    }

    /// The transport is up.
    pub(crate) fn connected(&mut self, now: Instant, link: u64, token: String) {
        self.link = Some(link);
        self.control = FrameReader::new(SERVER_FRAME_BYTES_MAX);
        self.room_frames = FrameReader::new(SERVER_FRAME_BYTES_MAX);
        self.room_early.clear();
        self.core.handle_connected(now, token);
    }

    /// The transport is gone, or did not come up.
    pub(crate) fn disconnected(&mut self, now: Instant) {
        self.link = None;
        let cause = Disconnect::ConnectFailed { detail: "gone".to_owned(), permanent: false };
        self.core.handle_disconnected(now, cause);
    }

    /// Bytes of the control stream.
    pub(crate) fn hear(&mut self, now: Instant, bytes: &[u8], referee: &mut Referee, tally: &mut Tally) {
        let mut bytes = bytes;
        while let Some(frame) = self.control.next(&mut bytes).expect("the server speaks in frames") {
            self.hear_frame(now, frame, referee, tally);
        }
        let early = self.room_early.split();
        self.hear_room(now, &early, referee, tally);
    }

    /// Bytes of the room stream: read once welcomed.
    pub(crate) fn hear_room(&mut self, now: Instant, bytes: &[u8], referee: &mut Referee, tally: &mut Tally) {
        if !self.core.is_live() {
            self.room_early.extend_from_slice(bytes);
            return;
        }
        let mut bytes = bytes;
        while let Some(frame) = self.room_frames.next(&mut bytes).expect("the server speaks in frames") {
            self.hear_frame(now, frame, referee, tally);
        }
    }

    /// What is to be sent.
    pub(crate) fn outgoing(&mut self) -> Bytes {
        self.core.outgoing().split().freeze()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.link.is_some() && self.core.is_live()
    }

    /// Asks for something new.
    pub(crate) fn ask(&mut self, now: Instant, id: u64, body: client_frame::Body, honest: bool) {
        if self.core.is_ended() || !self.core.has_capacity() {
            return;
        }
        let asked = Asked { body: body.clone(), honest, open: true, given_up: false, first: None };
        self.asked.insert(id, asked);
        self.core.submit(now, id, body);
    }

    /// Asks what was answered before.
    pub(crate) fn repeat(&mut self, now: Instant, id: u64) {
        let Some(asked) = self.asked.get_mut(&id) else { return };
        if !asked.open && !self.core.is_ended() && self.core.has_capacity() {
            asked.open = true;
            asked.given_up = false;
            self.core.submit(now, id, asked.body.clone());
        }
    }

    /// Whether so much is unanswered that people stop pressing.
    pub(crate) fn is_waiting(&self) -> bool {
        self.asked.values().filter(|asked| asked.open).count() > 40
    }

    /// Whether every request has come to its end.
    pub(crate) fn is_settled(&self) -> bool {
        self.asked.values().all(|asked| !asked.open && !asked.given_up)
    }

    /// Whether the viewer has heard all that there is up to a place in the channel, but for what it was told was dropped.
    pub(crate) fn stands_at(&self, epoch: u64, offset: u64) -> bool {
        let Some((at_epoch, at)) = self.stands.at else { return false };
        at_epoch == epoch && at <= offset && self.stands.missed + (offset - at) <= self.stands.dropped
    }

    fn hear_frame(&mut self, now: Instant, frame: wire::ServerFrame, referee: &mut Referee, tally: &mut Tally) {
        match frame.body.as_ref().expect("a frame says something") {
            server_frame::Body::Answer(answer) => self.hear_answer(answer, referee, tally),
            server_frame::Body::Own(own) => {
                self.orders.extend(own.orders.iter().map(|order| (order.order, order.activity)));
                let grants = own.grants.iter().map(|grant| ((grant.activity, grant.slot), grant.hold));
                let prizes = own.prizes.iter().map(|prize| ((prize.activity, prize.rank), prize.hold));
                for (unit, hold) in grants.chain(prizes) {
                    let Some(now) = hold.map(|hold| hold.state()) else { continue };
                    let before = self.holds.insert(unit, now).unwrap_or(HoldState::Held);
                    assert!(before == HoldState::Held || before == now, "{} had {before:?}, then {now:?}", self.user);
                    tally.count("viewer.hold_heard");
                }
            }
            body => self.stands.hear(body, tally),
        }
        self.core.handle_frame(now, frame);
        // Events in order: the next frame may refer to them.
        while let Some(output) = self.core.poll() {
            match output {
                Output::Event(event) => self.view.apply(&event),
                Output::Settled { request_id, outcome } => self.settle(request_id, outcome),
                other => panic!("{other:?} does not follow from a frame"),
            }
        }
    }

    fn hear_answer(&mut self, answer: &wire::Answer, referee: &mut Referee, tally: &mut Tally) {
        let outcome = answer.outcome.as_ref().expect("an answer says something");
        if let answer::Outcome::NotDone(why) = outcome {
            tally.count(format!("told.{}", why.code().word()));
        }
        if let answer::Outcome::Order(order) = outcome {
            self.orders.insert(order.order, order.activity);
        }
        let Some(asked) = self.asked.get_mut(&answer.request_id) else { return };
        if !asked.honest || matches!(outcome, answer::Outcome::NotDone(_) | answer::Outcome::Pending(_)) {
            return;
        }
        match &asked.first {
            Some(first) => {
                tally.count("viewer.same_answer");
                assert_eq!(first, outcome, "{} was told something else than before", self.user);
            }
            None => {
                asked.first = Some(outcome.clone());
                if let Some(ack) = ack(self.room, self.user, answer.request_id, &asked.body, outcome, referee) {
                    referee.acknowledged(ack);
                }
            }
        }
    }

    fn settle(&mut self, id: u64, outcome: Result<Outcome, RequestError>) {
        let Some(asked) = self.asked.get_mut(&id) else { return };
        asked.open = false;
        asked.given_up = matches!(outcome, Err(RequestError::Ended | RequestError::Unresolved { .. }));
    }

    fn ask_again(&mut self, now: Instant) {
        for (id, asked) in &mut self.asked {
            if asked.given_up && self.core.has_capacity() {
                (asked.given_up, asked.open) = (false, true);
                self.core.submit(now, *id, asked.body.clone());
            }
        }
    }
}

impl Stands {
    fn hear(&mut self, body: &server_frame::Body, tally: &mut Tally) {
        match body {
            server_frame::Body::Welcome(welcome) => {
                (self.missed, self.dropped, self.recovers_to) = (0, 0, 0);
                if welcome.recovered {
                    tally.count("resume.recovered");
                    let (epoch, offset) = self.at.expect("only who stood somewhere can be recovered");
                    assert!(epoch == welcome.epoch && offset <= welcome.offset, "recovered from another place");
                    self.recovers_to = welcome.offset;
                } else {
                    tally.count("resume.snapshot");
                    self.at = None;
                }
            }
            server_frame::Body::Snapshot(snapshot) => {
                if let Some((epoch, offset)) = self.at {
                    assert_eq!(epoch, snapshot.epoch, "an epoch lasts as long as a connection");
                    assert!(offset <= snapshot.offset, "a snapshot is not older than what was heard");
                }
                self.at = Some((snapshot.epoch, snapshot.offset));
            }
            server_frame::Body::Tick(tick) => {
                let (epoch, offset) = self.at.expect("a snapshot comes before ticks");
                assert_eq!(epoch, tick.epoch, "an epoch lasts as long as a connection");
                let follows = offset >= self.recovers_to || tick.offset == offset + 1;
                assert!(
                    follows,
                    "frame {} follows {offset}, but all up to {} were promised",
                    tick.offset, self.recovers_to
                );
                // What a snapshot was ahead of comes late, and is passed over.
                self.missed += (tick.offset).saturating_sub(offset + 1);
                self.at = Some((epoch, offset.max(tick.offset)));
            }
            server_frame::Body::Dropped(dropped) => self.dropped += dropped.frames,
            _ => {}
        }
    }
}

fn new_core(room: RoomId, now: Instant, seed: u64) -> Core {
    let retry = RetryPolicy {
        request_deadline: Duration::from_secs(120),
        repeat_not_done: true,
        pause_min: Duration::from_millis(20),
        pause_max: Duration::from_secs(1),
        hello_deadline: Duration::from_secs(5),
        ..RetryPolicy::default()
    };
    // Who garbled the stream learns of it by the silence that follows.
    let heartbeat = Some((Duration::from_secs(4), Duration::from_secs(10)));
    let settings =
        Settings { room: room.as_str().to_owned(), agent: "simulated".to_owned(), targets: 1, retry, heartbeat };
    Core::new(settings, now, seed)
}

/// A frame as bytes, for those who send what the client would not.
pub(crate) fn raw(request_id: u64, body: client_frame::Body) -> Bytes {
    let mut bytes = BytesMut::new();
    encode_frame(&wire::ClientFrame { request_id, body: Some(body) }, &mut bytes);
    bytes.freeze()
}

/// What a viewer was told, as the audit reads it.
fn ack(
    room: RoomId, user: UserId, request: u64, body: &client_frame::Body, outcome: &answer::Outcome, referee: &Referee,
) -> Option<Ack> {
    let (ask, activity) = match body {
        client_frame::Body::Claim(claim) => (AckedAsk::Claim, ActivityId(claim.activity)),
        client_frame::Body::Reserve(reserve) => (AckedAsk::Reserve, ActivityId(reserve.activity)),
        client_frame::Body::Release(release) => {
            (AckedAsk::Release, referee.model.order(OrderId(release.order))?.activity)
        }
        _ => return None,
    };
    let answer = match (outcome, body) {
        (answer::Outcome::Grant(grant), _) => {
            let (mut amount_fen, mut held_until, mut coupon, mut item, mut code_hash) = (None, None, None, None, None);
            match grant.prize.clone()? {
                wire::grant::Prize::AmountFen(amount) => {
                    amount_fen = Some(amount);
                    held_until = Some(grant.hold.map(|hold| Time::from_ms(hold.until_ms)));
                }
                wire::grant::Prize::Coupon(name) => coupon = Some(name),
                wire::grant::Prize::Item(name) => item = Some(name),
                wire::grant::Prize::Code(code) => code_hash = Some(Digest::of(code.as_bytes())),
            }
            Acked::Granted { slot: grant.slot, amount_fen, held_until, coupon, item, code_hash }
        }
        (answer::Outcome::Order(order), _) => {
            Acked::Reserved { order: OrderId(order.order), total_fen: order.total_fen }
        }
        (answer::Outcome::Refused(refused), _) => {
            let word = refused.code().word();
            let code = RefusalCode::ALL.into_iter().find(|code| code.word() == word)?;
            Acked::Refused { code }
        }
        (answer::Outcome::Done(_), client_frame::Body::Release(release)) => {
            Acked::Released { order: OrderId(release.order) }
        }
        _ => return None,
    };
    Some(Ack { room, user, request_id: RequestId::new(request)?, ask, activity: Some(activity), answer })
}
