//! The server's side of a connection: a real session, and a look at what goes in and comes out.

use std::sync::Arc;

use bytes::Bytes;
use liveroom::engine::Engine;
use liveroom::fanout::{Delivery, Leave};
use liveroom::gateway::{Budgets, Ended, Network, Quotas, Session, SessionLimits};
use liveroom::rules::{ActivityId, CartLine, CouponChoice, OrderId, RefusalCode, RequestId, RoomId, SkuId, UserId};
use liveroom::store::{Ask, Op, Partition};
use liveroom_protocol::frame::FrameReader;
use liveroom_protocol::wire::{self, answer, client_frame, server_frame};

use crate::server::Credulous;
use crate::tally::Tally;

/// A session and its observer.
pub(crate) struct Door {
    session: Session,
    heard: FrameReader,
    said: FrameReader,
    limits: SessionLimits,
    user: UserId,
    room: RoomId,
    /// Requests that were handed on and not answered.
    in_flight: usize,
}

/// What a session had to say.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) control: Vec<Bytes>,
    pub(crate) room: Vec<Bytes>,
    pub(crate) ended: bool,
    /// Refusals that came at once: the gate's.
    pub(crate) refused: Vec<(Op, RefusalCode)>,
}

impl Door {
    pub(crate) fn new(engine: Engine, limits: SessionLimits, user: UserId, room: RoomId) -> Self {
        let quotas = Quotas::new(limits.rates, Budgets::default());
        let address = Network::of(std::net::Ipv4Addr::LOCALHOST.into());
        Self {
            session: Session::new(engine, Arc::new(Credulous), Arc::new(limits), quotas, address),
            heard: FrameReader::new(limits.frame_bytes_max),
            said: FrameReader::new(u32::MAX),
            limits,
            user,
            room,
            in_flight: 0,
        }
    }

    /// Bytes have arrived. They are handed on one frame at a time, so that each answer that comes at once has its question.
    pub(crate) fn receive(&mut self, bytes: &[u8], tally: &mut Tally) -> Said {
        let mut said = Said::default();
        let mut rest = bytes;
        while !rest.is_empty() && !said.ended {
            let before = rest;
            // Who can't be read any further is told so by the session itself.
            let frame = self.heard.next::<wire::ClientFrame>(&mut rest).unwrap_or_else(|_| {
                rest = &[];
                None
            });
            let piece = &before[..before.len() - rest.len()];
            let done = self.session.receive(piece);
            let answers = self.take_out(&mut said, tally);
            let request = frame.filter(|frame| is_request(frame, self.session.mailbox().is_some()));
            if let Some(frame) = request {
                assert!(answers.len() <= 1, "one answer at most comes at once");
                match answers.into_iter().next().map(|answer| answer.outcome) {
                    None if done.is_ok() => {
                        self.in_flight += 1;
                        assert!(self.in_flight <= self.limits.in_flight_max, "too many requests in flight");
                    }
                    Some(Some(answer::Outcome::Refused(refused))) => {
                        let op = self.op(frame).expect("only claims and carts are refused at once");
                        said.refused.push((op, code(refused.code())));
                    }
                    _ => {}
                }
            }
            said.end(done, tally);
        }
        said
    }

    /// Takes what waits in the mailbox.
    pub(crate) fn deliver(&mut self, tally: &mut Tally) -> Said {
        let mut said = Said::default();
        let mut deliveries = Vec::new();
        if !self.session.mailbox().is_some_and(|mailbox| mailbox.drain(&mut deliveries)) {
            return said;
        }
        self.look_at(&deliveries, tally);
        let done = self.session.deliver(&mut deliveries);
        for answer in self.take_out(&mut said, tally) {
            if !matches!(answer.outcome, Some(answer::Outcome::Pending(_))) {
                self.in_flight = self.in_flight.checked_sub(1).expect("what is answered was asked");
            }
        }
        said.end(done, tally);
        said
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, tally: &mut Tally) -> Said {
        let mut said = Said::default();
        if self.session.until(self.session.tick_at()).is_zero() {
            let done = self.session.tick();
            let pending = self.take_out(&mut said, tally).len();
            tally.add("answered.pending", pending as u64);
            said.end(done, tally);
        }
        said
    }

    /// A mailbox is bounded, whatever happened since it was last emptied.
    fn look_at(&self, deliveries: &[Delivery], tally: &mut Tally) {
        let (mut posts, mut frame_bytes, mut too_slow) = (0, 0, false);
        for delivery in deliveries {
            match delivery {
                Delivery::Post(_) => posts += 1,
                Delivery::Progress(_) => tally.count("mailbox.progress"),
                Delivery::Frame(frame) => frame_bytes += frame.len(),
                Delivery::Dropped(frames) => tally.add("mailbox.talk_dropped", *frames),
                Delivery::Lagged => tally.count("mailbox.lagged"),
                Delivery::Leave(why) => too_slow |= *why == Leave::TooSlow,
            }
        }
        assert!(frame_bytes <= self.limits.mailbox_bytes_max, "{frame_bytes} bytes waited for one viewer");
        assert!(posts <= self.limits.in_flight_max + 64 || too_slow, "{posts} of a viewer's own waited");
    }

    /// Moves what the session has to say, and gives the answers among it.
    fn take_out(&mut self, said: &mut Said, tally: &mut Tally) -> Vec<wire::Answer> {
        let out = self.session.out().split().freeze();
        let mut answers = Vec::new();
        let mut bytes = &out[..];
        while let Some(frame) = self.said.next::<wire::ServerFrame>(&mut bytes).expect("the server speaks in frames") {
            match frame.body {
                Some(server_frame::Body::Answer(answer)) => answers.push(answer),
                Some(server_frame::Body::Goodbye(goodbye)) => tally.count(format!("goodbye.{}", goodbye.reason)),
                _ => {}
            }
        }
        if !out.is_empty() {
            said.control.push(out);
        }
        said.room.append(self.session.room_out());
        answers
    }

    fn op(&self, frame: wire::ClientFrame) -> Option<Op> {
        let ask = match frame.body? {
            client_frame::Body::Claim(claim) => {
                Ask::Claim { activity: ActivityId(claim.activity), token: claim.token, opening: claim.opening }
            }
            client_frame::Body::Reserve(reserve) => {
                let line = |line: &wire::CartLine| CartLine {
                    sku: SkuId(line.sku),
                    quantity: line.quantity,
                    opening: line.opening,
                };
                let cart = reserve.lines.iter().map(line).collect();
                Ask::Reserve {
                    activity: ActivityId(reserve.activity),
                    token: reserve.token,
                    cart,
                    coupons: CouponChoice::None,
                }
            }
            client_frame::Body::Release(release) => Ask::Release { order: OrderId(release.order) },
            _ => return None,
        };
        let request = RequestId::new(frame.request_id);
        Some(Op { partition: Partition::Room(self.room), by: Some(self.user), request, ask })
    }
}

impl Said {
    fn end(&mut self, done: Result<(), Ended>, tally: &mut Tally) {
        if done.is_err() {
            tally.count("session.ended");
            self.ended = true;
        }
    }
}

fn is_request(frame: &wire::ClientFrame, is_live: bool) -> bool {
    let asks = matches!(
        frame.body,
        Some(
            client_frame::Body::Claim(_)
                | client_frame::Body::Reserve(_)
                | client_frame::Body::Release(_)
                | client_frame::Body::EnterDraw(_)
                | client_frame::Body::Announce(_)
        )
    );
    asks && is_live && frame.request_id != 0
}

fn code(code: wire::RefusalCode) -> RefusalCode {
    let same = |known: &&RefusalCode| known.word() == code.word();
    *RefusalCode::ALL.iter().find(same).expect("every code of the wire is one of ours")
}
