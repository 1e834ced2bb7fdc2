//! Draws: who entered, who won, and whether anybody could find out by the published record.

use std::collections::{HashMap, HashSet};

use super::{Check, Invariant, Verdict};
use crate::rules::{Activity, ActivityId, DrawRecord, Kind, UserId, check_record};
use crate::store::{DrawEvent, Event, Recorded, Tables};

/// Everybody enters once, a draw is drawn once, nobody wins twice, and each record recomputes to the same winners.
#[derive(Default)]
pub(super) struct DrawsRecompute {
    draws: HashMap<ActivityId, Seen>,
    checked: u64,
}

#[derive(Default)]
struct Seen {
    entries: Vec<UserId>,
    entered: HashSet<UserId>,
    /// By rank; `None` until it is drawn.
    winners: Option<Vec<UserId>>,
}

impl Seen {
    fn enter(&mut self, user: UserId, leaf: u32) -> Verdict<()> {
        if !self.entered.insert(user) || leaf as usize != self.entries.len() {
            return Err(format!("enters {user} as leaf {leaf} of {}", self.entries.len()));
        }
        self.entries.push(user);
        Ok(())
    }

    fn win(&mut self, user: UserId, rank: u32) -> Verdict<()> {
        let entered = self.entered.contains(&user);
        let winners = self.winners.get_or_insert_default();
        if !entered || winners.contains(&user) || rank as usize != winners.len() {
            return Err(format!("gives {user} rank {rank}, after {} winners", winners.len()));
        }
        winners.push(user);
        Ok(())
    }
}

impl DrawsRecompute {
    pub(super) fn over(base: &Tables) -> Self {
        let seen = |activity: &Activity| {
            let Some(Kind::Draw(draw)) = &activity.kind else { return None };
            let entries = draw.entries().to_vec();
            let winner = |award: &crate::rules::Award| entries[award.leaf as usize];
            let winners = draw.drawn.as_ref().map(|drawn| drawn.awards.iter().map(winner).collect());
            Some((activity.id, Seen { entered: entries.iter().copied().collect(), winners, entries }))
        };
        Self { draws: base.activities().filter_map(seen).collect(), checked: 0 }
    }

    fn check(&self, activity: &Activity) -> Verdict<bool> {
        let (Some(Kind::Draw(draw)), id) = (&activity.kind, activity.id) else { return Ok(false) };
        let none = Seen::default();
        let seen = self.draws.get(&id).unwrap_or(&none);
        if seen.entries != draw.entries() {
            return Err(format!("draw {id} has other entries than the log says"));
        }
        if seen.winners.is_some() != draw.drawn.is_some() {
            return Err(format!("draw {id} was drawn, or was not, other than the log says"));
        }
        let Some(record) = DrawRecord::of(activity) else { return Ok(true) };
        check_record(&record.to_json()).map_err(|wrong| format!("draw {id}: {wrong}"))?;
        if !record.winners.iter().map(|winner| winner.user).eq(seen.winners.iter().flatten().copied()) {
            return Err(format!("draw {id} has other winners than the log says"));
        }
        Ok(true)
    }
}

impl Check for DrawsRecompute {
    fn invariant(&self) -> Invariant {
        Invariant::DrawsRecompute
    }

    fn before(&mut self, recorded: &Recorded, tables: &Tables) -> Verdict<()> {
        let wrong = |what: String| format!("event {} {what}", recorded.no);
        match &recorded.event {
            Event::Draw { activity, what, .. } => {
                let seen = self.draws.entry(*activity).or_default();
                match what {
                    DrawEvent::Entered { .. } if seen.winners.is_some() => Err(wrong("enters after the draw".into())),
                    DrawEvent::Entered { user, leaf, .. } => seen.enter(*user, *leaf).map_err(wrong),
                    DrawEvent::Drawn { .. } if seen.winners.is_some() => Err(wrong("draws again".into())),
                    DrawEvent::Drawn { winners, .. } => {
                        seen.winners = Some(Vec::new());
                        winners.iter().try_for_each(|winner| seen.win(winner.user, winner.rank)).map_err(wrong)
                    }
                    DrawEvent::Passed { next: Some(next), .. } => seen.win(next.user, next.rank).map_err(wrong),
                    DrawEvent::Passed { .. } | DrawEvent::Kept { .. } => Ok(()),
                }
            }
            Event::Archived { activity, .. } => {
                if let Some(found) = tables.activity(*activity) {
                    self.checked += u64::from(self.check(found)?);
                }
                self.draws.remove(activity);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, tables: &Tables) -> Verdict {
        let mut draws = self.checked;
        for activity in tables.activities() {
            draws += u64::from(self.check(activity)?);
        }
        Ok(format!("{draws} draws"))
    }
}
