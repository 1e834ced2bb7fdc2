//! What must hold between what viewers were told and what the server counts, when all is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Context;
use liveroom_protocol::wire::OrderPhase;
use serde_json::Value;

use super::super::stage::{COUPON_FEN, Stage};
use super::host::{Campaign, Hosted, Played, Recurred};
use super::persona::Persona;
use super::programme::Mechanic;
use super::till::Payment;
use super::told::Told;

/// A viewer when all is over.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) user: String,
    pub(super) persona: Persona,
    /// Whether a risk service knew the account beforehand.
    pub(super) known_risk: bool,
    pub(super) told: Told,
    /// Whether the viewer heard that everything has ended.
    pub(super) heard_the_end: bool,
}

/// What holds and what does not, by name; and the first thing that is wrong with each.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    pub(super) holds: BTreeMap<String, bool>,
    pub(super) complaints: Vec<String>,
}

/// What an act came to, as its viewers were told.
#[derive(Debug, Default, Clone)]
pub(super) struct Won {
    pub(super) winners: u64,
    pub(super) grants: u64,
    pub(super) fen: i64,
    pub(super) orders_fen: i64,
}

/// Both sides of the books.
pub(super) struct Reckoning<'a> {
    pub(super) stage: &'a Stage,
    pub(super) hosted: &'a Hosted,
    pub(super) viewers: &'a [Leaving],
    pub(super) payments: &'a BTreeMap<u64, Payment>,
}

/// Invariants that viewers look after themselves.
const WATCHED: [&str; 12] = [
    "combos_count_up",
    "holds_end_once",
    "no_duplicate_grants",
    "nobody_changes_arms",
    "nothing_banned_is_seen",
    "one_ticket_each",
    "orders_end_once",
    "phases_never_go_back",
    "prizes_are_given_once",
    "same_answer_on_retry",
    "watched_time_never_goes_back",
    "what_is_banned_is_blocked",
];

impl Verdicts {
    /// Notes whether something holds; if not, in words.
    pub(super) fn judge(&mut self, name: &str, verdict: Result<(), String>) {
        let so_far = self.holds.entry(name.to_owned()).or_insert(true);
        if let Err(words) = verdict {
            *so_far = false;
            self.complaints.push(format!("{name}: {words}"));
        }
    }
}

impl Reckoning<'_> {
    /// Compares all of it.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub(super) fn verdicts(&self) -> anyhow::Result<Verdicts> {
        self.stage.catch_up()?;
        let mut verdicts = Verdicts::default();
        for name in WATCHED {
            let complaint = self.viewers.iter().find_map(|viewer| Some((viewer, viewer.told.complaints.get(name)?)));
            verdicts.judge(
                name,
                match complaint {
                    None => Ok(()),
                    Some((viewer, words)) => Err(format!("{}: {words}", viewer.user)),
                },
            );
        }
        let unanswered: u64 = self.viewers.iter().map(|viewer| viewer.told.unanswered).sum();
        verdicts.judge("every_request_answered", equal("requests without an answer", 0, unanswered));
        let deaf = self.viewers.iter().find(|viewer| !viewer.heard_the_end);
        verdicts.judge(
            "everybody_heard_the_end",
            match deaf {
                None => Ok(()),
                Some(viewer) => Err(format!("{} did not", viewer.user)),
            },
        );
        for played in &self.hosted.acts {
            self.act(played, &mut verdicts);
        }
        self.bots(&mut verdicts)?;
        self.money(&mut verdicts)?;
        self.gifts(&mut verdicts)?;
        self.coupons(&mut verdicts)?;
        self.payments(&mut verdicts);
        self.campaign(&mut verdicts);
        self.experiment(&mut verdicts)?;
        for recurred in &self.hosted.recurred {
            verdicts.judge("occurrences_come_once", once_a_day(recurred));
        }
        Ok(verdicts)
    }

    /// What was won in an act.
    pub(super) fn won(&self, activity: u64) -> Won {
        let mut won = Won::default();
        for Leaving { told, .. } in self.viewers {
            let given = told.given.get(&activity);
            let prize = told.prizes.get(&activity);
            let orders = told.orders.values().filter(|order| order.activity == activity).collect::<Vec<_>>();
            let signed_up = told.signed_up.contains(&activity) || told.ballots.contains_key(&activity);
            won.winners += u64::from(given.is_some() || prize.is_some() || !orders.is_empty() || signed_up);
            won.grants += given.map_or(0, |given| given.grants) + u64::from(prize.is_some()) + orders.len() as u64;
            won.fen += given.map_or(0, |given| given.fen) + prize.map_or(0, |prize| prize.cash_fen);
            let paid = orders.iter().filter(|order| order.phase == OrderPhase::Paid);
            won.orders_fen += paid.map(|order| order.total_fen).sum::<i64>();
        }
        won
    }

    fn act(&self, played: &Played, verdicts: &mut Verdicts) {
        let (state, name) = (&played.state, played.act.title);
        let settled = match state["phase"].as_str() {
            Some("settled") => Ok(()),
            phase => Err(format!("{name} is {}", phase.unwrap_or("gone"))),
        };
        verdicts.judge("everything_is_settled", settled);
        let won = self.won(played.activity);
        let pools = state["pools"].as_array().map_or(&[][..], Vec::as_slice);
        let of = |pool: &Value, key: &str| pool[key].as_u64().unwrap_or(0);
        for pool in pools {
            let there = of(pool, "granted") + of(pool, "reserved") + of(pool, "free");
            verdicts.judge("pools_add_up", equal(&format!("units of {name}"), of(pool, "stock"), there));
        }
        verdicts.judge("acts_are_as_planned", as_planned(played));
        let granted: u64 = pools.iter().map(|pool| of(pool, "granted")).sum();
        match played.act.mechanic {
            Mechanic::CodeBag => {
                verdicts.judge("granted_equals_pool", equal(&format!("grants of {name}"), granted, won.grants));
                verdicts.judge("each_code_to_one_person", self.codes(played, granted));
                let emptied = pools.iter().all(|pool| of(pool, "free") == 0);
                let closed = if emptied && !played.ended_by_itself { Err(name.to_owned()) } else { Ok(()) };
                verdicts.judge("an_empty_bag_closes", closed);
            }
            Mechanic::Rain | Mechanic::Drop | Mechanic::WatchTask | Mechanic::CheckIn | Mechanic::NewcomerBag => {
                verdicts.judge("nobody_unlocks_before_watching", self.unlocked(played));
                verdicts.judge("granted_equals_pool", equal(&format!("grants of {name}"), granted, won.grants));
                let spent = state["funded_fen"].as_i64().unwrap_or(0) - state["unspent_fen"].as_i64().unwrap_or(0);
                verdicts.judge("given_equals_spent", equal(&format!("fen of {name}"), spent, won.fen));
            }
            Mechanic::Sale => {
                let orders = self.viewers.iter().flat_map(|viewer| viewer.told.orders.values());
                let ours = orders.filter(|order| order.activity == played.activity);
                let paid = ours.filter(|order| order.phase == OrderPhase::Paid).map(|order| u64::from(order.units));
                verdicts.judge("sold_equals_paid", equal(&format!("units of {name}"), granted, paid.sum()));
            }
            Mechanic::Poll => {
                let mut votes = vec![0u64; state["tally"]["votes"].as_array().map_or(0, Vec::len)];
                for option in self.viewers.iter().filter_map(|viewer| viewer.told.ballots.get(&played.activity)) {
                    if let Some(votes) = votes.get_mut(*option as usize - 1) {
                        *votes += 1;
                    }
                }
                let counted: Vec<_> = numbers(&state["tally"]["votes"]);
                let verdict = if counted == votes { Ok(()) } else { Err(format!("{counted:?}, cast {votes:?}")) };
                verdicts.judge("tally_equals_votes", verdict);
            }
            Mechanic::Enrolment => verdicts.judge("places_go_to_those_who_signed_up", self.enrolment(played)),
            // Nobody is shown it, and whom it catches is looked at beside what else is known of scripts.
            Mechanic::Decoy => verdicts.judge("decoys_give_nothing", equal(name, granted + won.grants, 0)),
            Mechanic::LuckyBag | Mechanic::KeywordDraw | Mechanic::MicDraw => {
                let tickets = self.viewers.iter().filter_map(|viewer| viewer.told.tickets.get(&played.activity));
                let leaves: BTreeSet<_> = tickets.copied().collect();
                let entries = state["draw"]["entries"].as_u64().unwrap_or(0);
                verdicts.judge(
                    "tickets_are_the_entries",
                    equal(&format!("entries of {name}"), entries, leaves.len() as u64),
                );
                verdicts.judge("prizes_go_to_tickets", self.winners(played));
            }
        }
    }

    /// Codes are those of the list, and no two viewers were told the same.
    fn codes(&self, played: &Played, granted: u64) -> Result<(), String> {
        let listed: BTreeSet<_> = words(&played.plan["code_bag"]["codes"]).into_iter().collect();
        let given = self.viewers.iter().filter_map(|viewer| viewer.told.given.get(&played.activity));
        let told: Vec<_> = given.flat_map(|given| &given.codes).map(String::as_str).collect();
        let distinct: BTreeSet<_> = told.iter().copied().collect();
        equal("codes that viewers were told", distinct.len(), told.len())?;
        equal("codes given", granted, told.len() as u64)?;
        match distinct.is_subset(&listed) {
            true => Ok(()),
            false => Err("a code is not on the list".to_owned()),
        }
    }

    /// Nobody has watched for longer than the broadcast is old.
    fn unlocked(&self, played: &Played) -> Result<(), String> {
        let watched_s = played.plan["conditions"]["watched_s"].as_u64().unwrap_or(0);
        let from = self.hosted.began + Duration::from_secs(watched_s);
        let early = |viewer: &&Leaving| {
            let given = viewer.told.given.get(&played.activity);
            given.and_then(|given| given.first).is_some_and(|first| first < from)
        };
        match self.viewers.iter().find(early) {
            None => Ok(()),
            Some(viewer) => Err(format!("{} was given something before {watched_s} s of the broadcast", viewer.user)),
        }
    }

    fn enrolment(&self, played: &Played) -> Result<(), String> {
        let enrolment = &played.state["enrolment"];
        let signed: BTreeSet<_> = self.who(|told| told.signed_up.contains(&played.activity));
        equal("sign-ups", enrolment["signed_up"].as_u64().unwrap_or(0), signed.len() as u64)?;
        let admitted: Vec<_> = words(&enrolment["admitted"]);
        let distinct: BTreeSet<_> = admitted.iter().copied().collect();
        equal("admitted", distinct.len(), admitted.len())?;
        match distinct.iter().find(|user| !signed.contains(**user)) {
            None => Ok(()),
            Some(user) => Err(format!("{user} has a place and did not sign up")),
        }
    }

    /// Winners have tickets, no two prizes are somebody's, and everybody knows of their own.
    fn winners(&self, played: &Played) -> Result<(), String> {
        let entered = self.who(|told| told.tickets.contains_key(&played.activity));
        let informed = self.who(|told| told.prizes.contains_key(&played.activity));
        let winners = played.state["draw"]["winners"].as_array().map_or(&[][..], Vec::as_slice);
        let named: BTreeSet<_> = winners.iter().filter_map(|winner| winner["user"].as_str()).collect();
        equal("winners", winners.len(), named.len())?;
        if let Some(user) = named.iter().find(|user| !entered.contains(**user)) {
            return Err(format!("{user} won without a ticket"));
        }
        if named != informed {
            return Err(format!("{} won, and {} were told so", named.len(), informed.len()));
        }
        Ok(())
    }

    /// What the sponsor paid is in the winners' wallets, and nowhere else.
    fn money(&self, verdicts: &mut Verdicts) -> anyhow::Result<()> {
        let users: Vec<_> = self.viewers.iter().map(|viewer| viewer.user.clone()).collect();
        let wallets = self.stage.wallets(&users)?;
        let mut told_fen = 0;
        for (viewer, (fen, coins)) in self.viewers.iter().zip(wallets) {
            let cash = viewer.told.cash_fen();
            told_fen += cash;
            verdicts.judge("wallets_hold_what_was_won", equal(&format!("fen of {}", viewer.user), cash, fen));
            let left = viewer.persona.coins() - viewer.told.coins_sent;
            verdicts.judge("wallets_lack_what_was_sent", equal(&format!("coins of {}", viewer.user), left, coins));
        }
        let paid = self.stage.sponsor_paid_fen()?;
        verdicts.judge("money_adds_up", equal("fen that the sponsor paid", paid, told_fen));
        Ok(())
    }

    /// Earnings and the board are what viewers sent. It is the week's board: who is early gives before the broadcast begins.
    fn gifts(&self, verdicts: &mut Verdicts) -> anyhow::Result<()> {
        let sent: i64 = self.viewers.iter().map(|viewer| viewer.told.coins_sent).sum();
        let earned = self.stage.get("/earnings")?["coins"].as_i64().context("earnings are coins")?;
        verdicts.judge("earnings_equal_gifts", equal("coins", earned, sent));
        let board = self.stage.get("/boards/week?top=1000")?;
        let mut givers: Vec<_> =
            self.viewers.iter().map(|viewer| viewer.told.coins_sent).filter(|coins| *coins > 0).collect();
        givers.sort_unstable_by(|one, other| other.cmp(one));
        let places = board["places"].as_array().map_or(&[][..], Vec::as_slice);
        let shown: Vec<_> = places.iter().filter_map(|place| place["coins"].as_i64()).collect();
        let users = board["users"].as_u64().unwrap_or(0);
        verdicts.judge("board_equals_gifts", equal("users on the board", users, givers.len() as u64));
        givers.truncate(shown.len());
        verdicts.judge("board_equals_gifts", equal("coins by place", format!("{shown:?}"), format!("{givers:?}")));
        Ok(())
    }

    /// Every coupon is somewhere, and what orders are short of is whole coupons.
    fn coupons(&self, verdicts: &mut Verdicts) -> anyhow::Result<()> {
        let told: u64 = self
            .viewers
            .iter()
            .flat_map(|viewer| viewer.told.given.values())
            .map(|given| given.coupons.len() as u64)
            .sum();
        let (mut issued, mut used) = (0, 0);
        let templates = self.stage.get("/coupon-templates")?;
        for template in templates.as_array().context("templates are a list")? {
            let of = |key: &str| template[key].as_u64().unwrap_or(0);
            let somewhere = of("held") + of("reserved") + of("used") + of("expired");
            verdicts.judge("coupons_add_up", equal("coupons", of("issued"), somewhere));
            (issued, used) = (issued + of("issued"), used + of("used"));
        }
        verdicts.judge("coupons_add_up", equal("coupons that viewers know of", issued, told));
        let orders = self.viewers.iter().flat_map(|viewer| viewer.told.orders.values());
        let cheaper = orders.filter(|order| order.phase == OrderPhase::Paid && order.total_fen < order.goods_fen);
        let (mut orders, mut short_fen) = (0, 0);
        for order in cheaper {
            (orders, short_fen) = (orders + 1, short_fen + order.goods_fen - order.total_fen);
        }
        verdicts.judge("orders_are_cheaper_by_coupons", equal("orders with coupons", used, orders));
        let off_fen = used as i64 * COUPON_FEN;
        verdicts.judge("orders_are_cheaper_by_coupons", equal("fen off", off_fen, short_fen));
        Ok(())
    }

    /// Whatever was paid is a sold order of its buyer, or is due back.
    fn payments(&self, verdicts: &mut Verdicts) {
        let orders = self.viewers.iter().flat_map(|viewer| &viewer.told.orders);
        let phases: BTreeMap<_, _> = orders.map(|(order, purchase)| (*order, purchase.phase)).collect();
        let wrong = self.payments.iter().find(|(order, payment)| {
            let phase = phases.get(order);
            match payment.outcome.as_deref() {
                Some("sold" | "sold_late") => phase != Some(&OrderPhase::Paid),
                // The order stays released, and the money goes back.
                Some(_) => phase != Some(&OrderPhase::Released),
                None => true,
            }
        });
        verdicts.judge(
            "payments_reach_buyers",
            match wrong {
                None => Ok(()),
                Some((order, payment)) => Err(format!("order {order} is {:?}: {payment:?}", phases.get(order))),
            },
        );
    }

    /// A campaign counts what was paid in its sales, and who took part; it never goes back.
    fn campaign(&self, verdicts: &mut Verdicts) {
        let Some(last) = self.hosted.sightings.last() else { return };
        let ours = self.hosted.acts.iter().filter(|played| played.act.promoted);
        let activities: BTreeSet<_> = ours.map(|played| played.activity).collect();
        let mut paid = (0, 0);
        let mut participants = 0;
        for Leaving { told, .. } in self.viewers {
            let orders: Vec<_> = told.orders.values().filter(|order| activities.contains(&order.activity)).collect();
            let given = told.given.keys().any(|activity| activities.contains(activity));
            participants += u64::from(given || !orders.is_empty());
            for order in orders.iter().filter(|order| order.phase == OrderPhase::Paid) {
                paid = (paid.0 + 1, paid.1 + order.total_fen);
            }
        }
        let counted = (last.orders, last.gmv_fen, last.participants);
        let verdict = match counted == (paid.0, paid.1, participants) {
            true => Ok(()),
            false => {
                Err(format!("(orders, fen, participants) are {counted:?}, viewers know of {paid:?}, {participants}"))
            }
        };
        verdicts.judge("campaign_counts_what_was_sold", verdict);
        let back = self.hosted.sightings.windows(2).find(|pair| goes_back(&pair[0], &pair[1]));
        verdicts.judge(
            "campaign_never_goes_back",
            match back {
                None => Ok(()),
                Some(pair) => Err(format!("{:?}, then {:?}", pair[0], pair[1])),
            },
        );
    }

    fn who(&self, so: impl Fn(&Told) -> bool) -> BTreeSet<&str> {
        self.viewers.iter().filter(|viewer| so(&viewer.told)).map(|viewer| viewer.user.as_str()).collect()
    }
}

/// Whether it is what the host asked for, wherever it comes from, and was amended as often as the host did.
fn as_planned(played: &Played) -> Result<(), String> {
    let (state, plan) = (&played.state, &played.plan);
    equal("titles", state["title"].as_str().unwrap_or(""), plan["title"].as_str().unwrap_or(""))?;
    equal("kinds", state["kind"].as_str().unwrap_or(""), played.act.mechanic.word())?;
    equal("amendments", state["amendment"].as_u64().unwrap_or(0), u64::from(played.amended_s.is_some()))
}

/// An occurrence for each day of a week, and each an activity of its own.
fn once_a_day(recurred: &Recurred) -> Result<(), String> {
    let Recurred { created, missed, activities } = recurred;
    equal("missed", *missed, 0)?;
    equal("activities", *created, activities.len() as u64)?;
    let mut opening: Vec<_> = activities.iter().map(|(_, opens_at)| *opens_at).collect();
    opening.sort_unstable();
    match opening.windows(2).find(|pair| pair[1] - pair[0] != 86_400_000) {
        None => Ok(()),
        Some(pair) => Err(format!("{} ms between two of them", pair[1] - pair[0])),
    }
}

fn goes_back(before: &Campaign, after: &Campaign) -> bool {
    let phases = ["planned", "warm_up", "burst", "extension", "over"];
    let place = |of: &Campaign| phases.iter().position(|phase| *phase == of.phase);
    let counts = |of: &Campaign| [of.orders, of.gmv_fen as u64, of.participants, of.new_users];
    place(after) < place(before) || counts(after).iter().zip(counts(before)).any(|(after, before)| *after < before)
}

pub(super) fn equal<T: PartialEq + std::fmt::Display>(what: &str, server: T, viewers: T) -> Result<(), String> {
    if server == viewers { Ok(()) } else { Err(format!("{what}: {server} here, {viewers} there")) }
}

fn numbers(of: &Value) -> Vec<u64> {
    of.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

fn words(of: &Value) -> Vec<&str> {
    of.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
