//! Campaigns: activities of a room that serve one goal, through 预热 → 爆发 → 延续.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::activity::PlanError;
use super::{ActivityId, Brought, Fen, Tally, Time, UserId};

/// What a host asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignPlan {
    /// Its name for people: 1 to 200 bytes.
    pub title: String,
    /// What it shall reach.
    pub goals: Goals,
    /// When its phases begin.
    pub times: CampaignTimes,
}

/// What a campaign shall reach. A goal that is not set is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Goals {
    /// Paid orders of its sales, fen.
    pub gmv: Option<Fen>,
    /// Users who took part and had never been in the room before the campaign began.
    pub new_users: Option<u32>,
}

/// When a campaign's phases begin, each later than the one before, and when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignTimes {
    /// 预热.
    pub warm_up: Time,
    /// 爆发.
    pub burst: Time,
    /// 延续.
    pub extension: Time,
    /// The end: nothing counts any more.
    pub end: Time,
}

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignPhase {
    /// Not yet.
    Planned,
    /// 预热.
    WarmUp,
    /// 爆发.
    Burst,
    /// 延续.
    Extension,
    /// Over.
    Over,
}

/// A campaign as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// What was asked for.
    pub plan: CampaignPlan,
    /// Where it stands: time takes it further.
    pub phase: CampaignPhase,
    /// Its activities, in the order in which they joined.
    pub activities: Vec<ActivityId>,
    /// What they have brought.
    pub tally: Tally,
    /// Who was given something or reserved something.
    participants: BTreeSet<UserId>,
    /// Those of them who were new.
    pub new_users: u32,
}

impl CampaignPlan {
    /// Checks everything that the types can't.
    pub fn check(&self) -> Result<(), PlanError> {
        let refuse = |field, why: &'static str| Err(PlanError { field, why: why.into() });
        if self.title.is_empty() || self.title.len() > 200 {
            return refuse("title", "must be 1 to 200 bytes");
        }
        let CampaignTimes { warm_up, burst, extension, end } = self.times;
        if warm_up < Time::from_ms(0) || end > Time::MAX {
            return refuse("end_ms", "must be a time before the year 2200");
        }
        if !(warm_up < burst && burst < extension && extension < end) {
            return refuse("times", "must follow one another: warm_up_ms, burst_ms, extension_ms, end_ms");
        }
        if self.goals.gmv == Some(Fen::ZERO) || self.goals.new_users == Some(0) {
            return refuse("goals", "must be more than nothing");
        }
        Ok(())
    }
}

impl CampaignTimes {
    /// The phase at a time.
    pub fn phase(&self, now: Time) -> CampaignPhase {
        match now {
            now if now >= self.end => CampaignPhase::Over,
            now if now >= self.extension => CampaignPhase::Extension,
            now if now >= self.burst => CampaignPhase::Burst,
            now if now >= self.warm_up => CampaignPhase::WarmUp,
            _ => CampaignPhase::Planned,
        }
    }

    /// When `phase` ends; `None` if it does not.
    pub const fn end_of(&self, phase: CampaignPhase) -> Option<Time> {
        match phase {
            CampaignPhase::Planned => Some(self.warm_up),
            CampaignPhase::WarmUp => Some(self.burst),
            CampaignPhase::Burst => Some(self.extension),
            CampaignPhase::Extension => Some(self.end),
            CampaignPhase::Over => None,
        }
    }
}

impl CampaignPhase {
    /// The phase's word, as every interface spells it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::WarmUp => "warm_up",
            Self::Burst => "burst",
            Self::Extension => "extension",
            Self::Over => "over",
        }
    }
}

impl Campaign {
    /// Most campaigns of a room that have not been archived.
    pub const PER_ROOM_MAX: usize = 100;
    /// Most activities of one campaign.
    pub const ACTIVITIES_MAX: usize = 100;

    /// A new one, without activities.
    pub fn new(plan: CampaignPlan, now: Time) -> Self {
        let phase = plan.times.phase(now);
        Self {
            plan,
            phase,
            activities: Vec::new(),
            tally: Tally::default(),
            participants: BTreeSet::new(),
            new_users: 0,
        }
    }

    /// Whether what happens now counts.
    pub fn counts(&self) -> bool {
        !matches!(self.phase, CampaignPhase::Planned | CampaignPhase::Over)
    }

    /// A user was given something, or reserved something. `first_seen`: when the room first heard of the user.
    fn took_part(&mut self, user: UserId, first_seen: Option<Time>) {
        let newcomer = first_seen.is_none_or(|at| at >= self.plan.times.warm_up);
        if self.participants.insert(user) && newcomer {
            self.new_users += 1;
        }
    }

    /// A user brought something.
    pub fn count(&mut self, user: UserId, brought: Brought, first_seen: Option<Time>) {
        if brought.is_part() {
            self.took_part(user, first_seen);
        }
        self.tally.add(brought);
    }

    /// Who took part.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.participants.iter()
    }

    /// How many took part.
    pub fn participants(&self) -> u32 {
        self.participants.len() as u32
    }

    /// Whether every goal that is set has been reached.
    pub fn reached(&self) -> bool {
        let Goals { gmv, new_users } = self.plan.goals;
        gmv.is_none_or(|goal| self.tally.gmv >= goal) && new_users.is_none_or(|goal| self.new_users >= goal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Time {
        Time::from_ms(ms)
    }

    fn plan() -> CampaignPlan {
        CampaignPlan {
            title: "Spring".to_owned(),
            goals: Goals { gmv: Some(Fen::new(1_000).unwrap()), new_users: Some(2) },
            times: CampaignTimes { warm_up: at(100), burst: at(200), extension: at(300), end: at(400) },
        }
    }

    #[test]
    fn phases_follow_the_clock() {
        for (now, phase, ends) in [
            (99, "planned", Some(100)),
            (100, "warm_up", Some(200)),
            (199, "warm_up", Some(200)),
            (200, "burst", Some(300)),
            (300, "extension", Some(400)),
            (400, "over", None),
            (i64::MAX, "over", None),
        ] {
            let found = plan().times.phase(at(now));
            assert_eq!((found.word(), plan().times.end_of(found).map(Time::ms)), (phase, ends), "at {now}");
        }
    }

    #[test]
    fn what_is_refused() {
        let plan = plan();
        let times = |warm_up, burst, extension, end| CampaignTimes {
            warm_up: at(warm_up),
            burst: at(burst),
            extension: at(extension),
            end: at(end),
        };
        let timed = |times| CampaignPlan { times, ..plan.clone() };
        for (case, plan, field) in [
            ("no title", CampaignPlan { title: String::new(), ..plan.clone() }, "title"),
            ("a long title", CampaignPlan { title: "x".repeat(201), ..plan.clone() }, "title"),
            ("before 1970", timed(times(-1, 2, 3, 4)), "end_ms"),
            ("after 2200", timed(times(1, 2, 3, i64::MAX)), "end_ms"),
            ("no time to warm up", timed(times(2, 2, 3, 4)), "times"),
            ("phases in disorder", timed(times(1, 3, 2, 4)), "times"),
            ("no extension", timed(times(1, 2, 4, 4)), "times"),
            (
                "a goal of nothing",
                CampaignPlan { goals: Goals { gmv: None, new_users: Some(0) }, ..plan.clone() },
                "goals",
            ),
        ] {
            assert_eq!(plan.check().map_err(|error| error.field), Err(field), "{case}");
        }
        assert_eq!(plan.check(), Ok(()));
    }

    #[test]
    fn progress() {
        let mut campaign = Campaign::new(plan(), at(100));
        let user = |name| UserId::parse(name).unwrap();
        // Who, and when the room first heard of them; participants and new users afterwards.
        for (name, first_seen, participants, new) in
            [("ann", None, 1, 1), ("bob", Some(99), 2, 1), ("ann", Some(100), 2, 1), ("cyd", Some(100), 3, 2)]
        {
            campaign.count(user(name), Brought::Given, first_seen.map(at));
            assert_eq!((campaign.participants(), campaign.new_users), (participants, new), "{name}");
        }
        for (total, gmv, reached) in [(999, 999, false), (1, 1_000, true), (Fen::MAX.get(), Fen::MAX.get(), true)] {
            campaign.count(user("ann"), Brought::Sold(Fen::new(total).unwrap()), None);
            assert_eq!((campaign.tally.gmv.get(), campaign.reached()), (gmv, reached), "after {total}");
        }
        assert_eq!(campaign.tally.paid_orders, 3);
    }
}
