//! Gifts, combos, the catalogue, the fan club.

use super::{Context, Outcome, asker};
use crate::rules::{
    Account, Combo, ComboId, Currency, FanClub, FanClubSettings, FanSource, Gift, GiftId, NotDone, NotDoneCode, Posting,
};
use crate::store::tables::{Decision, Tables};
use crate::store::{Answer, Ask, Cause, Event, GiftAsk, GiftEvent, Op, Partition};

impl Tables {
    pub(super) fn set_catalogue(&self, based_on: u32, gifts: &[Gift], cause: Cause) -> Outcome {
        let current = self.catalogue.version;
        if based_on != current {
            return Err(NotDoneCode::VersionMismatch.because(format!("the catalogue is at version {current}")));
        }
        let next = self.catalogue.replaced(gifts).map_err(|why| NotDoneCode::Invalid.because(why.to_string()))?;
        Ok(Decision::Event(Event::CatalogueSet { version: next.version, gifts: gifts.to_vec(), cause }))
    }

    pub(super) fn gift(&self, context: &Context<'_>, ask: &GiftAsk) -> Outcome {
        let what = match ask {
            GiftAsk::Send { gift, count } => self.send_gift(context, *gift, *count)?,
            GiftAsk::CloseCombo { combo } => match self.close_combo(context, *combo) {
                Some(closed) => closed,
                None => return Ok(Decision::Answer(Answer::Idle)),
            },
            GiftAsk::SetFanClub { settings } => set_fan_club(context, settings)?,
            GiftAsk::JoinFanClub => join_fan_club(context)?,
            GiftAsk::LeaveFanClub => leave_fan_club(context)?,
            GiftAsk::SetCatalogue { .. } => {
                return Err(NotDoneCode::Invalid.because("the catalogue is the same for all rooms"));
            }
        };
        Ok(Decision::Event(Event::Gift { room: context.room_id, what }))
    }

    fn send_gift(&self, context: &Context<'_>, gift: GiftId, count: u32) -> Result<GiftEvent, NotDone> {
        let Context { now, room_id, room, .. } = *context;
        let known = self.catalogue.get(gift);
        let known = known.ok_or_else(|| NotDoneCode::UnknownGift.because("the catalogue has no such gift"))?;
        let coins = known.cost(count)?;
        let (user, request, fingerprint) = asker(context)?;
        let to = Account::Earnings(room_id);
        let posting = Posting { from: Account::Wallet(user), to, currency: Currency::Coins, amount: coins.get() };
        self.ledger.may_post(&posting).map_err(|why| {
            NotDoneCode::InsufficientFunds
                .because(format!("they cost {} coins, the wallet holds {}", coins, why.balance))
        })?;
        let running = room.running.get(&(user, gift)).and_then(|id| self.combos.get(*id));
        let (combo, before) = match running.filter(|combo| combo.takes(now, count)) {
            Some(combo) => (combo.id, combo.count),
            None => (ComboId(self.combos.latest + 1), 0),
        };
        let (units, day) = (coins.get().unsigned_abs(), now.day(room.utc_offset_min));
        Ok(GiftEvent::Sent {
            user,
            request,
            fingerprint,
            gift,
            count,
            coins,
            combo,
            total: before + count,
            until: now.after_ms(self.bounds.combo_window_ms),
            broadcast: room.broadcast_number(),
            fan: room.fan_club.gain(&user, FanSource::Gifts, units, day, known.joins_fan_club),
        })
    }

    /// The timer's operation for a combo whose end has come.
    pub(in crate::store::tables) fn op_for_combo(combo: &Combo) -> Op {
        Op::timer(Partition::Room(combo.room), Ask::Gift(GiftAsk::CloseCombo { combo: combo.id }))
    }

    /// The end of a combo, if it has come.
    fn close_combo(&self, context: &Context<'_>, id: ComboId) -> Option<GiftEvent> {
        let combo = self.combos.get(id).filter(|combo| combo.room == context.room_id && combo.until <= context.now)?;
        let (user, gift, total, coins) = (combo.sender, combo.gift, combo.count, combo.coins);
        Some(GiftEvent::ComboClosed { combo: id, user, gift, total, coins })
    }
}

fn set_fan_club(context: &Context<'_>, settings: &FanClubSettings) -> Result<GiftEvent, NotDone> {
    settings.check().map_err(|why| NotDoneCode::Invalid.because(why.to_string()))?;
    Ok(GiftEvent::FanClubSet { settings: Box::new(settings.clone()), cause: context.cause })
}

fn join_fan_club(context: &Context<'_>) -> Result<GiftEvent, NotDone> {
    let (user, ..) = asker(context)?;
    let club = &context.room.fan_club;
    if club.fan(&user).is_some() {
        return Err(NotDoneCode::AlreadyFan.because("a fan of this room already"));
    }
    if !club.settings.free {
        return Err(NotDoneCode::JoinedByGift.because("this fan club is joined by a gift"));
    }
    if club.is_full() {
        return Err(NotDoneCode::TooMany.because(format!("a fan club has at most {} fans", FanClub::FANS_MAX)));
    }
    Ok(GiftEvent::FanJoined { user, cause: context.cause })
}

fn leave_fan_club(context: &Context<'_>) -> Result<GiftEvent, NotDone> {
    let (user, ..) = asker(context)?;
    if context.room.fan_club.fan(&user).is_none() {
        return Err(NotDoneCode::NotFan.because("no fan of this room"));
    }
    Ok(GiftEvent::FanLeft { user, cause: context.cause })
}
