//! Checks what must hold, over a log, the state that it added up to, and what clients were told.
//!
//! An [`Auditor`] begins with the tables that the first event continues (empty ones, or a snapshot's), is shown every
//! event and every acknowledgement, and [reports](Auditor::report) on the state that is claimed to be the result. It
//! keeps its own books beside the tables: where both come to the same by different ways, a mistake in one shows.

mod ack;
mod books;
mod campaigns;
mod codes;
mod coupons;
mod decoys;
mod draws;
mod early;
mod experiments;
mod gifts;
mod grants;
mod history;
mod holds;
mod kept;
mod orders;
mod presence;
mod refusals;
mod risk;
mod talk;
mod templates;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Event, Inconsistent, Recorded, Tables};

pub use ack::{Ack, Acked, AckedAsk, AcksError, Notice, Told, Won, read_acks};

/// What must hold, by the name that every report uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Granted, reserved, free and written off add up to what there ever was, per pool.
    PoolsBalance,
    /// The shares of a rain add up to its budget, each within its bounds.
    SharesAddUp,
    /// A share is given once, and nobody gets more than one user may.
    GrantsOnce,
    /// Every movement leaves the sum of all accounts as it was, none is overdrawn, and the ledger is what the log says.
    BooksBalance,
    /// A reservation ends once, paid or released, and what is paid in vain is due back.
    OrdersEndOnce,
    /// A coupon is issued once and used at most once; issued = held + reserved + used + expired, per template.
    CouponsUsedOnce,
    /// Whatever a client was told is in the state, with the same content.
    AcknowledgementsKept,
    /// A request is decided once, and every time it is asked the answer is the same.
    AnswersStable,
    /// Nothing is given outside `open`; phases, amendment numbers and time never go back.
    PhasesAdvance,
    /// Nobody has watched a broadcast for longer than it lasted, or than they were reported to be there.
    WatchedIsPresence,
    /// Whoever was given the prize of a goal had reached it, and was given it once; nobody checked in twice a day.
    GoalsAreReached,
    /// What the sink received is what the log holds.
    SinkEqualsLog,
    /// Replaying the log gives the state.
    ReplayEqualsState,
    /// Every request came to an answer.
    EverybodyAnswered,
    /// What a rain's clients were given and what its sponsor got back are its budget.
    SharesGivenOrRefunded,
    /// The tally of a poll is what its ballots add up to, one for each user; a user signs up once.
    VotesAddUp,
    /// As many orders as there was stock, and all of their buyers know.
    StockSoldExactly,
    /// A room's earnings are what its gifts cost, and a combo is the sum of its gifts.
    GiftsAddUp,
    /// A score is the sum of what its user gave in the board's span.
    BoardsAddUp,
    /// A fan has the points that were gained since joining.
    FansAddUp,
    /// A code goes to one person, once, and it is the one of the list whose turn it was.
    CodesGivenOnce,
    /// Everybody enters a draw once, nobody wins twice, and each published record recomputes to the same winners.
    DrawsRecompute,
    /// Each occurrence of a recurrence becomes one activity before its opening, or is missed: once, in order.
    OccurrencesOnce,
    /// A campaign's orders, their sum and its participants are those of its activities while it lasted.
    CampaignsAddUp,
    /// No user has more refusals kept in an activity than there may be.
    RefusalsBounded,
    /// An account is judged as the latest judgement says, until its end and no longer.
    RisksLapse,
    /// Cash of a unit is won once, that of risky accounts is held as the policy says, and each hold ends once: credited or forfeited.
    HoldsEndOnce,
    /// No decoy was funded or gave anything, and it catches each script once, or again when it is judged for that no more.
    DecoysGiveNothing,
    /// Nobody takes part before others who is not of the tier that may.
    HeadStartsKept,
    /// What somebody said and liked counts for their tier once.
    TalkCountsOnce,
    /// Everybody is in the arm that the hash says, and the results of each arm are what its users brought.
    ExperimentResultsMatch,
}

impl Invariant {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::PoolsBalance => "pools_balance",
            Self::SharesAddUp => "shares_add_up",
            Self::GrantsOnce => "grants_once",
            Self::BooksBalance => "books_balance",
            Self::OrdersEndOnce => "orders_end_once",
            Self::CouponsUsedOnce => "coupons_used_once",
            Self::AcknowledgementsKept => "acknowledgements_kept",
            Self::AnswersStable => "answers_stable",
            Self::PhasesAdvance => "phases_advance",
            Self::WatchedIsPresence => "watched_is_presence",
            Self::GoalsAreReached => "goals_are_reached",
            Self::SinkEqualsLog => "sink_equals_log",
            Self::ReplayEqualsState => "replay_equals_state",
            Self::EverybodyAnswered => "everybody_answered",
            Self::SharesGivenOrRefunded => "shares_given_or_refunded",
            Self::VotesAddUp => "votes_add_up",
            Self::StockSoldExactly => "stock_sold_exactly",
            Self::GiftsAddUp => "gifts_add_up",
            Self::BoardsAddUp => "boards_add_up",
            Self::FansAddUp => "fans_add_up",
            Self::CodesGivenOnce => "codes_given_once",
            Self::DrawsRecompute => "draws_recompute",
            Self::OccurrencesOnce => "occurrences_once",
            Self::CampaignsAddUp => "campaigns_add_up",
            Self::RefusalsBounded => "refusals_bounded",
            Self::RisksLapse => "risks_lapse",
            Self::HoldsEndOnce => "holds_end_once",
            Self::DecoysGiveNothing => "decoys_give_nothing",
            Self::HeadStartsKept => "head_starts_kept",
            Self::TalkCountsOnce => "talk_counts_once",
            Self::ExperimentResultsMatch => "experiment_results_match",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Invariant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Whether one invariant holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which invariant.
    pub name: Invariant,
    /// Whether it holds.
    pub ok: bool,
    /// What was looked at, or the first thing that is wrong.
    pub detail: String,
}

/// What an audit found: one finding per invariant that could be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether all of them hold.
    pub ok: bool,
    /// Events that were looked at.
    pub events: u64,
    /// Each by itself.
    pub findings: Vec<Finding>,
}

/// What holds (a few words on what was looked at), or what is wrong.
pub type Verdict<T = String> = Result<T, String>;

/// One invariant, checked along the log and over its result.
pub trait Check {
    /// Which one.
    fn invariant(&self) -> Invariant;

    /// An event is about to change the tables.
    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let _ = (recorded, tables);
        Ok(())
    }

    /// An event has changed the tables.
    fn after(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let _ = (recorded, tables);
        Ok(())
    }

    /// These are the tables at the end.
    fn judge(&self, tables: &Tables) -> Verdict;
}

/// Checks all invariants along a log.
pub struct Auditor {
    replayed: Tables,
    broken: Option<Inconsistent>,
    events: u64,
    acks: kept::AcksKept,
    checks: Vec<Watched>,
}

struct Watched {
    check: Box<dyn Check>,
    /// The first thing that was wrong: later ones may only follow from it.
    wrong: Option<String>,
}

impl Auditor {
    /// `base` is what the first event continues.
    pub fn new(base: Tables) -> Self {
        let mut auditor =
            Self { acks: kept::AcksKept::default(), replayed: base, broken: None, events: 0, checks: Vec::new() };
        let base = &auditor.replayed;
        let checks: [Box<dyn Check>; 24] = [
            Box::new(grants::PoolsBalance),
            Box::new(grants::SharesAddUp::over(base)),
            Box::new(grants::GrantsOnce::over(base)),
            Box::new(books::BooksBalance::over(base)),
            Box::new(orders::OrdersEndOnce::over(base)),
            Box::new(coupons::CouponsUsedOnce::over(base)),
            Box::new(history::PhasesAdvance),
            Box::new(presence::WatchedIsPresence::over(base)),
            Box::new(presence::GoalsAreReached::over(base)),
            Box::new(gifts::GiftsAddUp::over(base)),
            Box::new(gifts::BoardsAddUp::over(base)),
            Box::new(gifts::FansAddUp::over(base)),
            Box::new(draws::DrawsRecompute::over(base)),
            Box::new(codes::CodesGivenOnce::over(base)),
            Box::new(talk::VotesAddUp::over(base)),
            Box::new(templates::OccurrencesOnce::over(base)),
            Box::new(campaigns::CampaignsAddUp::over(base)),
            Box::new(refusals::RefusalsBounded::over(base)),
            Box::new(risk::RisksLapse::over(base)),
            Box::new(holds::HoldsEndOnce::over(base)),
            Box::new(decoys::DecoysGiveNothing::over(base)),
            Box::new(early::HeadStartsKept::over(base)),
            Box::new(presence::TalkCountsOnce::over(base)),
            Box::new(experiments::ExperimentResultsMatch::over(base)),
        ];
        for check in checks {
            auditor.add(check);
        }
        auditor
    }

    /// Checks one more invariant; before the first event.
    pub fn add(&mut self, check: Box<dyn Check>) {
        self.checks.push(Watched { check, wrong: None });
    }

    /// A client was told this.
    pub fn acknowledged(&mut self, told: impl Into<Told>) {
        self.acks.add(told.into());
    }

    /// The next event of the log. Those that the base includes say nothing new.
    pub fn see(&mut self, recorded: &Recorded) {
        if self.broken.is_some() || (self.events == 0 && recorded.no <= self.replayed.latest_no()) {
            return;
        }
        self.events += 1;
        let tables = &self.replayed;
        if let Event::Archived { activity, .. } = &recorded.event {
            self.acks.settle(*activity, tables);
        }
        if let Event::Forgotten { room: Some(room), .. } = &recorded.event {
            self.acks.forget(room, tables);
        }
        self.acks.see(recorded, tables);
        self.checks.iter_mut().for_each(|watched| watched.watch(|check| check.before(recorded, tables)));
        if let Err(error) = self.replayed.evolve(recorded) {
            self.broken = Some(error);
            return;
        }
        let tables = &self.replayed;
        self.checks.iter_mut().for_each(|watched| watched.watch(|check| check.after(recorded, tables)));
    }

    /// What holds of `tables`, the state that the log is said to have led to.
    pub fn report(&self, tables: &Tables) -> Report {
        let mut findings: Vec<_> = self.checks.iter().map(|watched| watched.finding(tables)).collect();
        findings.push(finding(Invariant::AnswersStable, self.acks.stable()));
        if !self.acks.is_empty() {
            findings.push(finding(Invariant::AcknowledgementsKept, self.acks.kept(tables)));
        }
        findings.push(finding(Invariant::ReplayEqualsState, self.replay(tables)));
        findings.sort_by_key(|finding| finding.name);
        Report { ok: findings.iter().all(|finding| finding.ok), events: self.events, findings }
    }

    fn replay(&self, tables: &Tables) -> Verdict {
        if let Some(error) = &self.broken {
            return Err(error.to_string());
        }
        let (no, claimed) = (self.replayed.latest_no(), tables.latest_no());
        if no != claimed {
            return Err(format!("the log ends with event {no}, the state with {claimed}"));
        }
        let digest = self.replayed.digest();
        if digest != tables.digest() {
            return Err(format!("after event {no} the replay differs from the state"));
        }
        let short: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{} events, state {short}…", self.events))
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor").field("events", &self.events).finish_non_exhaustive()
    }
}

impl Watched {
    fn watch(&mut self, look: impl FnOnce(&mut dyn Check) -> Verdict<()>) {
        if self.wrong.is_none() {
            self.wrong = look(self.check.as_mut()).err();
        }
    }

    fn finding(&self, tables: &Tables) -> Finding {
        let verdict = self.wrong.clone().map_or_else(|| self.check.judge(tables), Err);
        finding(self.check.invariant(), verdict)
    }
}

fn finding(name: Invariant, verdict: Verdict) -> Finding {
    let ok = verdict.is_ok();
    let detail = verdict.unwrap_or_else(|wrong| wrong);
    Finding { name, ok, detail }
}

impl Report {
    /// As every tool writes it: `{"ok", "events", "invariants": {name: bool}, "findings": [{"name", "ok", "detail"}]}`.
    pub fn to_json(&self) -> serde_json::Value {
        let names = self.findings.iter().map(|finding| (finding.name.word().to_owned(), finding.ok.into()));
        let invariants: serde_json::Map<_, serde_json::Value> = names.collect();
        serde_json::json!({
            "ok": self.ok, "events": self.events, "invariants": invariants, "findings": self.findings,
        })
    }

    /// The first invariant that does not hold.
    pub fn first_failure(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| !finding.ok)
    }
}
