//! What a viewer is after: for each activity that is open, how often it wants something there, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use liveroom_protocol::client::Outcome;
use liveroom_protocol::wire::{
    ActivityState, CartLine, CheckIn, Claim, ClaimStep, Comment, CouponChoice, DrawOccasion, EnterDraw, Phase,
    RefusalCode, Reserve, SignUp, Vote, activity_state::Kind, client_frame::Body,
};

use super::super::chance::Chance;
use super::persona::{Persona, may_pass};
use super::seat::{Heard, Seat};

/// About how long before something is tried again that was not done.
const AGAIN: Duration = Duration::from_millis(400);

/// Something to ask for.
#[derive(Debug)]
pub(super) struct Wish {
    /// The kind of request, in the words of acknowledgements.
    pub(super) kind: &'static str,
    pub(super) activity: u64,
    pub(super) body: Body,
    /// The option of a ballot.
    pub(super) ballot: Option<u32>,
    /// The pool it goes for, by its item, and the opening of it, where units may come back.
    opening: Option<(u32, u32)>,
    /// Which of several things of the activity it is.
    part: u32,
}

/// All that one viewer is after.
#[derive(Debug, Default)]
pub(super) struct Pursuits(BTreeMap<u64, Pursuit>);

#[derive(Debug)]
struct Pursuit {
    /// How often the viewer wants something.
    wanted: u32,
    had: u32,
    over: bool,
    /// The opening of each pool that the viewer came too late for.
    missed: BTreeMap<u32, u32>,
    /// Parts that were asked for.
    parts: BTreeSet<u32>,
    not_before: Option<Instant>,
    /// Tried before it was open.
    too_early: bool,
}

impl Pursuits {
    /// Something that the viewer wants now, if there is anything.
    pub(super) fn next(&mut self, seat: &Seat, persona: Persona, chance: &mut Chance) -> Option<Wish> {
        let now = Instant::now();
        let mut wishes = seat.heard(|heard| {
            let states = heard.view.activities();
            states.filter_map(|state| self.wish(heard, state, persona, chance, now)).collect::<Vec<_>>()
        });
        (!wishes.is_empty()).then(|| wishes.swap_remove(chance.below(wishes.len())))
    }

    /// When something that was not done may be tried again.
    pub(super) fn wakes(&self) -> Option<Instant> {
        self.0.values().filter(|pursuit| pursuit.wants_more()).filter_map(|pursuit| pursuit.not_before).min()
    }

    /// What came of a wish.
    pub(super) fn came_to(&mut self, wish: &Wish, outcome: Option<&Outcome>, chance: &mut Chance) {
        let Some(pursuit) = self.0.get_mut(&wish.activity) else { return };
        pursuit.not_before = None;
        match outcome {
            Some(Outcome::Refused { code: RefusalCode::SoldOut, .. }) if wish.opening.is_some() => {
                pursuit.missed.extend(wish.opening);
            }
            Some(Outcome::Refused { code: RefusalCode::NotOpen | RefusalCode::WatchedTooLittle, .. })
                if !pursuit.too_early =>
            {
                pursuit.too_early = true;
            }
            outcome if may_pass(outcome) => pursuit.not_before = Some(Instant::now() + chance.around(AGAIN)),
            // One part less.
            _ if wish.part > 0 => drop(pursuit.parts.insert(wish.part)),
            Some(Outcome::Refused { .. } | Outcome::NotDone { .. }) => pursuit.over = true,
            _ => pursuit.had += 1,
        }
    }

    fn wish(
        &mut self, heard: &Heard, state: &ActivityState, persona: Persona, chance: &mut Chance, now: Instant,
    ) -> Option<Wish> {
        let kind = state.kind.as_ref()?;
        let early = state.phase() == Phase::WarmUp && persona == Persona::Bot;
        if state.phase() != Phase::Open && !early {
            return None;
        }
        // Whoever can't wait tries before it is unlocked, once.
        let watched_s = state.conditions.as_ref().map_or(0, |conditions| conditions.watched_s);
        let locked = heard.watched.watched_s < watched_s;
        let impatient = matches!(persona, Persona::Bot | Persona::Eager);
        let pursuit = self.0.entry(state.activity).or_insert_with(|| Pursuit::new(wanted(kind, persona, chance)));
        if early && pursuit.too_early
            || locked && (pursuit.too_early || !impatient)
            || !pursuit.wants_more()
            || pursuit.not_before.is_some_and(|not_before| now < not_before)
        {
            return None;
        }
        let (activity, token) = (state.activity, if early { 1 } else { state.token });
        let wish = |kind, body| Wish { kind, activity, body, ballot: None, opening: None, part: 0 };
        let claim = |opening, left: u32| {
            let claim = Body::Claim(Claim { activity, token, opening });
            let fresh = early || left > 0 && !pursuit.has_missed(0, opening);
            fresh.then(|| Wish { opening: Some((0, opening)), ..wish("claim", claim) })
        };
        match kind {
            Kind::Rain(rain) => claim(rain.opening, rain.shares_left),
            Kind::Drop(drop) => claim(drop.opening, drop.coupons_left),
            Kind::Bag(bag) => claim(bag.opening, bag.left),
            Kind::Sale(sale) => {
                let sku = sale.skus.get(chance.below(sale.skus.len().max(1)))?;
                let fresh = early || sku.free > 0 && !pursuit.has_missed(sku.sku, sku.opening);
                let lines = vec![CartLine { sku: sku.sku, quantity: 1, opening: sku.opening }];
                let coupons = Some(CouponChoice { best: true, coupons: Vec::new() });
                let reserve = Body::Reserve(Reserve { activity, token, lines, coupons });
                fresh.then(|| Wish { opening: Some((sku.sku, sku.opening)), ..wish("reserve", reserve) })
            }
            Kind::WatchTask(task) => {
                let reached = (1u32..)
                    .zip(&task.goals)
                    .find(|(step, goal)| heard.watched.watched_s >= goal.at && !pursuit.parts.contains(step));
                let (step, _) = reached?;
                let claim = Body::ClaimStep(ClaimStep { activity, token, step });
                Some(Wish { part: step, ..wish("claim_step", claim) })
            }
            Kind::CheckIn(_) => Some(wish("check_in", Body::CheckIn(CheckIn { activity, token }))),
            Kind::Poll(poll) => {
                let option = chance.below(poll.options.len().max(1)) as u32 + 1;
                let vote = Body::Vote(Vote { activity, token, options: vec![option] });
                Some(Wish { ballot: Some(option), ..wish("vote", vote) })
            }
            Kind::Enrolment(_) => Some(wish("sign_up", Body::SignUp(SignUp { activity, token }))),
            Kind::Draw(draw) if draw.occasion() == DrawOccasion::Keyword => {
                Some(wish("comment", Body::Comment(Comment { text: spelt(&draw.keyword, chance) })))
            }
            Kind::Draw(_) => Some(wish("enter", Body::EnterDraw(EnterDraw { activity, token }))),
        }
    }
}

impl Pursuit {
    fn new(wanted: u32) -> Self {
        let (parts, missed) = (BTreeSet::new(), BTreeMap::new());
        Self { wanted, had: 0, over: false, missed, parts, not_before: None, too_early: false }
    }

    fn has_missed(&self, pool: u32, opening: u32) -> bool {
        self.missed.get(&pool) == Some(&opening)
    }

    fn wants_more(&self) -> bool {
        !self.over && self.had < self.wanted
    }
}

/// A keyword, as people write it.
fn spelt(keyword: &str, chance: &mut Chance) -> String {
    match chance.below(3) {
        0 => keyword.to_owned(),
        1 => keyword.to_uppercase(),
        _ => keyword.chars().flat_map(|c| [c, ' ']).collect(),
    }
}

/// How often a viewer wants what an activity gives.
fn wanted(kind: &Kind, persona: Persona, chance: &mut Chance) -> u32 {
    let likely = |chance: &mut Chance, percent| u32::from(chance.comes(percent));
    match (kind, persona) {
        // Until the server says that it is enough.
        (Kind::Rain(_) | Kind::Drop(_), Persona::Bot | Persona::Eager) => u32::MAX,
        (Kind::Rain(rain), Persona::BargainHunter) => rain.grants_per_user,
        (Kind::Rain(_), _) => 1 + chance.below(2) as u32,
        (Kind::Drop(_), Persona::BargainHunter) => 1,
        (Kind::Drop(_), _) => likely(chance, 60),
        (Kind::Sale(_), Persona::Bot | Persona::Eager) => u32::MAX,
        (Kind::Sale(_), Persona::BargainHunter) => 2,
        (Kind::Sale(_), _) => likely(chance, 15),
        (Kind::WatchTask(_), _) => 1,
        (Kind::Poll(_), Persona::Eager) => 10,
        (Kind::Poll(_), Persona::Chatter) => 2,
        (_, Persona::Eager | Persona::Bot) => 1,
        (Kind::Enrolment(_), _) => likely(chance, 50),
        (_, _) => likely(chance, 85),
    }
}
