//! Order in time: phases, amendments, and nothing outside `open`.

use super::{Check, Invariant, Verdict};
use crate::rules::{ActivityId, PaymentOutcome, Phase, Step};
use crate::store::{CouponEvent, DrawEvent, Event, PresenceEvent, Recorded, Tables};

/// Nothing is given outside `open`; phases, amendment numbers and time never go back.
pub(super) struct PhasesAdvance;

fn open(recorded: &Recorded, tables: &Tables, id: ActivityId) -> Verdict<()> {
    match tables.activity(id).map(|activity| activity.phase) {
        Some(Phase::Open) => Ok(()),
        found => Err(format!("event {} needs activity {id} to be open: it is {found:?}", recorded.no)),
    }
}

impl Check for PhasesAdvance {
    fn invariant(&self) -> Invariant {
        Invariant::PhasesAdvance
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let no = recorded.no;
        if recorded.at < tables.latest_at() {
            return Err(format!("event {no} was decided at {}, the one before at {}", recorded.at, tables.latest_at()));
        }
        match &recorded.event {
            Event::Presence {
                what: PresenceEvent::StepReached { activity, .. } | PresenceEvent::CheckedIn { activity, .. },
                ..
            }
            | Event::Granted { activity, .. }
            | Event::Reserved { activity, .. }
            | Event::WaveReleased { activity, .. }
            | Event::OpenedToAll { activity, .. }
            | Event::Draw { activity, what: DrawEvent::Entered { .. }, .. }
            | Event::Coupon { what: CouponEvent::Ordered { activity, .. }, .. }
            | Event::Paid { activity, outcome: PaymentOutcome::SoldLate, .. } => open(recorded, tables, *activity),
            Event::Draw { activity, .. } => match tables.activity(*activity).map(|activity| activity.phase) {
                Some(Phase::Closed) => Ok(()),
                found => Err(format!("event {no} draws activity {activity} while it is {found:?}")),
            },
            Event::Amended { activity, number, .. } => {
                open(recorded, tables, *activity)?;
                let before = tables.activity(*activity).map(|activity| activity.amendment);
                if before.map(|before| before + 1) == Some(*number) {
                    Ok(())
                } else {
                    Err(format!("event {no} is amendment {number} of activity {activity}, after {before:?}"))
                }
            }
            Event::Stepped { activity: id, step, to, cause, .. } => {
                let activity = tables.activity(*id).ok_or_else(|| format!("event {no}: no activity {id}"))?;
                if *to <= activity.phase {
                    return Err(format!("event {no} takes activity {id} from {} back to {to}", activity.phase));
                }
                let early = activity.first_opening().is_some_and(|at| recorded.at < at);
                if *step == Step::Open && cause.by.is_none() && early {
                    return Err(format!("event {no} opens activity {id} before its time"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let claimed = |activity: &&crate::rules::Activity| activity.kind.is_some() && activity.phase < Phase::Open;
        match tables.activities().find(claimed) {
            Some(activity) => Err(format!("activity {} is {} and has given", activity.id, activity.phase)),
            None => Ok(format!("{} activities", tables.activities().count())),
        }
    }
}
