//! Draws and bags of codes.

use liveroom::rules::*;
use liveroom::store::{Ask, DrawAsk, EnterBy};

use super::{Run, USERS, pick};
use crate::stage::{bag, codes, plan, user};

/// Three seconds of a draw of any occasion, in which winners have some time to answer.
fn a_draw(b: u16) -> DrawPlan {
    let listed = |on: bool, who: &str| if on { vec![user(who)] } else { Vec::new() };
    let plan = DrawPlan {
        duration_ms: 3_000,
        excluded: listed(b.is_multiple_of(3), "cyd"),
        preferred: listed(b.is_multiple_of(5), "dan"),
        ..bag(&[("tea", 1, 0), ("cash", 1, 5)])
    };
    match b % 4 {
        0 => DrawPlan { occasion: Occasion::MicLink, answer_ms: 5_000, prizes: bag(&[("seat", 2, 0)]).prizes, ..plan },
        1 => DrawPlan { occasion: Occasion::Keyword("tea".to_owned()), ..plan },
        _ => DrawPlan { answer_ms: u64::from(b % 4 - 2) * 4_000, ..plan },
    }
}

impl Run {
    /// Tickets by a tap or a comment, what winners say, and proofs; codes out of bags.
    pub(super) fn draw(&mut self, a: u16, b: u16) {
        let which = self.draws.len() as u16;
        if self.draws.is_empty() || b.is_multiple_of(8) && which < 80 {
            let kind = if which % 4 == 3 {
                let list = ["A", "B", "C"].map(|code| format!("{code}{which}"));
                plan(codes(&list.each_ref().map(String::as_str)[..1 + usize::from(b / 8 % 3)]))
            } else {
                // Whoever is not judged to be harmless enters no draw of these by a comment.
                let risk_below = (which % 8 == 5).then_some(80);
                Plan { conditions: Conditions { risk_below, ..Conditions::default() }, ..plan(a_draw(which)) }
            };
            let drawn = self.hand_in(kind, b / 8);
            self.draws.extend(drawn);
            return;
        }
        let latest = self.draws.len().saturating_sub(3);
        let Some(activity) = pick(&self.draws[latest..], a) else { return };
        let (token, opening) = self.seen(activity, 0);
        let who = USERS[b as usize / 8 % 4];
        let ask = match b % 8 {
            _ if matches!(self.memory.view(activity).plan.kind, KindPlan::Bag(_)) => {
                return self.ask(who, Ask::Claim { activity, token, opening: opening(0) });
            }
            0..=2 => DrawAsk::Enter { activity, token, by: EnterBy::Tap },
            3 | 4 => {
                self.unnamed(Some(who), Ask::Draw(DrawAsk::Enter { activity, token, by: EnterBy::Comment }));
                return;
            }
            5 | 6 => DrawAsk::Reply { activity, accept: (b / 32).is_multiple_of(2) },
            _ => DrawAsk::Prove { activity },
        };
        self.ask(who, Ask::Draw(ask));
    }
}
