//! An experiment in the course of a broadcast: who falls into which arm, what is for one, and what each has brought.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use liveroom_protocol::wire::OrderPhase;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::stage::{self, Stage};
use super::reckoning::{Leaving, Reckoning, Verdicts, equal};

/// Its name, and its arms in their order, with how many fall into each.
const NAME: &str = "price";
pub(super) const ARMS: [(&str, u32); 3] = [("control", 5), ("rain", 3), ("coupons", 2)];

/// The coupons of an arm.
pub(super) const COUPON: &str = "of-an-arm";

/// What chance does less often than once in so many runs, it does not do.
const RUNS: f64 = 1e9;

/// What an arm has brought.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
struct Results {
    users: u64,
    participants: u64,
    orders: u64,
    paid_orders: u64,
    gmv_fen: i64,
    gift_coins: i64,
}

/// An arm, as the server shows it.
#[derive(Debug, Deserialize)]
struct Arm {
    arm: String,
    #[serde(flatten)]
    results: Results,
}

/// Begins it, and has the coupons that are one arm's.
pub(super) fn begin(stage: &Stage) -> anyhow::Result<()> {
    let arms = ARMS.map(|(arm, weight)| json!({"arm": arm, "weight": weight}));
    stage.post("/experiments", &json!({"experiment": NAME, "title": "load", "arms": arms}))?;
    let mut coupons = stage::coupon_template(COUPON);
    coupons["audience"] = json!({"arm": in_arm("coupons")});
    stage.post("/coupon-templates", &coupons).map(drop)
}

/// Ends it, when nobody does anything any more; what the server says that it came to.
pub(super) fn end(stage: &Stage) -> anyhow::Result<Value> {
    stage.post(&format!("/experiments/{NAME}/end"), &json!({}))
}

/// An arm, as conditions and audiences name it.
pub(super) fn in_arm(arm: &str) -> Value {
    json!({"experiment": NAME, "arm": arm})
}

/// The arm that a user falls into, as PROTOCOL.md says.
fn arm_of(user: &str) -> &'static str {
    let digest = digest(&SHA256, format!("liveroom-experiment-v1\0{NAME}\0{user}").as_bytes());
    let number = u64::from_be_bytes(*digest.as_ref().first_chunk().expect("a digest has 32 bytes"));
    let sum: u32 = ARMS.iter().map(|(_, weight)| weight).sum();
    let place = (u128::from(number) * u128::from(sum)) >> 64;
    let mut before = 0;
    let falls = ARMS.iter().find(|(_, weight)| {
        before += u128::from(*weight);
        place < before
    });
    falls.expect("the place is below the sum of the weights").0
}

impl Reckoning<'_> {
    /// Everybody is in the arm that follows from the names, what is for one is for nobody else, and each has brought what its viewers
    /// did.
    pub(super) fn experiment(&self, verdicts: &mut Verdicts) -> anyhow::Result<()> {
        let Some(ended) = &self.hosted.experiment else { return Ok(()) };
        for viewer in self.viewers {
            let arm = viewer.told.arms.get(NAME).map(|(arm, _)| arm.as_str());
            let of = format!("arms of {}", viewer.user);
            verdicts.judge("arms_follow_from_names", equal(&of, arm.unwrap_or("none"), arm_of(&viewer.user)));
        }
        for played in &self.hosted.acts {
            if let Some(arm) = played.act.arm {
                verdicts.judge("arms_keep_to_themselves", self.only(arm, played.activity));
            }
        }
        verdicts.judge("arms_fill_by_weight", by_weight(&self.in_arms()));
        let shown: Vec<Arm> = serde_json::from_value(ended["arms"].clone()).context("arms are a list")?;
        let shown: BTreeMap<_, _> = shown.iter().map(|one| (one.arm.as_str(), &one.results)).collect();
        for (arm, viewers) in self.in_arms() {
            let (brought, counted) = (self.brought(&viewers), shown.get(arm).copied());
            let verdict = match counted == Some(&brought) {
                true => Ok(()),
                false => Err(format!("{arm} has {counted:?}, its viewers know of {brought:?}")),
            };
            verdicts.judge("arms_bring_what_viewers_did", verdict);
        }
        Ok(())
    }

    fn in_arms(&self) -> BTreeMap<&'static str, Vec<&Leaving>> {
        let mut arms: BTreeMap<_, _> = ARMS.iter().map(|(arm, _)| (*arm, Vec::new())).collect();
        for viewer in self.viewers {
            arms.entry(arm_of(&viewer.user)).or_default().push(viewer);
        }
        arms
    }

    /// Others asked for what is an arm's, and came away with nothing.
    fn only(&self, arm: &str, activity: u64) -> Result<(), String> {
        let mut kept_out = 0;
        for Leaving { user, told, .. } in self.viewers {
            let ordered = told.orders.values().any(|order| order.activity == activity);
            let has = ordered || told.given.contains_key(&activity);
            let refused = told.kept_out.contains(&activity);
            match arm_of(user) == arm {
                true if refused => return Err(format!("{user} is in {arm}, and was kept out of activity {activity}")),
                false if has => {
                    return Err(format!("{user} has something of activity {activity}, and is not in {arm}"));
                }
                _ => kept_out += u64::from(refused),
            }
        }
        if kept_out > 0 { Ok(()) } else { Err(format!("nobody of another arm has tried activity {activity}")) }
    }

    fn brought(&self, viewers: &[&Leaving]) -> Results {
        let mut brought = Results::default();
        for told in viewers.iter().map(|viewer| &viewer.told) {
            brought.users += 1;
            brought.participants += u64::from(!told.given.is_empty() || !told.orders.is_empty());
            brought.orders += told.orders.len() as u64;
            for order in told.orders.values().filter(|order| order.phase == OrderPhase::Paid) {
                brought.paid_orders += 1;
                brought.gmv_fen += order.total_fen;
            }
            brought.gift_coins += told.coins_sent;
        }
        brought
    }
}

/// As many as the weights say, as far as chance allows.
fn by_weight(arms: &BTreeMap<&str, Vec<&Leaving>>) -> Result<(), String> {
    let all: usize = arms.values().map(Vec::len).sum();
    let sum: u32 = ARMS.iter().map(|(_, weight)| weight).sum();
    let odd = ARMS.iter().find(|(arm, weight)| {
        let found = arms.get(arm).map_or(0, Vec::len);
        !is_chance(found, all, f64::from(*weight) / f64::from(sum))
    });
    match odd {
        None => Ok(()),
        Some((arm, weight)) => {
            Err(format!("{} of {all} are in {arm}, whose weight is {weight} of {sum}", arms[arm].len()))
        }
    }
}

/// Whether chance alone may put so many of all where a `share` of them is expected. By Chernoff's bound it does, this far away or
/// further, in at most e^(−n·D) of all runs, where D is the divergence of what was found from what is expected.
fn is_chance(found: usize, all: usize, share: f64) -> bool {
    let of = |part: f64, expected: f64| if part > 0.0 { part * (part / expected).ln() } else { 0.0 };
    let part = found as f64 / all.max(1) as f64;
    let divergence = of(part, share) + of(1.0 - part, 1.0 - share);
    all as f64 * divergence <= RUNS.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_are_those_of_the_protocol() {
        // Computed by another program from the words of PROTOCOL.md.
        for (user, arm) in [("ann", "control"), ("bob", "rain"), ("cyd", "coupons"), ("v8", "control")] {
            assert_eq!(arm_of(user), arm, "{user}");
        }
    }

    #[test]
    fn chance_has_its_bounds() {
        for (found, all, share, may) in [
            (0, 0, 0.5, true),
            (10, 20, 0.5, true),
            (0, 20, 0.5, true),
            (0, 40, 0.5, false),
            (20, 20, 0.2, false),
            (12, 20, 0.2, true),
            (500, 1_000, 0.5, true),
            (610, 1_000, 0.5, false),
            (390, 1_000, 0.5, false),
        ] {
            assert_eq!(is_chance(found, all, share), may, "{found} of {all} where {share} are expected");
        }
    }
}
