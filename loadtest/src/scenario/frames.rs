//! A viewer's questions, and the server's answers as far as the tester needs them.

use liveroom_protocol::codes::Retry;
use liveroom_protocol::wire::{NotDoneCode, RefusalCode};

use super::fields::{Fields, Value};
use crate::drive::NotUnderstood;

/// Where the request id is in an encoded request: behind the length, one byte for what is that short, and its own tag.
pub(super) const ID_AT: usize = 2;

/// Appends the request `frame` under the name `id`.
pub(super) fn write_request(frame: &[u8], id: u64, out: &mut Vec<u8>) {
    let start = out.len() + ID_AT;
    out.extend_from_slice(frame);
    out[start..start + 8].copy_from_slice(&id.to_le_bytes());
}

/// What came from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// The answer to a request.
    Answer(u64, Outcome<'a>),
    /// A snapshot or a tick.
    Room,
    /// The connection will end: the word that says why.
    Goodbye(&'a str),
    /// Something else.
    Other,
}

/// What an answer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome<'a> {
    /// A share.
    Grant(Granted<'a>),
    /// An order.
    Order(Reserved),
    /// Decided against.
    Refused(RefusalCode),
    /// Nothing was done.
    NotDone(NotDoneCode),
    /// Not known yet.
    Pending,
    /// Done.
    Done,
}

/// A share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Granted<'a> {
    pub(super) activity: u64,
    pub(super) slot: u32,
    pub(super) amount_fen: i64,
    /// Empty: cash.
    pub(super) coupon: &'a [u8],
    pub(super) at_ms: u64,
    /// Until when the cash is held, if it is.
    pub(super) held_until_ms: Option<u64>,
}

/// An order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reserved {
    pub(super) order: u64,
    pub(super) activity: u64,
    pub(super) total_fen: i64,
    pub(super) hold_until_ms: u64,
}

impl<'a> Heard<'a> {
    /// Reads one message.
    pub(super) fn read(message: &'a [u8]) -> Result<Self, NotUnderstood> {
        let Some((body, value)) = Fields(message).next().transpose()? else {
            return Ok(Self::Other);
        };
        Ok(match body {
            2 => return answer(value.bytes()),
            3 | 4 => Self::Room,
            6 => Self::Goodbye(goodbye_word(value.bytes())),
            _ => Self::Other,
        })
    }
}

impl Outcome<'_> {
    /// Whether it tells about this sending only, and another may be done.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::NotDone(code) if code.retry() == Retry::Later)
    }

    /// Whether it is an answer for ever.
    pub(super) fn is_decided(&self) -> bool {
        matches!(self, Self::Grant(_) | Self::Order(_) | Self::Refused(_) | Self::Done)
    }
}

fn answer(bytes: &[u8]) -> Result<Heard<'_>, NotUnderstood> {
    let (mut id, mut outcome) = (0, None);
    for field in Fields(bytes) {
        let (number, value) = field?;
        match number {
            1 => id = value.number(),
            2 => outcome = Some(Outcome::Grant(granted(value.bytes())?)),
            3 => outcome = Some(Outcome::Order(reserved(value.bytes())?)),
            4 => {
                let code = RefusalCode::try_from(first_number(value)? as i32).unwrap_or_default();
                outcome = Some(Outcome::Refused(code));
            }
            5 => {
                let code = NotDoneCode::try_from(first_number(value)? as i32).unwrap_or_default();
                outcome = Some(Outcome::NotDone(code));
            }
            6 => outcome = Some(Outcome::Pending),
            7 => outcome = Some(Outcome::Done),
            _ => {}
        }
    }
    outcome.map(|outcome| Heard::Answer(id, outcome)).ok_or(NotUnderstood("an answer without an outcome"))
}

fn granted(bytes: &[u8]) -> Result<Granted<'_>, NotUnderstood> {
    let mut granted = Granted::default();
    for field in Fields(bytes) {
        let (number, value) = field?;
        match number {
            1 => granted.activity = value.number(),
            2 => granted.slot = value.number() as u32,
            3 => granted.amount_fen = value.number() as i64,
            4 => granted.coupon = value.bytes(),
            5 => granted.at_ms = value.number(),
            70 => granted.held_until_ms = Some(first_number(value)?),
            _ => {}
        }
    }
    Ok(granted)
}

fn reserved(bytes: &[u8]) -> Result<Reserved, NotUnderstood> {
    let mut reserved = Reserved::default();
    for field in Fields(bytes) {
        let (number, value) = field?;
        match number {
            1 => reserved.order = value.number(),
            2 => reserved.activity = value.number(),
            5 => reserved.total_fen = value.number() as i64,
            6 => reserved.hold_until_ms = value.number(),
            _ => {}
        }
    }
    Ok(reserved)
}

/// The first number in a message: the code of a refusal or the like, or until when something is held.
fn first_number(value: Value<'_>) -> Result<u64, NotUnderstood> {
    let first = Fields(value.bytes()).next().transpose()?;
    Ok(first.map_or(0, |(_, value)| value.number()))
}

fn goodbye_word(bytes: &[u8]) -> &str {
    let reason = Fields(bytes).filter_map(Result::ok).find(|(number, _)| *number == 2);
    reason.and_then(|(_, word)| std::str::from_utf8(word.bytes()).ok()).unwrap_or("goodbye")
}

#[cfg(test)]
mod tests {
    use super::super::fields::next_message;
    use super::*;
    use bytes::BytesMut;
    use liveroom_protocol::frame::encode_frame;
    use liveroom_protocol::wire::{
        Answer, Goodbye, Grant, Hold, HoldState, NotDone, Order, Pending, Refused, ServerFrame, Tick, answer, grant,
        server_frame,
    };

    fn read(body: server_frame::Body, check: impl FnOnce(Heard<'_>)) {
        let mut bytes = BytesMut::new();
        encode_frame(&ServerFrame { body: Some(body) }, &mut bytes);
        let mut input = &bytes[..];
        check(Heard::read(next_message(&mut input).unwrap().unwrap()).unwrap());
        assert!(input.is_empty());
    }

    fn said(outcome: answer::Outcome, want: Outcome<'_>) {
        let answer = Answer { request_id: u64::MAX - 1, outcome: Some(outcome) };
        read(server_frame::Body::Answer(answer), |heard| assert_eq!(heard, Heard::Answer(u64::MAX - 1, want)));
    }

    #[test]
    fn answers_are_read_as_they_are_written() {
        let prize = |prize| Grant {
            activity: 300,
            slot: 7,
            prize: Some(prize),
            at_ms: 1_800_000_000_000,
            coupon_id: 0,
            hold: None,
        };
        let granted = Granted { activity: 300, slot: 7, at_ms: 1_800_000_000_000, ..Granted::default() };
        let cash = Outcome::Grant(Granted { amount_fen: 888, ..granted });
        said(answer::Outcome::Grant(prize(grant::Prize::AmountFen(888))), cash);
        let hold = Some(Hold { until_ms: 1_800_000_060_000, state: HoldState::Held.into() });
        let held = Granted { amount_fen: 7, held_until_ms: Some(1_800_000_060_000), ..granted };
        said(answer::Outcome::Grant(Grant { hold, ..prize(grant::Prize::AmountFen(7)) }), Outcome::Grant(held));
        let coupon = Outcome::Grant(Granted { coupon: b"tea", ..granted });
        said(answer::Outcome::Grant(prize(grant::Prize::Coupon("tea".to_owned()))), coupon);
        let order = Order { order: 5, activity: 6, phase: 1, total_fen: 990, hold_until_ms: 77, ..Order::default() };
        let reserved = Reserved { order: 5, activity: 6, total_fen: 990, hold_until_ms: 77 };
        said(answer::Outcome::Order(order), Outcome::Order(reserved));
        let refused = Refused { code: RefusalCode::SoldOut.into(), detail: "all gone".to_owned() };
        said(answer::Outcome::Refused(refused), Outcome::Refused(RefusalCode::SoldOut));
        let not_done = NotDone { code: NotDoneCode::Overloaded.into(), ..NotDone::default() };
        said(answer::Outcome::NotDone(not_done), Outcome::NotDone(NotDoneCode::Overloaded));
        said(answer::Outcome::Pending(Pending {}), Outcome::Pending);
    }

    #[test]
    fn the_rest_is_told_apart() {
        read(server_frame::Body::Tick(Tick::default()), |heard| assert_eq!(heard, Heard::Room));
        let goodbye = Goodbye { reason: "token_expired".to_owned(), code: 4, ..Goodbye::default() };
        read(server_frame::Body::Goodbye(goodbye), |heard| assert_eq!(heard, Heard::Goodbye("token_expired")));
        assert!(Outcome::NotDone(NotDoneCode::Overloaded).may_pass());
        assert!(!Outcome::NotDone(NotDoneCode::Conflict).may_pass());
    }
}
