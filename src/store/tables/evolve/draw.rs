//! Draws: who is in, who won, who passed.

use super::Fits;
use crate::rules::{
    ActivityId, AwardState, Beacon, Draw, DrawPlan, DrawWinner, Kind, KindPlan, Pass, RoomId, draw_name,
};
use crate::store::tables::Tables;
use crate::store::tables::receipts::Kept;
use crate::store::{Answer, DrawEvent, Recorded};

impl Tables {
    pub(super) fn draw_event(
        &mut self, recorded: &Recorded, room: &RoomId, id: ActivityId, what: &DrawEvent,
    ) -> Fits<Answer> {
        match what {
            DrawEvent::Entered { user, leaf, cause } => {
                let (draw, _) = self.draw_mut(id)?;
                if *leaf as usize != draw.entries().len() || draw.leaf_of(user).is_some() || draw.root.is_some() {
                    return Err("not the next entry");
                }
                draw.enter(*user);
                self.keep(room, cause, Kept::Entered(id, *leaf))
            }
            DrawEvent::Drawn { beacon, winners, cause } => {
                self.disarm(id);
                self.draw_out(recorded, id, beacon.as_deref(), winners)?;
                self.arm(id);
                self.keep(room, cause, Kept::Drawn(id))
            }
            DrawEvent::Kept { user, rank, cause } => {
                self.disarm(id);
                let (draw, _) = self.draw_mut(id)?;
                match draw.award_of(user) {
                    Some((at, award)) if at == *rank && award.state != AwardState::Passed => draw.keep(*rank),
                    _ => return Err("what was passed on is not taken"),
                }
                self.arm(id);
                self.keep(room, cause, Kept::Taken(id, *rank))
            }
            DrawEvent::Passed { user, rank, next, cause } => {
                self.disarm(id);
                let (draw, plan) = self.draw_mut(id)?;
                let pass = draw.pass(plan, *rank).ok_or("no prize to pass on")?;
                if pass != (Pass { rank: *rank, user: *user, next: next.clone() }) {
                    return Err("the prize goes to somebody else");
                }
                draw.pass_on(plan, &pass, recorded.at);
                self.arm(id);
                self.keep(room, cause, Kept::PassedOn(id, *rank))
            }
        }
    }

    fn draw_out(
        &mut self, recorded: &Recorded, id: ActivityId, beacon: Option<&Beacon>, winners: &[DrawWinner],
    ) -> Fits {
        let activity = self.activities.get_mut(&id).ok_or("no such activity")?;
        let (name, seed) = (draw_name(&activity.room, id), activity.draw_seed());
        let (Some(Kind::Draw(draw)), KindPlan::Draw(plan)) = (&mut activity.kind, &activity.plan.kind) else {
            return Err("only an opened draw is drawn");
        };
        if draw.root.is_none() || draw.drawn.is_some() {
            return Err("a draw is drawn once, after its close");
        }
        let ranking = draw.ranking(plan, &name, &seed, beacon);
        let drawn = winners.iter().map(|winner| DrawWinner { held_until: None, ..winner.clone() });
        if !drawn.eq(draw.winners(plan, &ranking)) {
            return Err("the winners do not follow from the entries");
        }
        draw.draw(plan, recorded.at, beacon.cloned(), ranking);
        self.awaiting_beacons.remove(&id);
        winners.iter().try_for_each(|won| self.credit((id, won.rank), won.user, won.cash, won.held_until))
    }

    fn draw_mut(&mut self, id: ActivityId) -> Fits<(&mut Draw, &DrawPlan)> {
        let activity = self.activities.get_mut(&id).ok_or("no such activity")?;
        match (&mut activity.kind, &activity.plan.kind) {
            (Some(Kind::Draw(draw)), KindPlan::Draw(plan)) => Ok((draw, plan)),
            _ => Err("only an opened draw takes entries"),
        }
    }
}
