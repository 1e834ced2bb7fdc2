//! Ballots, sign-ups and sanctions.

use super::Fits;
use crate::rules::{Kind, RoomId, Time};
use crate::store::TalkEvent;
use crate::store::tables::receipts::Kept;
use crate::store::tables::{Answer, Tables};

impl Tables {
    pub(super) fn talked(&mut self, room: &RoomId, at: Time, what: &TalkEvent) -> Fits<Answer> {
        match what {
            TalkEvent::Voted { activity, user, choice, request, fingerprint } => {
                let Some(Kind::Poll(poll)) = &mut self.activity_mut(*activity)?.kind else {
                    return Err("only an open poll takes votes");
                };
                if choice.options().any(|option| option as usize > poll.tally().len()) {
                    return Err("the poll has no such option");
                }
                poll.vote(*user, *choice);
                self.receive(room, *user, *request, *fingerprint, Kept::Voted(*activity))
            }
            TalkEvent::SignedUp { activity, user, tier, place, request, fingerprint } => {
                let Some(Kind::Enrolment(enrolment)) = &mut self.activity_mut(*activity)?.kind else {
                    return Err("only an open enrolment takes sign-ups");
                };
                if enrolment.may_sign_up(user).is_err() || *place != enrolment.signed_up() + 1 {
                    return Err("not the next to sign up");
                }
                enrolment.sign_up(*user, *tier);
                self.receive(room, *user, *request, *fingerprint, Kept::SignedUp(*activity, *place))
            }
            TalkEvent::Imposed { user, sanction, until, cause } => {
                self.rooms.get_mut(room).ok_or("no such room")?.sanctions.impose(*user, *sanction, *until, at);
                self.keep(room, cause, Kept::Imposed(*until))
            }
            TalkEvent::Lifted { user, sanction, cause } => {
                if !self.rooms.get_mut(room).ok_or("no such room")?.sanctions.lift(*user, *sanction) {
                    return Err("there is no such sanction");
                }
                self.keep(room, cause, Kept::Lifted)
            }
        }
    }
}
