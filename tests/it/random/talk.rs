//! Votes, sign-ups, and the order in the room.

use liveroom::rules::*;
use liveroom::store::{Ask, TalkAsk};

use super::{Run, USERS};
use crate::stage::user;

impl Run {
    pub(super) fn talk(&mut self, a: u16, b: u16) {
        let who = USERS[b as usize / 4 % 4];
        let (user, sanction) = (user(who), Sanction::ALL[usize::from(a % 2)]);
        let (by, ask) = match b % 8 {
            6 => ("host", TalkAsk::Impose { user, sanction, for_ms: 1_000 + u64::from(a) }),
            7 => ("host", TalkAsk::Lift { user, sanction }),
            _ => {
                let Some(activity) = self.recent(a) else { return };
                let (token, _) = self.seen(activity, 0);
                let options = (0..3).filter(|bit| b >> (4 + bit) & 1 == 1).map(|bit| bit + 1).collect();
                let vote = TalkAsk::Vote { activity, token, options };
                (who, if b % 8 < 4 { vote } else { TalkAsk::SignUp { activity, token } })
            }
        };
        self.ask(by, Ask::Talk(ask));
    }
}
