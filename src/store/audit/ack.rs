//! What clients were told, written down by somebody other than the server.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::num::NonZeroU64;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Verdict;
use crate::rules::{
    ActivityId, AwardState, ComboId, Digest, Kind, OrderId, Prize, RefusalCode, RequestId, RoomId, UserId,
};
use crate::store::{
    Answer, Ask, Cause, DrawAnswer, DrawAsk, Event, GiftAnswer, GiftAsk, PresenceAnswer, PresenceAsk, Recorded, Tables,
};

/// One acknowledgement: a decided answer that a client received. A file of them has one JSON object a line:
///
/// ```json
/// {"room":"r1","user":"ann","request_id":"9007199254740993","ask":"claim","activity":1,"answer":"granted","slot":1,"amount_fen":88}
/// {"room":"r1","user":"bob","request_id":"7","ask":"claim","activity":1,"answer":"granted","slot":1,"coupon":"tea-10"}
/// {"room":"r1","user":"bob","request_id":"8","ask":"reserve","activity":2,"answer":"reserved","order":4,"total_fen":19900}
/// {"room":"r1","user":"bob","request_id":"9","ask":"release","activity":2,"answer":"released","order":4}
/// {"room":"r1","user":"bob","request_id":"10","ask":"send_gift","answer":"sent","combo":3,"total":52,"balance_coins":740}
/// {"room":"r1","user":"bob","request_id":"10","ask":"enter","activity":3,"answer":"entered","leaf":7}
/// {"room":"r1","user":"bob","request_id":"11","ask":"reply","activity":3,"answer":"prize","rank":0,"kept":true}
/// {"room":"r1","user":"cyd","request_id":"3","ask":"reserve","activity":2,"answer":"refused","code":"sold_out"}
/// ```
///
/// `request_id` is a decimal string, because JSON readers keep only 53 bits of a number. `activity` may be left out where
/// a client does not know it (`release`). Answers that decide nothing (`not done`, `pending`) are no acknowledgements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The room.
    pub room: RoomId,
    /// Who asked.
    pub user: UserId,
    /// The asker's name for the request.
    #[serde(serialize_with = "as_decimal", deserialize_with = "from_decimal")]
    pub request_id: RequestId,
    /// What was asked for.
    pub ask: AckedAsk,
    /// Of which activity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<ActivityId>,
    /// What was answered.
    #[serde(flatten)]
    pub answer: Acked,
}

/// Requests that viewers make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckedAsk {
    /// A share of a rain.
    Claim,
    /// Stock of a sale.
    Reserve,
    /// To give an order up.
    Release,
    /// The prize of a watch task's step.
    ClaimStep,
    /// To check in.
    CheckIn,
    /// To send gifts.
    SendGift,
    /// To become a fan.
    JoinFanClub,
    /// To be a fan no more.
    LeaveFanClub,
    /// To enter a draw.
    Enter,
    /// To take a prize, or to pass it on.
    Reply,
}

/// Decided answers to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Acked {
    /// A share was given: cash, a coupon, a thing or a code.
    Granted {
        /// The user's n-th in this activity.
        slot: u32,
        /// The cash, fen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount_fen: Option<i64>,
        /// The coupon's template.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        coupon: Option<String>,
        /// The thing's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
        /// SHA-256 of the code: what it is stays its winner's secret.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code_hash: Option<Digest>,
    },
    /// Checked in.
    CheckedIn {
        /// Broadcast days in a row.
        streak: u32,
    },
    /// Stock is held.
    Reserved {
        /// The order.
        order: OrderId,
        /// What it costs, fen.
        total_fen: i64,
    },
    /// An order gave its stock back.
    Released {
        /// The order.
        order: OrderId,
    },
    /// Gifts were sent.
    Sent {
        /// Their combo.
        combo: ComboId,
        /// How many gifts it had then.
        total: u32,
        /// What the sender had left.
        balance_coins: i64,
    },
    /// A fan now.
    Joined,
    /// No fan any more.
    Left,
    /// Decided against the asker.
    Refused {
        /// Why.
        code: RefusalCode,
    },
    /// The ticket is in.
    Entered {
        /// Its place, from 0.
        leaf: u32,
    },
    /// What became of a prize.
    Prize {
        /// The winner's place in the ranking, from 0.
        rank: u32,
        /// Whether it was taken, or passed on.
        kept: bool,
    },
}

/// Why a file of acknowledgements can't be read.
#[derive(Debug, thiserror::Error)]
pub enum AcksError {
    /// The file.
    #[error("can't read the acknowledgements: {0}")]
    Io(#[from] io::Error),
    /// A line that is no acknowledgement.
    #[error("line {line} is no acknowledgement: {source}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads acknowledgements, one a line. A last line without its end was cut when its writer stopped: it is left out.
pub fn read_acks(mut from: impl BufRead) -> Result<Vec<Ack>, AcksError> {
    let (mut acks, mut text) = (Vec::new(), String::new());
    for line in 1.. {
        text.clear();
        if from.read_line(&mut text)? == 0 || !text.ends_with('\n') {
            break;
        }
        if !text.trim().is_empty() {
            acks.push(serde_json::from_str(&text).map_err(|source| AcksError::Line { line, source })?);
        }
    }
    Ok(acks)
}

impl Ack {
    /// What a viewer was told, if it was a decision on something that viewers ask for.
    pub fn of(room: RoomId, user: UserId, request_id: RequestId, ask: &Ask, answer: &Answer) -> Option<Self> {
        let (ask, activity) = match ask {
            Ask::Claim { activity, .. } => (AckedAsk::Claim, Some(*activity)),
            Ask::Reserve { activity, .. } => (AckedAsk::Reserve, Some(*activity)),
            Ask::Release { .. } => (AckedAsk::Release, None),
            Ask::Presence(PresenceAsk::ClaimStep { activity, .. }) => (AckedAsk::ClaimStep, Some(*activity)),
            Ask::Presence(PresenceAsk::CheckIn { activity, .. }) => (AckedAsk::CheckIn, Some(*activity)),
            Ask::Gift(GiftAsk::Send { .. }) => (AckedAsk::SendGift, None),
            Ask::Gift(GiftAsk::JoinFanClub) => (AckedAsk::JoinFanClub, None),
            Ask::Gift(GiftAsk::LeaveFanClub) => (AckedAsk::LeaveFanClub, None),
            Ask::Draw(DrawAsk::Enter { activity, .. }) => (AckedAsk::Enter, Some(*activity)),
            Ask::Draw(DrawAsk::Reply { activity, .. }) => (AckedAsk::Reply, Some(*activity)),
            _ => return None,
        };
        Some(Self { room, user, request_id, ask, activity, answer: Acked::of(answer)? })
    }

    /// Whether the tables know of it.
    fn verify(&self, tables: &Tables) -> Verdict<()> {
        let Self { room, user, request_id, ask, answer, .. } = self;
        let told = || format!("{user} in {room} was told {answer:?} for request {request_id}");
        match tables.receipt(room, *user, *request_id) {
            Some((_, kept)) if Acked::of(&kept).as_ref() == Some(answer) => Ok(()),
            Some((_, kept)) => Err(format!("{}, the state says {kept:?}", told())),
            None if answer.is_derived(*ask) || self.follows_from_draw(tables) => Ok(()),
            None => Err(format!("{}, the state does not know of it", told())),
        }
    }
}

impl Ack {
    /// Who asks once more for what is done is told so, without another record.
    fn follows_from_draw(&self, tables: &Tables) -> bool {
        let activity = self.activity.and_then(|id| tables.activity(id));
        let Some(Kind::Draw(draw)) = activity.and_then(|activity| activity.kind.as_ref()) else { return false };
        match self.answer {
            Acked::Entered { leaf } => draw.leaf_of(&self.user) == Some(leaf),
            Acked::Prize { rank, kept: true } => {
                draw.award_of(&self.user).is_some_and(|(at, award)| at == rank && award.state == AwardState::Kept)
            }
            _ => false,
        }
    }
}

impl Acked {
    fn of(answer: &Answer) -> Option<Self> {
        Some(match answer {
            Answer::Granted(grant) => {
                let (mut amount_fen, mut coupon, mut item, mut code_hash) = (None, None, None, None);
                match &grant.prize {
                    Prize::Cash(amount) => amount_fen = Some(amount.get()),
                    Prize::Coupon(name) => coupon = Some(name.clone()),
                    Prize::Item(name) => item = Some(name.clone()),
                    Prize::Code(code) => code_hash = Some(code.hash()),
                }
                Self::Granted { slot: grant.slot, amount_fen, coupon, item, code_hash }
            }
            Answer::Reserved(order) => Self::Reserved { order: order.id, total_fen: order.total.get() },
            Answer::Released(order) => Self::Released { order: *order },
            Answer::Gift(GiftAnswer::Sent { combo, total, balance }) => {
                Self::Sent { combo: *combo, total: *total, balance_coins: *balance }
            }
            Answer::Gift(GiftAnswer::Joined) => Self::Joined,
            Answer::Gift(GiftAnswer::Left) => Self::Left,
            Answer::Refused(refusal) => Self::Refused { code: refusal.code },
            Answer::Presence(PresenceAnswer::CheckedIn { streak, .. }) => Self::CheckedIn { streak: *streak },
            Answer::Draw(DrawAnswer::Entered(entry)) => Self::Entered { leaf: entry.leaf },
            Answer::Draw(DrawAnswer::Prize(prize)) => {
                Self::Prize { rank: prize.rank, kept: prize.state == AwardState::Kept }
            }
            _ => return None,
        })
    }

    /// Whether it follows from facts that last for ever, so that nothing was recorded for it.
    fn is_derived(&self, ask: AckedAsk) -> bool {
        let Self::Refused { code } = self else { return false };
        match code {
            RefusalCode::NotOpen | RefusalCode::Closed | RefusalCode::SoldOut | RefusalCode::OrderPaid => true,
            RefusalCode::LimitReached => ask == AckedAsk::Claim,
            RefusalCode::InsufficientStock
            | RefusalCode::OrderReleased
            | RefusalCode::RoomDayLimit
            | RefusalCode::WinCap
            | RefusalCode::TierTooLow
            | RefusalCode::NotInFanClub
            | RefusalCode::WatchedTooLittle
            | RefusalCode::NotCheckedIn
            | RefusalCode::KeywordNotPosted
            | RefusalCode::GiftNotSent
            | RefusalCode::NotNewcomer
            | RefusalCode::WonTooOften
            | RefusalCode::AccountTooNew
            | RefusalCode::RiskTooHigh
            | RefusalCode::NotOnAir
            | RefusalCode::CheckedInAlready
            | RefusalCode::CouponUnusable
            | RefusalCode::CouponNotApplicable
            | RefusalCode::EarlyEntryOnly
            | RefusalCode::NotInArm => false,
            // What the rules say, and what was passed on, stays so.
            RefusalCode::Excluded | RefusalCode::PrizePassed => true,
        }
    }
}

/// Every acknowledgement is in the state, and none says something else than another.
#[derive(Default)]
pub(super) struct AcksKept {
    /// Those still to be looked up.
    acks: HashMap<(RoomId, UserId, RequestId), Ack>,
    /// All that there were.
    count: u64,
    /// The first that an archived activity did not know of.
    lost: Option<String>,
    /// The first request that got two answers.
    unstable: Option<String>,
    /// Requests that the log decides.
    decided: u64,
}

impl AcksKept {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn add(&mut self, ack: Ack) {
        self.count += 1;
        let key = (ack.room, ack.user, ack.request_id);
        let Some(first) = self.acks.get(&key) else {
            self.acks.insert(key, ack);
            return;
        };
        if (&first.answer, first.ask) != (&ack.answer, ack.ask) {
            let Ack { room, user, request_id, answer, .. } = &ack;
            let both =
                format!("{user} in {room} was told {:?}, then {answer:?} for request {request_id}", first.answer);
            self.unstable.get_or_insert(both);
        }
    }

    /// An activity is about to leave the tables: the last moment to look.
    pub(super) fn settle(&mut self, activity: ActivityId, tables: &Tables) {
        let lost = &mut self.lost;
        self.acks.retain(|_, ack| {
            // A release may not name its activity; its receipt does.
            let of = || tables.receipt_activity(&ack.room, ack.user, ack.request_id);
            let goes = ack.activity.or_else(of) == Some(activity);
            if goes && let Err(wrong) = ack.verify(tables) {
                lost.get_or_insert(wrong);
            }
            !goes
        });
    }

    /// What belongs to no activity and was decided long ago is about to leave the tables: the last moment to look.
    pub(super) fn forget(&mut self, room: &RoomId, tables: &Tables) {
        let lost = &mut self.lost;
        self.acks.retain(|(of, user, request), ack| {
            let goes = of == room && tables.forgets_next(room, *user, *request);
            if goes && let Err(wrong) = ack.verify(tables) {
                lost.get_or_insert(wrong);
            }
            !goes
        });
    }

    /// A request is decided once.
    pub(super) fn see(&mut self, recorded: &Recorded, tables: &Tables) {
        let Some((room, user, request)) = request_of(&recorded.event) else { return };
        self.decided += 1;
        if tables.receipt(room, user, request).is_some() {
            let twice = format!("event {} decides request {request} of {user} in {room} again", recorded.no);
            self.unstable.get_or_insert(twice);
        }
    }

    pub(super) fn stable(&self) -> Verdict {
        match &self.unstable {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(format!("{} requests decided, {} answers seen", self.decided, self.count)),
        }
    }

    pub(super) fn kept(&self, tables: &Tables) -> Verdict {
        if let Some(wrong) = &self.lost {
            return Err(wrong.clone());
        }
        self.acks.values().try_for_each(|ack| ack.verify(tables))?;
        Ok(format!("{} acknowledgements", self.count))
    }
}

/// The request that an event decides.
fn request_of(event: &Event) -> Option<(&RoomId, UserId, RequestId)> {
    match event {
        Event::Granted { room, user, request, .. } | Event::Reserved { room, user, request, .. } => {
            Some((room, *user, *request))
        }
        Event::Drafted { room, cause, .. }
        | Event::Rejected { room, cause, .. }
        | Event::Stepped { room, cause, .. }
        | Event::Amended { room, cause, .. }
        | Event::Refused { room, cause, .. }
        | Event::Released { room, cause, .. }
        | Event::Paid { room, cause, .. }
        | Event::RoomCreated { room, cause, .. } => {
            let Cause { by, request } = cause;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Draw { room, what, .. } => {
            let Cause { by, request } = what.cause();
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Presence { room, what } => {
            let (user, request, _) = what.request()?;
            Some((room, user, request))
        }
        Event::Campaign { room, what } => {
            let Cause { by, request } = what.cause()?;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Template { room, what } => {
            let Cause { by, request } = what.cause()?;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Experiment { room, what } => {
            let Cause { by, request } = what.cause()?;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Talk { room, what } => what.request().map(|(user, request)| (room, user, request)),
        Event::Coupon { room, what } => {
            let Cause { by, request } = what.cause()?;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Risk { room: Some(room), what } => {
            let Cause { by, request } = what.cause();
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Gift { room, what } => what.request().map(|(user, request)| (room, user, request)),
        Event::WaveReleased { .. }
        | Event::OpenedToAll { .. }
        | Event::ToppedUp { .. }
        | Event::Archived { .. }
        | Event::Forgotten { .. }
        | Event::CatalogueSet { .. }
        | Event::Risk { room: None, .. } => None,
    }
}

fn as_decimal<S: Serializer>(id: &RequestId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn from_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RequestId, D::Error> {
    let text = String::deserialize(deserializer)?;
    let id: NonZeroU64 = text.parse().map_err(de::Error::custom)?;
    Ok(RequestId(id))
}
