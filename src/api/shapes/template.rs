//! Templates of activities, and recurrences.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NewActivity, Problem};
use crate::rules::{
    ActivityTemplateId, Came, Occurrence, Plan, Recurrence, RecurrenceId, Recurring, Time, Weekday, Zone,
};

/// What a template is: exactly one of `activity` and `plan`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewTemplate {
    /// An activity of the room: its plan is saved, whatever became of it.
    pub activity: Option<u64>,
    /// A plan of its own.
    pub plan: Option<NewActivity>,
}

/// A template of activities.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct TemplateShape {
    /// Its name in the room.
    pub template: String,
    /// `red_packet_rain` …, as of an activity.
    pub kind: &'static str,
    /// The activities' title.
    pub title: String,
    /// What each activity of it is to be, as the event of its draft tells it.
    #[schema(value_type = Object)]
    pub plan: serde_json::Value,
}

/// An activity like a template.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewFromTemplate {
    /// When it opens; otherwise it waits for the host.
    pub opens_at_ms: Option<i64>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub(in crate::api) enum WeekdayShape {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// "Every Wednesday 20:00": when a template becomes an activity, again and again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewRecurrence {
    /// Of which template.
    pub template: String,
    /// On which days: each once, in the week's order from Monday on.
    pub days: Vec<WeekdayShape>,
    /// When it opens, by the zone's clocks: `20:00`. Where clocks are put forward over it, it is as much later that day; where
    /// they are put back over it, the first of the two counts.
    pub at: String,
    /// A zone of the IANA database, as `Europe/Berlin`. The room's offset if not named, which knows no daylight saving.
    pub zone: Option<String>,
    /// So long before its opening the activity is created: 60,000 to 604,800,000; an hour if not named.
    #[serde(default = "an_hour_ms")]
    pub ahead_ms: u64,
    /// Whether it is then handed in at once (reviewed, funded, scheduled). Otherwise it waits as a draft.
    #[serde(default = "yes")]
    pub hand_in: bool,
}

/// A recurrence as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct RecurrenceShape {
    /// Its number.
    pub recurrence: u64,
    /// Of which template.
    pub template: String,
    /// On which days.
    pub days: Vec<WeekdayShape>,
    /// When it opens, by the zone's clocks.
    pub at: String,
    /// By whose clocks: a zone of the IANA database, or an offset as `+08:00`.
    pub zone: String,
    /// So long before its opening the activity is created.
    pub ahead_ms: u64,
    /// Whether it is then handed in at once.
    pub hand_in: bool,
    /// Whether it rests.
    pub paused: bool,
    /// What comes next, as far as it is known. While it rests nothing comes.
    pub next: Option<OccurrenceShape>,
    /// What became of the latest occurrence.
    pub latest: Option<OutcomeShape>,
    /// How often it has become an activity.
    pub created: u32,
    /// How often it has not.
    pub missed: u32,
}

/// One time that a recurrence comes round.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OccurrenceShape {
    /// When the activity is created.
    pub created_at_ms: i64,
    /// When it opens.
    pub opens_at_ms: i64,
}

/// What became of an occurrence.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OutcomeShape {
    /// When it opens, or would have opened.
    pub opens_at_ms: i64,
    /// The activity that it has become.
    pub activity: Option<u64>,
    /// Or why it has become none: `too_late` (no server was there before its opening), `too_many` (activities in the room),
    /// `invalid` (the template was no plan then).
    pub missed: Option<&'static str>,
}

fn an_hour_ms() -> u64 {
    3_600_000
}

fn yes() -> bool {
    true
}

/// Reads a template's name.
pub(in crate::api) fn activity_template_id(text: &str) -> Result<ActivityTemplateId, Problem> {
    ActivityTemplateId::parse(text).map_err(|why| Problem::invalid(format!("a template's name {why}")))
}

impl NewRecurrence {
    /// The rule, in a room that is `utc_offset_min` minutes east of Greenwich.
    pub(in crate::api) fn rule(&self, utc_offset_min: i32) -> Result<Recurrence, Problem> {
        let zone = match &self.zone {
            None => Zone::Offset(utc_offset_min),
            Some(name) => Zone::named(name)
                .ok_or_else(|| Problem::invalid("zone must be a zone of the IANA database, as Asia/Shanghai"))?,
        };
        let (ahead_ms, hand_in) = (self.ahead_ms, self.hand_in);
        let days = self.days.iter().map(|day| Weekday::ALL[*day as usize]).collect();
        let rule = Recurrence { days, at_min: minutes(&self.at)?, zone, ahead_ms, hand_in };
        rule.check().map_err(|why| Problem::invalid(why.to_string()))?;
        Ok(rule)
    }
}

/// Minutes from midnight, out of `20:00`.
fn minutes(text: &str) -> Result<u16, Problem> {
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split_once(':').filter(|(hour, minute)| digits(hour) && digits(minute));
    let numbers = parts.and_then(|(hour, minute)| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)));
    match numbers {
        Some((hour @ 0..24, minute @ 0..60)) => Ok(hour * 60 + minute),
        _ => Err(Problem::invalid("at must be a time of the day, 00:00 to 23:59")),
    }
}

impl TemplateShape {
    pub(in crate::api) fn of(template: ActivityTemplateId, plan: &Plan) -> Self {
        Self {
            template: template.to_string(),
            kind: super::activity::kind(plan),
            title: plan.title.clone(),
            plan: serde_json::to_value(plan).expect("a plan is plain JSON"),
        }
    }
}

impl RecurrenceShape {
    pub(in crate::api) fn of(id: RecurrenceId, recurring: &Recurring) -> Self {
        let Recurring { template, rule, next, paused, created, missed, latest, seed: _ } = recurring;
        let outcome = |&(occurrence, came): &(Occurrence, Came)| OutcomeShape {
            opens_at_ms: occurrence.opens_at.ms(),
            activity: match came {
                Came::As(activity) => Some(activity.0),
                Came::Missed(_) => None,
            },
            missed: match came {
                Came::As(_) => None,
                Came::Missed(because) => Some(because.word()),
            },
        };
        Self {
            recurrence: id.0,
            template: template.to_string(),
            days: rule.days.iter().map(|day| WeekdayShape::ALL[*day as usize]).collect(),
            at: format!("{:02}:{:02}", rule.at_min / 60, rule.at_min % 60),
            zone: rule.zone.to_string(),
            ahead_ms: rule.ahead_ms,
            hand_in: rule.hand_in,
            paused: *paused,
            next: next.filter(|_| !paused).map(|next| OccurrenceShape {
                created_at_ms: next.created_at(rule).ms(),
                opens_at_ms: next.opens_at.ms(),
            }),
            latest: latest.as_ref().map(outcome),
            created: *created,
            missed: *missed,
        }
    }
}

impl WeekdayShape {
    const ALL: [Self; 7] =
        [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday, Self::Saturday, Self::Sunday];
}

impl NewFromTemplate {
    pub(in crate::api) fn opens_at(&self) -> Option<Time> {
        self.opens_at_ms.map(Time::from_ms)
    }
}
