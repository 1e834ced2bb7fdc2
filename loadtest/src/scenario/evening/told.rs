//! What one viewer was told: the other side of the server's books.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use liveroom_protocol::client::Outcome;
use liveroom_protocol::wire::{DrawPrize, Grant, InArm, Order, OrderPhase, Own, PrizeState, RefusalCode, Tier, grant};

use super::super::held::HeldCash;

/// Everything that a viewer was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// By activity.
    pub(super) given: BTreeMap<u64, Given>,
    /// By number.
    pub(super) orders: BTreeMap<u64, Purchase>,
    /// Coins of the broadcast.
    pub(super) coins_sent: i64,
    /// By number: gifts that were sent for it, and how many it had at last.
    pub(super) combos: BTreeMap<u64, (u32, u32)>,
    /// The latest ballot in a poll.
    pub(super) ballots: BTreeMap<u64, u32>,
    /// Enrolments.
    pub(super) signed_up: BTreeSet<u64>,
    /// Draws, and the place of the ticket.
    pub(super) tickets: BTreeMap<u64, u64>,
    /// By draw.
    pub(super) prizes: BTreeMap<u64, DrawPrize>,
    /// The arm in each experiment, and whether that is over.
    pub(super) arms: BTreeMap<String, (String, bool)>,
    /// Activities that were said to be for another arm.
    pub(super) kept_out: BTreeSet<u64>,
    /// Cash that is held, or was.
    pub(super) held: HeldCash,
    /// The tier, if it has changed.
    pub(super) tier: Option<Tier>,
    /// Activities that nobody was shown, and whose number was guessed.
    pub(super) guessed: BTreeSet<u64>,
    /// How many answers there were of each kind, and how many gave something.
    pub(super) answers: BTreeMap<&'static str, Answers>,
    /// Decisions that were asked for once more.
    pub(super) repeats: u64,
    /// Requests without an answer.
    pub(super) unanswered: u64,
    /// Lines that broke.
    pub(super) disconnects: u64,
    /// The first thing that was wrong with each invariant.
    pub(super) complaints: BTreeMap<&'static str, String>,
}

/// What an activity gave.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) grants: u64,
    pub(super) fen: i64,
    /// Coupons that are coupons of the room, by their numbers.
    pub(super) coupons: BTreeSet<u64>,
    /// Codes.
    pub(super) codes: BTreeSet<String>,
    /// When the first thing was given.
    pub(super) first: Option<Instant>,
    slots: BTreeSet<u32>,
}

/// An order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purchase {
    pub(super) activity: u64,
    pub(super) units: u32,
    /// Before and after all discounts.
    pub(super) goods_fen: i64,
    pub(super) total_fen: i64,
    pub(super) phase: OrderPhase,
}

/// Counts of one kind of request.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) all: u64,
    pub(super) granted: u64,
}

impl Told {
    /// Something is not as it has to be.
    pub(super) fn complain(&mut self, invariant: &'static str, words: impl FnOnce() -> String) {
        self.complaints.entry(invariant).or_insert_with(words);
    }

    /// A request of that kind, in that activity, was answered.
    pub(super) fn answered(&mut self, kind: &'static str, activity: u64, outcome: &Outcome) {
        let granted = match outcome {
            Outcome::Granted(grant) => self.grant(grant),
            Outcome::CheckedIn(checked) => checked.grant.as_ref().is_none_or(|grant| self.grant(grant)),
            Outcome::Ordered(order) => self.ordered(order),
            Outcome::Entered(ticket) => {
                self.ticket(activity, ticket.leaf);
                true
            }
            Outcome::Prize(prize) => {
                self.prize(prize);
                true
            }
            Outcome::Proof(proof) => {
                self.ticket(activity, proof.leaf);
                false
            }
            Outcome::GiftSent(sent) => sent.total > 0,
            Outcome::Refused { code: RefusalCode::NotInArm, .. } => {
                self.kept_out.insert(activity);
                false
            }
            _ => false,
        };
        let answers = self.answers.entry(kind).or_default();
        answers.all += 1;
        answers.granted += u64::from(granted);
    }

    /// Gifts were sent.
    pub(super) fn sent(&mut self, combo: u64, count: u32, total: u32, coins: i64) {
        self.coins_sent += coins;
        let (own, latest) = self.combos.entry(combo).or_default();
        (*own, *latest) = (*own + count, total);
        if own != latest {
            let words = format!("combo {combo} has {latest} gifts, and {own} were sent for it");
            self.complain("combos_count_up", || words);
        }
    }

    /// What comes unasked.
    pub(super) fn own(&mut self, own: &Own) {
        for order in &own.orders {
            self.order_is(order);
        }
        for prize in &own.prizes {
            self.prize(prize);
        }
        for ticket in &own.tickets {
            self.ticket(ticket.activity, ticket.leaf);
        }
        own.arms.iter().for_each(|of| self.arm(of));
        own.grants.iter().for_each(|grant| self.hold(grant));
    }

    /// Whether nothing is to come any more of what was told.
    pub(super) fn has_nothing_open(&self) -> bool {
        self.arms.values().all(|(_, over)| *over) && self.held.has_ended()
    }

    /// Cash in all that came into the wallet.
    pub(super) fn cash_fen(&self) -> i64 {
        let activities: BTreeSet<_> = self.given.keys().chain(self.prizes.keys()).collect();
        let won: i64 = activities.into_iter().map(|activity| self.won_fen(*activity)).sum();
        won - self.held.kept_back_fen()
    }

    /// Cash that was won in an activity, be it held or not.
    pub(super) fn won_fen(&self, activity: u64) -> i64 {
        let kept = self.prizes.get(&activity).filter(|prize| prize.state() == PrizeState::Kept);
        self.given.get(&activity).map_or(0, |given| given.fen) + kept.map_or(0, |prize| prize.cash_fen)
    }

    fn hold(&mut self, grant: &Grant) {
        self.holds(|held| held.told(grant));
    }

    fn holds(&mut self, note: impl FnOnce(&mut HeldCash) -> Result<(), String>) {
        if let Err(words) = note(&mut self.held) {
            self.complain("holds_end_once", || words);
        }
    }

    fn grant(&mut self, grant: &Grant) -> bool {
        self.hold(grant);
        let given = self.given.entry(grant.activity).or_default();
        given.grants += 1;
        given.first.get_or_insert_with(Instant::now);
        let known_coupon = match &grant.prize {
            Some(grant::Prize::AmountFen(fen)) => {
                given.fen += fen;
                false
            }
            Some(grant::Prize::Code(code)) => {
                given.codes.insert(code.clone());
                false
            }
            _ => grant.coupon_id > 0 && !given.coupons.insert(grant.coupon_id),
        };
        if !given.slots.insert(grant.slot) || known_coupon {
            let words = format!("slot {} of activity {} was given twice", grant.slot, grant.activity);
            self.complain("no_duplicate_grants", || words);
        }
        true
    }

    fn ticket(&mut self, activity: u64, leaf: u64) {
        let before = self.tickets.insert(activity, leaf);
        if before.is_some_and(|before| before != leaf) {
            let words = format!("ticket {} in draw {activity}, then {leaf}", before.unwrap_or(0));
            self.complain("one_ticket_each", || words);
        }
    }

    fn arm(&mut self, InArm { experiment, arm }: &InArm) {
        let Some((before, over)) = self.arms.get_mut(experiment) else {
            self.arms.insert(experiment.clone(), (arm.clone(), arm.is_empty()));
            return;
        };
        *over |= arm.is_empty();
        if *over != arm.is_empty() || !*over && before != arm {
            let words = format!("arm {before} of {experiment}, then {arm:?}");
            self.complain("nobody_changes_arms", || words);
        }
    }

    fn ordered(&mut self, order: &Order) -> bool {
        // What became of it may have been told before the answer.
        if !self.orders.contains_key(&order.order) {
            self.order_is(order);
        }
        true
    }

    fn order_is(&mut self, order: &Order) {
        let units = order.lines.iter().map(|line| line.quantity).sum();
        let goods_fen = order.lines.iter().map(|line| line.unit_price_fen * i64::from(line.quantity)).sum();
        let (activity, total_fen, phase) = (order.activity, order.total_fen, order.phase());
        let now = Purchase { activity, units, goods_fen, total_fen, phase };
        let before = self.orders.insert(order.order, now);
        if let Some(before) = before
            && (before.phase == OrderPhase::Paid && now.phase != OrderPhase::Paid || before.total_fen != now.total_fen)
        {
            self.complain("orders_end_once", || format!("order {}: {before:?}, then {now:?}", order.order));
        }
    }

    fn prize(&mut self, prize: &DrawPrize) {
        self.holds(|held| held.drawn(prize));
        let before = self.prizes.insert(prize.activity, prize.clone());
        if let Some(before) = before
            && (before.state() != PrizeState::Offered && before.state() != prize.state() || before.rank != prize.rank)
        {
            self.complain("prizes_are_given_once", || format!("{before:?}, then {prize:?}"));
        }
    }
}

/// What a decision comes to: the same for as long as its request is asked.
pub(super) fn essence(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Granted(grant) => format!("{grant:?}"),
        Outcome::CheckedIn(checked) => format!("{checked:?}"),
        Outcome::Ordered(order) => format!("order {} for {}", order.order, order.total_fen),
        Outcome::GiftSent(sent) => format!("{sent:?}"),
        Outcome::Entered(ticket) => format!("{ticket:?}"),
        Outcome::Refused { code, .. } => code.word().to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use liveroom_protocol::wire::{DrawProof, GiftSent, OrderLine};

    fn grant(slot: u32, fen: i64) -> Outcome {
        let prize = Some(grant::Prize::AmountFen(fen));
        Outcome::Granted(Grant { activity: 1, slot, prize, ..Grant::default() })
    }

    fn order(phase: OrderPhase, total_fen: i64) -> Order {
        let lines = vec![OrderLine { sku: 1, quantity: 2, unit_price_fen: 5 }];
        Order { order: 7, activity: 2, phase: phase.into(), total_fen, lines, ..Order::default() }
    }

    #[test]
    fn what_must_not_be_told_is_complained_of() {
        type Row<'a> = (&'a str, fn(&mut Told), &'a [&'a str]);
        let rows: [Row<'_>; 7] = [
            ("two slots", |told| [grant(1, 5), grant(2, 5)].iter().for_each(|o| told.answered("claim", 1, o)), &[]),
            (
                "a slot twice",
                |told| [grant(1, 5), grant(1, 5)].iter().for_each(|o| told.answered("claim", 1, o)),
                &["no_duplicate_grants"],
            ),
            (
                "released, then paid late",
                |told| [OrderPhase::Released, OrderPhase::Paid].iter().for_each(|at| told.order_is(&order(*at, 10))),
                &[],
            ),
            (
                "paid, then released",
                |told| [OrderPhase::Paid, OrderPhase::Released].iter().for_each(|at| told.order_is(&order(*at, 10))),
                &["orders_end_once"],
            ),
            (
                "another price",
                |told| [10, 9].iter().for_each(|fen| told.order_is(&order(OrderPhase::Reserved, *fen))),
                &["orders_end_once"],
            ),
            (
                "a combo that grows",
                |told| [(1, 1), (2, 3)].iter().for_each(|(count, total)| told.sent(4, *count, *total, 1)),
                &[],
            ),
            ("a combo that jumps", |told| told.sent(4, 1, 2, 1), &["combos_count_up"]),
        ];
        for (case, told_of, want) in rows {
            let mut told = Told::default();
            told_of(&mut told);
            assert_eq!(told.complaints.keys().copied().collect::<Vec<_>>(), want, "{case}: {:?}", told.complaints);
        }
    }

    #[test]
    fn a_proof_is_of_the_ticket_that_there_is() {
        for (before, leaf, complaints) in [(None, 7, 0), (Some(7), 7, 0), (Some(6), 7, 1)] {
            let mut told = Told { tickets: before.map(|leaf| (3, leaf)).into_iter().collect(), ..Told::default() };
            told.answered("look", 3, &Outcome::Proof(DrawProof { leaf, ..DrawProof::default() }));
            assert_eq!((told.tickets[&3], told.complaints.len()), (leaf, complaints), "{before:?}");
        }
    }

    #[test]
    fn an_arm_is_for_the_time_of_the_experiment() {
        for (case, told_of, complaints) in [
            ("told twice, then over", &["red", "red", "", ""][..], 0),
            ("another one", &["red", "blue"], 1),
            ("again when it was over", &["red", "", "red"], 1),
        ] {
            let mut told = Told::default();
            let arm = |arm: &&str| InArm { experiment: "button".to_owned(), arm: (*arm).to_owned() };
            told.own(&Own { arms: told_of.iter().map(arm).collect(), ..Own::default() });
            assert_eq!(told.complaints.len(), complaints, "{case}: {:?}", told.complaints);
            assert_eq!(told.arms["button"].0, "red", "{case}");
        }
    }

    #[test]
    fn answers_are_counted_by_kind_and_cash_by_what_is_kept() {
        let mut told = Told::default();
        told.answered("claim", 1, &grant(1, 30));
        let refused = Outcome::Refused { code: liveroom_protocol::wire::RefusalCode::SoldOut, detail: String::new() };
        told.answered("claim", 1, &refused);
        told.answered("gift", 0, &Outcome::GiftSent(GiftSent { combo: 1, total: 2, balance_coins: 3 }));
        let prize = |state: PrizeState| DrawPrize { cash_fen: 500, state: state.into(), ..DrawPrize::default() };
        told.prize(&prize(PrizeState::Offered));
        assert_eq!(told.cash_fen(), 30);
        told.prize(&prize(PrizeState::Kept));
        assert_eq!(told.cash_fen(), 530);
        assert_eq!(told.answers["claim"], Answers { all: 2, granted: 1 });
        assert_eq!(told.answers["gift"], Answers { all: 1, granted: 1 });
    }
}
