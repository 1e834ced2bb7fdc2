//! What clients were told, written down by somebody other than the server.

use std::io::{self, BufRead};
use std::num::NonZeroU64;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Verdict;
use crate::rules::{
    Activity, ActivityId, AwardState, ComboId, Digest, Fen, HoldState, Kind, OrderId, Prize, RefusalCode, RequestId,
    RoomId, Time, UserId,
};
use crate::store::{
    Answer, Ask, DrawAnswer, DrawAsk, DrawPrize, GiftAnswer, GiftAsk, PresenceAnswer, PresenceAsk, Tables,
};

/// What a client was told. A file has one JSON object a line: an acknowledgement, which names the request that it answers, or a notice,
/// which came unasked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// The answer to a request.
    Answer(Ack),
    /// What became of cash that is held.
    Notice(Notice),
}

/// One acknowledgement: a decided answer that a client received.
///
/// ```json
/// {"room":"r1","user":"ann","request_id":"9007199254740993","ask":"claim","activity":1,"answer":"granted","slot":1,"amount_fen":88,"held_until_ms":null}
/// {"room":"r1","user":"bot","request_id":"4","ask":"claim","activity":1,"answer":"granted","slot":1,"amount_fen":35,"held_until_ms":1800000600000}
/// {"room":"r1","user":"bob","request_id":"7","ask":"claim","activity":1,"answer":"granted","slot":1,"coupon":"tea-10"}
/// {"room":"r1","user":"bob","request_id":"8","ask":"reserve","activity":2,"answer":"reserved","order":4,"total_fen":19900}
/// {"room":"r1","user":"bob","request_id":"9","ask":"release","activity":2,"answer":"released","order":4}
/// {"room":"r1","user":"bob","request_id":"10","ask":"send_gift","answer":"sent","combo":3,"total":52,"balance_coins":740}
/// {"room":"r1","user":"bob","request_id":"10","ask":"enter","activity":3,"answer":"entered","leaf":7}
/// {"room":"r1","user":"bob","request_id":"11","ask":"reply","activity":3,"answer":"prize","rank":0,"kept":true}
/// {"room":"r1","user":"bob","request_id":"12","ask":"check_in","activity":4,"answer":"checked_in","streak":7,"held_until_ms":null}
/// {"room":"r1","user":"cyd","request_id":"3","ask":"reserve","activity":2,"answer":"refused","code":"sold_out"}
/// ```
///
/// `request_id` is a decimal string, because JSON readers keep only 53 bits of a number. `activity` may be left out where
/// a client does not know it (`release`). Answers that decide nothing (`not done`, `pending`) are no acknowledgements.
/// What gives cash says until when it is held, or `null`: it came into the wallet at once. Where that is left out, as it was before cash
/// could be held, nothing is asked about it.
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

/// What a client was told unasked of cash that it has won and that is held, or was: each time that something became of it, and each time
/// that the client came back.
///
/// ```json
/// {"room":"r1","user":"bot","activity":1,"slot":1,"amount_fen":35,"held_until_ms":1800000600000,"hold":"forfeited"}
/// {"room":"r1","user":"bot","activity":3,"rank":0,"amount_fen":888,"held_until_ms":1800000600000,"hold":"held"}
/// ```
///
/// `hold` is `credited` or `forfeited`, which is for ever, or `held`, which may have ended since.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// The room.
    pub room: RoomId,
    /// Whose cash it is.
    pub user: UserId,
    /// What it was won in.
    pub activity: ActivityId,
    /// Which of that.
    #[serde(flatten)]
    pub won: Won,
    /// How much.
    pub amount_fen: i64,
    /// Until when it is held at the latest.
    #[serde(rename = "held_until_ms")]
    pub held_until: Time,
    /// What became of it.
    pub hold: HoldState,
}

/// Which of what an activity gives somebody has won.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Won {
    /// The user's n-th grant, from 1.
    Slot(u32),
    /// The prize of the n-th winner of a draw, from 0.
    Rank(u32),
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
        /// Until when the cash is held, if it is; nothing if that was not said.
        #[serde(rename = "held_until_ms", default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
        held_until: Option<Option<Time>>,
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
        /// Until when the cash that it brought is held, if it is; nothing if that was not said.
        #[serde(rename = "held_until_ms", default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
        held_until: Option<Option<Time>>,
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
        /// Until when its cash is held, if it is; nothing if that was not said.
        #[serde(rename = "held_until_ms", default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
        held_until: Option<Option<Time>>,
    },
}

/// Why a file of acknowledgements can't be read.
#[derive(Debug, thiserror::Error)]
pub enum AcksError {
    /// The file.
    #[error("can't read the acknowledgements")]
    Io(#[from] io::Error),
    /// A line that is no acknowledgement.
    #[error("line {line} is no acknowledgement")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Reads what clients were told, one thing a line. A last line without its end was cut when its writer stopped: it is left out.
///
/// # Errors
/// When it can't be read, or a line is none of it.
pub fn read_acks(mut from: impl BufRead) -> Result<Vec<Told>, AcksError> {
    let (mut acks, mut text) = (Vec::new(), String::new());
    for line in 1.. {
        text.clear();
        if from.read_line(&mut text)? == 0 || !text.ends_with('\n') {
            break;
        }
        if !text.trim().is_empty() {
            acks.push(Told::read(&text).map_err(|source| AcksError::Line { line, source })?);
        }
    }
    Ok(acks)
}

impl Told {
    fn read(text: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            hold: Option<de::IgnoredAny>,
        }
        match serde_json::from_str::<Head>(text)?.hold {
            None => serde_json::from_str(text).map(Self::Answer),
            Some(_) => serde_json::from_str(text).map(Self::Notice),
        }
    }
}

impl From<Ack> for Told {
    fn from(ack: Ack) -> Self {
        Self::Answer(ack)
    }
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
    pub(super) fn verify(&self, tables: &Tables) -> Verdict<()> {
        let Self { room, user, request_id, ask, answer, .. } = self;
        let told = || format!("{user} in {room} was told {answer:?} for request {request_id}");
        match tables.receipt(room, *user, *request_id) {
            Some((_, kept)) if Acked::of(&kept).is_some_and(|kept| kept.told_like(answer) == *answer) => Ok(()),
            Some((_, kept)) => Err(format!("{}, the state says {kept:?}", told())),
            None if answer.is_derived(*ask) || self.follows_from_draw(tables) => Ok(()),
            None => Err(format!("{}, the state does not know of it", told())),
        }
    }
}

impl Ack {
    /// Who asks once more for what is done is told so, without another record.
    fn follows_from_draw(&self, tables: &Tables) -> bool {
        let Some(activity) = self.activity.and_then(|id| tables.activity(id)) else { return false };
        let Some(Kind::Draw(draw)) = &activity.kind else { return false };
        match self.answer {
            Acked::Entered { leaf } => draw.leaf_of(&self.user) == Some(leaf),
            Acked::Prize { kept: true, .. } => {
                let award = draw.award_of(&self.user).filter(|(_, award)| award.state == AwardState::Kept);
                let prize = award.and_then(|(rank, _)| tables.prize_of(activity, rank, true));
                prize.is_some_and(|prize| Acked::prize(&prize).told_like(&self.answer) == self.answer)
            }
            _ => false,
        }
    }
}

impl Notice {
    /// Whether the tables know of such cash, and say what was told of it.
    pub(super) fn verify(&self, tables: &Tables) -> Verdict<()> {
        let Self { room, user, activity, amount_fen, held_until, hold: told, .. } = self;
        let of = tables.activity(*activity).filter(|of| of.room == *room);
        let mut holds = tables.holds_of(*activity).filter(|(_, hold)| hold.user == *user);
        let hold = of.and_then(|of| holds.find(|(unit, _)| self.won.is(of, *unit))).map(|(_, hold)| hold);
        match hold {
            Some(hold)
                if (hold.amount.get(), hold.until) == (*amount_fen, *held_until)
                    && (*told == hold.state || *told == HoldState::Held) =>
            {
                Ok(())
            }
            Some(hold) => Err(format!("{user} in {room} was told {self:?}, the state says {hold:?}")),
            None => Err(format!("{user} in {room} was told {self:?}, the state does not know of it")),
        }
    }
}

impl Won {
    /// Whether it is this unit of an activity, which is the user's.
    fn is(self, activity: &Activity, unit: u32) -> bool {
        match self {
            Self::Slot(slot) => activity.grant(unit).is_some_and(|grant| grant.slot == slot),
            Self::Rank(rank) => matches!(activity.kind, Some(Kind::Draw(_))) && unit == rank,
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
                let held_until = held_until(grant.prize.cash(), grant.hold);
                Self::Granted { slot: grant.slot, amount_fen, held_until, coupon, item, code_hash }
            }
            Answer::Reserved(order) => Self::Reserved { order: order.id, total_fen: order.total.get() },
            Answer::Released(order) => Self::Released { order: *order },
            Answer::Gift(GiftAnswer::Sent { combo, total, balance }) => {
                Self::Sent { combo: *combo, total: *total, balance_coins: *balance }
            }
            Answer::Gift(GiftAnswer::Joined) => Self::Joined,
            Answer::Gift(GiftAnswer::Left) => Self::Left,
            Answer::Refused(refusal) => Self::Refused { code: refusal.code },
            Answer::Presence(PresenceAnswer::CheckedIn { streak, grant }) => {
                let held_until = grant.as_ref().and_then(|grant| held_until(grant.prize.cash(), grant.hold));
                Self::CheckedIn { streak: *streak, held_until }
            }
            Answer::Draw(DrawAnswer::Entered(entry)) => Self::Entered { leaf: entry.leaf },
            Answer::Draw(DrawAnswer::Prize(prize)) => Self::prize(prize),
            _ => return None,
        })
    }

    fn prize(prize: &DrawPrize) -> Self {
        let held_until = held_until(prize.cash, prize.hold);
        Self::Prize { rank: prize.rank, kept: prize.state == AwardState::Kept, held_until }
    }

    /// As much of it as another one tells.
    fn told_like(mut self, other: &Self) -> Self {
        match (&mut self, other) {
            (Self::Granted { held_until: kept, .. }, Self::Granted { held_until: None, .. })
            | (Self::CheckedIn { held_until: kept, .. }, Self::CheckedIn { held_until: None, .. })
            | (Self::Prize { held_until: kept, .. }, Self::Prize { held_until: None, .. }) => *kept = None,
            _ => {}
        }
        self
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

fn as_decimal<S: Serializer>(id: &RequestId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn from_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RequestId, D::Error> {
    let text = String::deserialize(deserializer)?;
    let id: NonZeroU64 = text.parse().map_err(de::Error::custom)?;
    Ok(RequestId(id))
}

/// What is to be said of cash: until when it is held, if it is.
fn held_until(cash: Fen, hold: Option<(Time, HoldState)>) -> Option<Option<Time>> {
    (cash > Fen::ZERO).then(|| hold.map(|(until, _)| until))
}

/// What is there is said, be it `null`.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Time>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
