//! What an operator makes of accounts, and of the cash that is held for it, by chance.

use liveroom::rules::{ActivityId, HoldPolicy, HoldState, RequestId, Risk, RiskReason, Time, UserId};
use liveroom::store::{Ask, Op, Partition, RiskAsk, Tables};

use crate::chance::Chance;

/// What an operator does next.
pub(crate) fn operator(by: UserId, viewers: &[UserId], now: Time, tables: &Tables, chance: &mut Chance) -> Option<Op> {
    let user = *chance.pick(viewers)?;
    let ask = match chance.below(10) {
        0..3 => {
            let reason = RiskReason::parse("chance").expect("a plain word");
            let (score, until) = (chance.one_of(&[5, 60, 95]), now.after_ms(chance.between(500, 20_000)));
            RiskAsk::Judge { accounts: vec![(user, Risk { score, reason, until })] }
        }
        3 => RiskAsk::Acquit { user },
        4 => RiskAsk::SetPolicy { policy: None },
        5..7 => {
            let (hold_from, hold_ms) = (chance.one_of(&[0, 1, 50]), chance.between(1_000, 15_000));
            RiskAsk::SetPolicy { policy: Some(HoldPolicy { hold_from, hold_ms }) }
        }
        _ => return end(by, tables, chance),
    };
    // Whoever judges says it again where it was not heard: no record is needed.
    Some(Op { partition: Partition::Platform, by: Some(by), request: None, ask: Ask::Risk(ask) })
}

/// Cash that is held, or was, or never was.
fn end(by: UserId, tables: &Tables, chance: &mut Chance) -> Option<Op> {
    let held: Vec<_> = tables.holds().map(|(id, _)| id).collect();
    let &(activity, unit) = chance.pick(&held)?;
    let room = tables.activity(activity)?.room;
    let how = chance.one_of(&[HoldState::Credited, HoldState::Forfeited, HoldState::Held]);
    let activity = ActivityId(activity.0 + u64::from(chance.percent(5)));
    let (request, ask) = (RequestId::new(chance.id()), Ask::Risk(RiskAsk::EndHold { activity, unit, how }));
    Some(Op { partition: Partition::Room(room), by: Some(by), request, ask })
}
