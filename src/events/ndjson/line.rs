//! One event as one JSON object.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{campaign, coupon, draw, experiment, gift, presence, risk, talk, template};
use crate::rules::{Account, OrderLine, Prize, Refusal, RequestId, Time, UserId};
use crate::store::{Arms, ArmsOfUser, Cause, DrawEvent, Event, PresenceEvent, Recorded};

/// An event as analytics receives it: one flat object, serialised without a detour.
///
/// Every line has `id` (the event's number: drop repeats by it), `at_ms` (when it was decided, server time) and `kind`;
/// where it applies `room`, `activity`, `user` (whom it concerns), `by` (who asked for it, if somebody else or a host did;
/// absent: a timer) and `request_id` (a decimal string: it uses all 64 bits). Where experiments run in the room, a line about a user has
/// `arms`: an object of experiments and the user's arm in each; in a line about many (`watched`, `talked`, `drawn`) each of them has. Amounts are fen unless `currency` says coins. Then, by `kind`:
///
/// | kind | more |
/// |---|---|
/// | `room_created` | `host`, `utc_offset_min` |
/// | `drafted` | `plan`: what the host asked for; of a template `template`, of a recurrence `recurrence`, `day` (days since 1970 in its time zone), `opens_at_ms`. The activity's secret seed is in no event that leaves the server |
/// | `rejected` | `reasons` |
/// | `stepped` | `step`, `to` (the phase), `moved_fen` (funding, or what went back) |
/// | `wave_released` | `wave`, from 1 |
/// | `opened_to_all` | nothing: the head start of those who enter early is over |
/// | `amended` | `number`, `stock` (pairs of item and units), `budget_fen`, `shares`, `extend_ms`, `codes` (how many) |
/// | `granted` | `unit` (which of the activity's, from 0), and `amount_fen`, `coupon` (the template; the coupon's number is the event's), `item`, or `code`: true, for what a code is only its winner is told; `held_until_ms` if the cash is held |
/// | `refused` | `code`, `have`, `limit`. Only refusals that had to be recorded; sold-out ones are counted, not written |
/// | `reserved` | `order`, `lines` (`sku`, `quantity`, `unit_price_fen`), `total_fen`, `hold_until_ms`. Where offers had a part in the price: `goods_fen`, `lines_fen` (what each line costs), `offers` (`name`, `coupon`, `off_fen`) |
/// | `released` | `order`; `by` is absent if the hold ended |
/// | `paid` | `order`, `payment`, `amount_fen`, `outcome`: `sold`, `sold_late` or `refund_due` |
/// | `topped_up` | `currency`, `amount`, `balance` |
/// | `archived` | nothing |
/// | `forgotten` | `before_ms`: receipts and boards from before then left the tables |
/// | `catalogue_set` | `version`, `gifts` (`gift`, `title`, `price_coins`, `effect`, `joins_fan_club`) |
/// | `gift_sent` | `gift`, `count`, `coins`, `combo`, `total` (gifts of the combo), `broadcast`; of a fan `fan_points`, `fan_level`, `fan_joined` |
/// | `combo_closed` | `combo`, `gift`, `total`, `coins` |
/// | `fan_club_set` | `settings` |
/// | `fan_joined`, `fan_left` | nothing |
/// | `entered` | `leaf`: the place among the entries of a draw, from 0 |
/// | `drawn` | `round` of the beacon, and `winners`: each `rank` (the unit that the prize is), `leaf`, `user`, `prize` (its place in the plan), `cash_fen`, and `held_until_ms` if that is held |
/// | `prize_kept` | `rank` |
/// | `prize_passed` | `rank`, and `next`: who has the prize now, as among the winners; `by` is absent if time was over |
/// | `coupon_template_added` | `template`, `title`, `threshold_fen`, `off_fen` or `off_basis_points` and `at_most_fen`, `scope`, `items`, `group`, `quantity`, `valid_until_ms` |
/// | `full_reduction_added` | `name`, `title`, `threshold_fen`, `off_fen`, `times_max`, `from_ms`, `until_ms` |
/// | `coupon_issued` | `template`; the coupon's number is the event's |
/// | `coupons_expired` | `template`, `count` |
/// | `coupons_archived` | `template` |
/// | `broadcast_started`, `broadcast_ended` | `broadcast`: the room's n-th |
/// | `watched` | `broadcast`, `from_ms`, `until_ms`, `stays` (`user`, `after_ms` and `before_ms`: what is missing at either end). What overlaps with an earlier one counts once |
/// | `talked` | `broadcast`, `from_ms`, `until_ms`, `talked` (`user`, `after_ms` and `before_ms`: from the beginning to the first and from the last to the end, `times`: how many comments and likes count for the tier) |
/// | `step_reached` | `step` (from 1), and `unit`, `amount_fen`, `coupon` or `item`, `held_until_ms` as in `granted` |
/// | `checked_in` | `day` (days since 1970 in the room's time zone), `streak`; with a prize `goal` (from 1), and the rest as in `step_reached` |
/// | `tier_changed` | `from`, `to`, `day`: from which day of the room's time zone on |
/// | `voted` | `options`: what the ballot names, in the place of the user's earlier one |
/// | `signed_up` | `tier`, `place`: the n-th to sign up |
/// | `sanction_imposed`, `sanction_lifted` | `user`: whom it concerns, `sanction`: `mute` or `ban`, and `until_ms` |
/// | `keyword_posted` | nothing: the user has posted the keyword that the activity asks for |
/// | `introduced` | `account_created_ms`, `risk`: what the access token says that was not known |
/// | `campaign_created` | `campaign`, `plan` (`title`, `goals`, `times`) |
/// | `campaign_included` | `campaign`; `activity` is what joined |
/// | `campaign_phase_began` | `campaign`, `phase`: `warm_up`, `burst`, `extension` or `over` |
/// | `campaign_archived` | `campaign` |
/// | `risk_judged` | `accounts`: each `user`, `score`, `reason`, `until_ms` |
/// | `hold_policy_set` | `policy`: `hold_from`, `hold_ms`; null if cash is not held any more |
/// | `hold_ended` | `unit`, `user`, `amount_fen`, `how`: `credited` or `forfeited`; `by` is absent if its time had come |
/// | `bot_caught` | `by`: who fired at the decoy; `score`, `until_ms` if the account was judged to be less risky before |
/// | `risk_acquitted` | `user`: whose account is not judged any more; `by` is absent if its time was over |
/// | `experiment_created` | `experiment`, `title`, `arms` (a list of `arm` and `weight`: the order counts) |
/// | `experiment_ended`, `experiment_archived` | `experiment` |
/// | `template_saved` | `template`, `plan` |
/// | `template_deleted` | `template` |
/// | `recurrence_created` | `recurrence`, `template`, `rule` (`days`, `at_min`, `zone`, `ahead_ms`, `hand_in`), `next_opens_at_ms` |
/// | `recurrence_paused`, `recurrence_ended` | `recurrence` |
/// | `recurrence_resumed` | `recurrence`, `next_opens_at_ms` |
/// | `occurrence_missed` | `recurrence`, `day`, `opens_at_ms`, `because`: `too_late`, `too_many` or `invalid` |
#[derive(Debug, Clone, Copy)]
pub struct Line<'a>(pub &'a Recorded);

/// The word for what happened.
pub const fn kind(event: &Event) -> &'static str {
    match event {
        Event::RoomCreated { .. } => "room_created",
        Event::Drafted { .. } => "drafted",
        Event::Rejected { .. } => "rejected",
        Event::Stepped { .. } => "stepped",
        Event::WaveReleased { .. } => "wave_released",
        Event::OpenedToAll { .. } => "opened_to_all",
        Event::Amended { .. } => "amended",
        Event::Granted { .. } => "granted",
        Event::Refused { .. } => "refused",
        Event::Reserved { .. } => "reserved",
        Event::Released { .. } => "released",
        Event::Paid { .. } => "paid",
        Event::ToppedUp { .. } => "topped_up",
        Event::Archived { .. } => "archived",
        Event::Presence { what, .. } => presence::kind(what),
        Event::Campaign { what, .. } => campaign::kind(what),
        Event::Forgotten { .. } => "forgotten",
        Event::CatalogueSet { .. } => "catalogue_set",
        Event::Gift { what, .. } => gift::kind(what),
        Event::Draw { what, .. } => draw::kind(what),
        Event::Talk { what, .. } => talk::kind(what),
        Event::Coupon { what, .. } => coupon::kind(what),
        Event::Template { what, .. } => template::kind(what),
        Event::Risk { what, .. } => risk::kind(what),
        Event::Experiment { what, .. } => experiment::kind(what),
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Recorded { no, at, event, arms } = self.0;
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("id", no)?;
        line.serialize_entry("at_ms", at)?;
        line.serialize_entry("kind", kind(event))?;
        if let Some(room) = event.room() {
            line.serialize_entry("room", room)?;
        }
        if let Some(activity) = event.activity() {
            line.serialize_entry("activity", &activity)?;
        }
        if !arms.is_none() && !names_many(event) {
            line.serialize_entry("arms", &arms.at(0))?;
        }
        rest(&mut line, event, arms)?;
        line.end()
    }
}

/// Whether the users have their arms each in its own place.
const fn names_many(event: &Event) -> bool {
    matches!(
        event,
        Event::Presence { what: PresenceEvent::Watched { .. } | PresenceEvent::Talked { .. }, .. }
            | Event::Draw { what: DrawEvent::Drawn { .. }, .. }
    )
}

/// Something about a user among others, with the user's arms.
#[derive(serde::Serialize)]
struct Armed<'a, T> {
    #[serde(flatten)]
    of: &'a T,
    arms: ArmsOfUser<'a>,
}

/// A list of what is about one user each; with their arms, where experiments run.
pub(super) fn each_armed<M: SerializeMap, T: Serialize>(
    line: &mut M, key: &'static str, all: &[T], arms: &Arms,
) -> Result<(), M::Error> {
    struct Each<'a, T>(&'a [T], &'a Arms);
    impl<T: Serialize> Serialize for Each<'_, T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let armed = |(place, of)| Armed { of, arms: self.1.at(place) };
            serializer.collect_seq(self.0.iter().enumerate().map(armed))
        }
    }
    if arms.is_none() { line.serialize_entry(key, all) } else { line.serialize_entry(key, &Each(all, arms)) }
}

fn rest<M: SerializeMap>(line: &mut M, event: &Event, arms: &Arms) -> Result<(), M::Error> {
    match event {
        Event::Granted { user, request, unit, prize, held_until, .. } => {
            asked(line, user, *request)?;
            given(line, *unit, prize, *held_until)
        }
        Event::Refused { cause, refusal: Refusal { code, have, limit }, .. } => {
            if let Some(user) = &cause.by {
                line.serialize_entry("user", user)?;
            }
            request_id(line, cause)?;
            line.serialize_entry("code", code)?;
            line.serialize_entry("have", have)?;
            line.serialize_entry("limit", limit)
        }
        Event::Reserved { order, user, lines, total, hold_until, request, .. } => {
            asked(line, user, *request)?;
            line.serialize_entry("order", order)?;
            line.serialize_entry("lines", &Lines(lines))?;
            line.serialize_entry("total_fen", total)?;
            line.serialize_entry("hold_until_ms", hold_until)
        }
        Event::Released { order, user, cause, .. } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("order", order)
        }
        Event::Paid { order, user, payment, amount, outcome, cause, .. } => {
            line.serialize_entry("user", user)?;
            caused(line, cause)?;
            line.serialize_entry("order", order)?;
            line.serialize_entry("payment", payment)?;
            line.serialize_entry("amount_fen", amount)?;
            line.serialize_entry("outcome", outcome)
        }
        Event::RoomCreated { host, utc_offset_min, cause, .. } => {
            caused(line, cause)?;
            line.serialize_entry("host", host)?;
            line.serialize_entry("utc_offset_min", utc_offset_min)
        }
        // Not the seed: whoever knows it knows what every share will hold.
        Event::Drafted { plan, cause, seed: _, .. } => {
            caused(line, cause)?;
            line.serialize_entry("plan", plan)
        }
        Event::Rejected { reasons, cause, .. } => {
            caused(line, cause)?;
            line.serialize_entry("reasons", reasons)
        }
        Event::Stepped { step, to, moved, cause, .. } => {
            caused(line, cause)?;
            line.serialize_entry("step", step)?;
            line.serialize_entry("to", to)?;
            line.serialize_entry("moved_fen", moved)
        }
        Event::WaveReleased { wave, .. } => line.serialize_entry("wave", wave),
        Event::Amended { number, amendment, cause, .. } => {
            caused(line, cause)?;
            line.serialize_entry("number", number)?;
            line.serialize_entry("stock", &amendment.stock)?;
            line.serialize_entry("budget_fen", &amendment.budget)?;
            line.serialize_entry("shares", &amendment.shares)?;
            line.serialize_entry("extend_ms", &amendment.extend_ms)?;
            line.serialize_entry("codes", &amendment.codes)
        }
        Event::ToppedUp { posting, balance, cause } => {
            if let Account::Wallet(owner) = &posting.to {
                line.serialize_entry("user", owner)?;
            }
            caused(line, cause)?;
            line.serialize_entry("currency", &posting.currency)?;
            line.serialize_entry("amount", &posting.amount)?;
            line.serialize_entry("balance", balance)
        }
        Event::Archived { .. } | Event::OpenedToAll { .. } => Ok(()),
        Event::Presence { what, .. } => presence::rest(line, what, arms),
        Event::Campaign { what, .. } => campaign::rest(line, what),
        Event::Forgotten { before, .. } => line.serialize_entry("before_ms", before),
        Event::CatalogueSet { version, gifts, cause } => gift::catalogue(line, *version, gifts, cause),
        Event::Gift { what, .. } => gift::rest(line, what),
        Event::Draw { what, .. } => draw::rest(line, what, arms),
        Event::Talk { what, .. } => talk::rest(line, what),
        Event::Coupon { what, .. } => coupon::rest(line, what),
        Event::Template { what, .. } => template::rest(line, what),
        Event::Risk { what, .. } => risk::rest(line, what),
        Event::Experiment { what, .. } => experiment::rest(line, what),
    }
}

/// A unit of an activity, and until when its cash is held.
pub(super) fn given<M: SerializeMap>(
    line: &mut M, unit: u32, prize: &Prize, held_until: Option<Time>,
) -> Result<(), M::Error> {
    line.serialize_entry("unit", &unit)?;
    if let Some(until) = held_until {
        line.serialize_entry("held_until_ms", &until)?;
    }
    match prize {
        Prize::Cash(amount) => line.serialize_entry("amount_fen", amount),
        Prize::Coupon(coupon) => line.serialize_entry("coupon", coupon),
        Prize::Item(item) => line.serialize_entry("item", item),
        // Which one is for its winner alone.
        Prize::Code(_) => line.serialize_entry("code", &true),
    }
}

pub(super) fn asked<M: SerializeMap>(line: &mut M, user: &UserId, request: RequestId) -> Result<(), M::Error> {
    line.serialize_entry("user", user)?;
    line.serialize_entry("request_id", &Decimal(request))
}

pub(super) fn caused<M: SerializeMap>(line: &mut M, cause: &Cause) -> Result<(), M::Error> {
    if let Some(by) = &cause.by {
        line.serialize_entry("by", by)?;
    }
    request_id(line, cause)
}

fn request_id<M: SerializeMap>(line: &mut M, cause: &Cause) -> Result<(), M::Error> {
    match &cause.request {
        Some((id, _)) => line.serialize_entry("request_id", &Decimal(*id)),
        None => Ok(()),
    }
}

struct Decimal(RequestId);

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

pub(super) struct Lines<'a>(pub(super) &'a [OrderLine]);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct One {
            sku: crate::rules::SkuId,
            quantity: u32,
            unit_price_fen: crate::rules::Fen,
        }
        let one = |l: &OrderLine| One { sku: l.sku, quantity: l.quantity, unit_price_fen: l.unit_price };
        serializer.collect_seq(self.0.iter().map(one))
    }
}
