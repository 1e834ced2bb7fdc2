//! Who the viewers are, and what they do with an evening.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use liveroom_protocol::client::Outcome;
use liveroom_protocol::codes::Retry;
use liveroom_protocol::wire::{
    AskBoard, BoardSpan, Claim, Comment, JoinFanClub, Like, PrizeState, RefusalCode, Release, ReplyPrize, SendGift,
    client_frame::Body,
};
use serde::Serialize;
use tokio::time::{sleep, sleep_until};

use super::super::chance::Chance;
use super::super::lines::{BANNED, innocent};
use super::super::script::Guesses;
use super::programme::{A_FEW_COINS, COINS, GIFTS};
use super::pursuit::{Pursuits, Wish};
use super::seat::Seat;
use super::till::Till;

/// What kind of viewer somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Persona {
    /// Is there, and takes what comes by.
    Watcher,
    /// Has something to say.
    Chatter,
    /// Spends coins.
    Gifter,
    /// Came for the prices.
    BargainHunter,
    /// Is a program: at once, too early, too often.
    Bot,
    /// Takes all that can be had, as fast as it can be had: a load, not a person.
    Eager,
}

impl Persona {
    /// Who the n-th viewer is: of a hundred, 50 watch, 20 chat, 12 give, 14 hunt, and 4 are bots.
    pub(super) fn cast(number: usize) -> Self {
        // 37 has no divisor in common with 100: any hundred in a row is the whole cast, and it is mixed.
        match number * 37 % 100 {
            0..50 => Self::Watcher,
            50..70 => Self::Chatter,
            70..82 => Self::Gifter,
            82..96 => Self::BargainHunter,
            _ => Self::Bot,
        }
    }

    /// The name.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Watcher => "watcher",
            Self::Chatter => "chatter",
            Self::Gifter => "gifter",
            Self::BargainHunter => "bargain hunter",
            Self::Bot => "bot",
            Self::Eager => "eager",
        }
    }

    /// What it brings, coins.
    pub(super) fn coins(self) -> i64 {
        match self {
            Self::Gifter | Self::Eager => COINS,
            Self::Chatter => A_FEW_COINS,
            Self::Watcher | Self::BargainHunter | Self::Bot => 0,
        }
    }

    /// About how long between things that it does by itself.
    fn muses(self) -> Duration {
        Duration::from_millis(match self {
            Self::Watcher => 9_000,
            Self::Chatter => 3_500,
            Self::Gifter => 2_500,
            Self::BargainHunter => 6_000,
            Self::Bot => 700,
            // Never: it has no time.
            Self::Eager => 86_400_000,
        })
    }

    /// About how long before it takes hold of something that it sees.
    fn hesitates(self) -> Duration {
        Duration::from_millis(match self {
            Self::Watcher | Self::Chatter | Self::Gifter => 700,
            Self::BargainHunter => 250,
            Self::Bot | Self::Eager => 0,
        })
    }
}

/// One viewer's evening.
pub(super) struct Evening {
    seat: Arc<Seat>,
    persona: Persona,
    chance: Chance,
    till: Till,
    /// When it is over.
    until: Instant,
    gifts: bool,
    fan: bool,
    greeted: bool,
    guesses: Guesses,
    /// Prizes that were answered: draw and rank.
    answered: BTreeSet<(u64, u32)>,
}

impl Evening {
    /// An evening that lasts until then; one of gifts, if there is nothing else to do.
    pub(super) fn new(
        seat: Arc<Seat>, persona: Persona, chance: Chance, till: Till, until: Instant, gifts: bool,
    ) -> Self {
        let (guesses, answered) = (Guesses::default(), BTreeSet::new());
        let (fan, greeted) = (false, false);
        Self { seat, persona, chance, till, until, gifts, fan, greeted, guesses, answered }
    }

    /// Spends it. Nothing is left under way.
    pub(super) async fn spend(mut self) {
        let mut pursuits = Pursuits::default();
        let mut muse = Instant::now() + self.chance.around(self.persona.muses());
        while Instant::now() < self.until {
            self.answer_offers().await;
            if let Some(wish) = pursuits.next(&self.seat, self.persona, &mut self.chance) {
                let hesitation = self.chance.around(self.persona.hesitates());
                sleep(hesitation.min(self.until.saturating_duration_since(Instant::now()))).await;
                self.pursue(&mut pursuits, wish).await;
                continue;
            }
            if self.is_tireless() {
                self.give().await;
                continue;
            }
            let until = muse.min(pursuits.wakes().unwrap_or(self.until)).min(self.until);
            tokio::select! {
                () = sleep_until(until.into()) => {}
                () = self.seat.stirred() => {}
            }
            if muse <= Instant::now() && muse < self.until {
                self.muse().await;
                muse = Instant::now() + self.chance.around(self.persona.muses());
            }
        }
    }

    fn is_tireless(&self) -> bool {
        self.persona == Persona::Eager && self.gifts
    }

    /// Takes hold of something.
    async fn pursue(&mut self, pursuits: &mut Pursuits, wish: Wish) {
        let outcome = self.seat.ask(wish.kind, wish.activity, wish.body.clone()).await;
        if let Some(Outcome::Ordered(order)) = &outcome {
            match self.chance.below(100) {
                0..75 => self.till.pay(order.order, order.total_fen),
                75..85 => {
                    let release = Body::Release(Release { order: order.order });
                    self.seat.ask("release", wish.activity, release).await;
                }
                // The hold runs out.
                _ => {}
            }
        }
        if let (Some(Outcome::Done), Some(option)) = (&outcome, wish.ballot) {
            self.seat.told.lock().ballots.insert(wish.activity, option);
        }
        if let (Some(Outcome::Done), Body::SignUp(_)) = (&outcome, &wish.body) {
            self.seat.told.lock().signed_up.insert(wish.activity);
        }
        pursuits.came_to(&wish, outcome.as_ref(), &mut self.chance);
    }

    /// Does something by itself.
    async fn muse(&mut self) {
        let dice = self.chance.below(100);
        match (self.persona, dice) {
            (Persona::Watcher, 0..60) | (Persona::Eager, _) => {}
            (Persona::Chatter, _) if !self.greeted => self.greet().await,
            (Persona::Watcher, 60..90) | (Persona::Chatter, 0..15) => self.like(1).await,
            (Persona::Watcher, _) | (Persona::Chatter, 15..80) => self.comment().await,
            (Persona::Chatter, 80..86) => self.swear().await,
            (Persona::Chatter, _) => self.join_fan_club().await,
            (Persona::Gifter, 0..65) => self.give().await,
            (Persona::Gifter, 65..80) | (Persona::BargainHunter, 0..40) => self.like(5).await,
            (Persona::Gifter, 80..90) | (Persona::BargainHunter, 40..50) => self.look_at_board().await,
            (Persona::Gifter | Persona::BargainHunter, _) => self.comment().await,
            (Persona::Bot, 0..40) => self.guess().await,
            (Persona::Bot, 40..70) => self.say("买它买它买它".to_owned()).await,
            (Persona::Bot, 70..85) => self.swear().await,
            (Persona::Bot, _) => self.like(20).await,
        }
    }

    async fn comment(&mut self) {
        let words = innocent(self.chance.below(4_096));
        self.say(words).await;
    }

    async fn say(&mut self, text: String) {
        self.seat.ask("comment", 0, Body::Comment(Comment { text })).await;
    }

    /// Says what nobody else may see.
    async fn swear(&mut self) {
        let text = BANNED[self.chance.below(BANNED.len())].to_owned();
        let outcome = self.seat.ask("comment", 0, Body::Comment(Comment { text: text.clone() })).await;
        if outcome == Some(Outcome::Done) {
            self.seat.told.lock().complain("what_is_banned_is_blocked", || text);
        }
    }

    /// Fires at a number that the room has not heard of, with a token of its own making.
    async fn guess(&mut self) {
        let Some(activity) = self.seat.heard(|heard| self.guesses.next(&heard.view)) else { return };
        let claim = Body::Claim(Claim { activity, token: self.chance.below(usize::MAX) as u64, opening: 1 });
        if let Some(Outcome::Refused { .. }) = self.seat.ask("claim", activity, claim).await {
            self.seat.told.lock().guessed.insert(activity);
        }
    }

    async fn like(&mut self, hearts: u32) {
        self.seat.ask("like", 0, Body::Like(Like { hearts })).await;
    }

    async fn look_at_board(&mut self) {
        let span = BoardSpan::Broadcast.into();
        self.seat.ask("look", 0, Body::AskBoard(AskBoard { span, back: 0, top: 10 })).await;
    }

    async fn join_fan_club(&mut self) {
        if !self.fan {
            let outcome = self.seat.ask("join_fan_club", 0, Body::JoinFanClub(JoinFanClub {})).await;
            self.fan = outcome.is_some();
        }
    }

    /// Some gifts in a row: a combo.
    async fn give(&mut self) {
        let (gift, price) = GIFTS[self.chance.below(GIFTS.len())];
        for _ in 0..=self.chance.below(4) {
            let count = 1 + self.chance.below(3) as u32;
            match self.send(gift, price, count).await {
                Some(Outcome::GiftSent(_)) => {}
                // Sent too often, or out of coins: a moment later.
                Some(_) => return sleep(Duration::from_millis(200)).await,
                None => return,
            }
        }
    }

    /// Gives the few coins that one has brought.
    async fn greet(&mut self) {
        let (gift, price) = GIFTS[0];
        let sent = self.send(gift, price, (A_FEW_COINS / price) as u32).await;
        self.greeted = matches!(sent, Some(Outcome::GiftSent(_)));
    }

    async fn send(&self, gift: u32, price: i64, count: u32) -> Option<Outcome> {
        let outcome = self.seat.ask("send_gift", 0, Body::SendGift(SendGift { gift, count })).await;
        if let Some(Outcome::GiftSent(sent)) = &outcome {
            self.seat.told.lock().sent(sent.combo, count, sent.total, price * i64::from(count));
        }
        outcome
    }

    /// Takes prizes that are offered, or passes them on.
    async fn answer_offers(&mut self) {
        let offered: Vec<_> = {
            let told = self.seat.told.lock();
            let offered = told.prizes.values().filter(|prize| prize.state() == PrizeState::Offered);
            offered.map(|prize| (prize.activity, prize.rank)).collect()
        };
        for offer in offered {
            if self.answered.insert(offer) {
                let (activity, accept) = (offer.0, self.chance.comes(80));
                self.seat.ask("reply", activity, Body::ReplyPrize(ReplyPrize { activity, accept })).await;
            }
        }
    }
}

/// Whether an answer leaves things as they were: the same may be tried a moment later.
pub(super) fn may_pass(outcome: Option<&Outcome>) -> bool {
    match outcome {
        None => true,
        Some(Outcome::NotDone { code, .. }) => code.retry() == Retry::Later,
        Some(Outcome::Refused { code, .. }) => *code == RefusalCode::NotOpen,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_hundred_in_a_row_are_the_whole_cast() {
        for first in [0, 100, 1_950] {
            let mut cast = BTreeMap::new();
            (first..first + 100).for_each(|number| *cast.entry(Persona::cast(number)).or_insert(0) += 1);
            let want = [50, 20, 12, 14, 4];
            assert_eq!(cast.values().copied().collect::<Vec<_>>(), want);
        }
    }
}
