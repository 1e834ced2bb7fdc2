//! Whether what clients were told is in the state, and stays the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::FixedState;

use super::Verdict;
use super::ack::{Ack, Notice, Told};
use crate::rules::{ActivityId, RequestId, RoomId, UserId};
use crate::store::{Cause, Event, Recorded, Tables};

/// Every acknowledgement is in the state, and none says something else than another.
#[derive(Default)]
pub(super) struct AcksKept {
    /// Those still to be looked up.
    acks: HashMap<(RoomId, UserId, RequestId), Ack>,
    /// The same of what was told unasked, which is told again whenever a client comes back.
    notices: BTreeMap<ActivityId, HashSet<Notice, FixedState>>,
    /// All that there were.
    count: u64,
    /// The first that an archived activity did not know of.
    lost: Option<String>,
    /// The first request that got two answers.
    unstable: Option<String>,
    /// Requests that the log decides.
    decided: u64,
}

impl AcksKept {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn add(&mut self, told: Told) {
        self.count += 1;
        match told {
            Told::Answer(ack) => self.answer(ack),
            Told::Notice(notice) => {
                self.notices.entry(notice.activity).or_default().insert(notice);
            }
        }
    }

    fn answer(&mut self, ack: Ack) {
        let key = (ack.room, ack.user, ack.request_id);
        let Some(first) = self.acks.get(&key) else {
            self.acks.insert(key, ack);
            return;
        };
        if (&first.answer, first.ask) != (&ack.answer, ack.ask) {
            let Ack { room, user, request_id, answer, .. } = &ack;
            let both =
                format!("{user} in {room} was told {:?}, then {answer:?} for request {request_id}", first.answer);
            self.unstable.get_or_insert(both);
        }
    }

    /// An activity is about to leave the tables: the last moment to look.
    pub(super) fn settle(&mut self, activity: ActivityId, tables: &Tables) {
        let lost = &mut self.lost;
        for notice in self.notices.remove(&activity).into_iter().flatten() {
            if let Err(wrong) = notice.verify(tables) {
                lost.get_or_insert(wrong);
            }
        }
        self.acks.retain(|_, ack| {
            // A release may not name its activity; its receipt does.
            let of = || tables.receipt_activity(&ack.room, ack.user, ack.request_id);
            let goes = ack.activity.or_else(of) == Some(activity);
            if goes && let Err(wrong) = ack.verify(tables) {
                lost.get_or_insert(wrong);
            }
            !goes
        });
    }

    /// What belongs to no activity and was decided long ago is about to leave the tables: the last moment to look.
    pub(super) fn forget(&mut self, room: &RoomId, tables: &Tables) {
        let lost = &mut self.lost;
        self.acks.retain(|(of, user, request), ack| {
            let goes = of == room && tables.forgets_next(room, *user, *request);
            if goes && let Err(wrong) = ack.verify(tables) {
                lost.get_or_insert(wrong);
            }
            !goes
        });
    }

    /// A request is decided once.
    pub(super) fn see(&mut self, recorded: &Recorded, tables: &Tables) {
        let Some((room, user, request)) = request_of(&recorded.event) else { return };
        self.decided += 1;
        if tables.receipt(room, user, request).is_some() {
            let twice = format!("event {} decides request {request} of {user} in {room} again", recorded.no);
            self.unstable.get_or_insert(twice);
        }
    }

    pub(super) fn stable(&self) -> Verdict {
        match &self.unstable {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(format!("{} requests decided, {} answers seen", self.decided, self.count)),
        }
    }

    pub(super) fn kept(&self, tables: &Tables) -> Verdict {
        if let Some(wrong) = &self.lost {
            return Err(wrong.clone());
        }
        self.acks.values().try_for_each(|ack| ack.verify(tables))?;
        self.notices.values().flatten().try_for_each(|notice| notice.verify(tables))?;
        Ok(format!("{} acknowledgements", self.count))
    }
}

/// The request that an event decides.
fn request_of(event: &Event) -> Option<(&RoomId, UserId, RequestId)> {
    match event {
        Event::Granted { room, user, request, .. } | Event::Reserved { room, user, request, .. } => {
            Some((room, *user, *request))
        }
        Event::Drafted { room, cause, .. }
        | Event::Rejected { room, cause, .. }
        | Event::Stepped { room, cause, .. }
        | Event::Amended { room, cause, .. }
        | Event::Refused { room, cause, .. }
        | Event::Released { room, cause, .. }
        | Event::Paid { room, cause, .. }
        | Event::RoomCreated { room, cause, .. } => {
            let Cause { by, request } = cause;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Draw { room, what, .. } => {
            let Cause { by, request } = what.cause();
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Presence { room, what } => {
            let (user, request, _) = what.request()?;
            Some((room, user, request))
        }
        Event::Campaign { room, what } => {
            let Cause { by, request } = what.cause()?;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Template { room, what } => {
            let Cause { by, request } = what.cause()?;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Experiment { room, what } => {
            let Cause { by, request } = what.cause()?;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Talk { room, what } => what.request().map(|(user, request)| (room, user, request)),
        Event::Coupon { room, what } => {
            let Cause { by, request } = what.cause()?;
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Risk { room: Some(room), what } => {
            let Cause { by, request } = what.cause();
            Some((room, (*by)?, (*request)?.0))
        }
        Event::Gift { room, what } => what.request().map(|(user, request)| (room, user, request)),
        Event::WaveReleased { .. }
        | Event::OpenedToAll { .. }
        | Event::ToppedUp { .. }
        | Event::Archived { .. }
        | Event::Forgotten { .. }
        | Event::CatalogueSet { .. }
        | Event::Risk { room: None, .. } => None,
    }
}
