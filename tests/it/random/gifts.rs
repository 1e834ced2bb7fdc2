//! Gifts and fans.

use liveroom::rules::*;
use liveroom::store::{Ask, GiftAsk, Op, Partition};

use super::{Run, USERS};
use crate::stage::{request, user};

impl Run {
    /// Two gifts that there are, and coins to send them.
    pub(super) fn enrich(&mut self) {
        let gift = |id, joins_fan_club| Gift {
            id: GiftId(id),
            title: "gift".to_owned(),
            price: Coins::new(i64::from(id) * 10).unwrap(),
            effect: 0,
            joins_fan_club,
        };
        let gifts = vec![gift(1, false), gift(2, true)];
        let op = |partition, id, ask| Op { partition, by: Some(user("op")), request: Some(request(id)), ask };
        self.all(&op(Partition::Platform, 1, Ask::Gift(GiftAsk::SetCatalogue { based_on: 0, gifts })));
        for who in ["ann", "bob"] {
            let ask = Ask::TopUp { currency: Currency::Coins, amount: 10_000 };
            self.all(&op(Partition::Wallet(user(who)), 1, ask));
        }
    }

    /// Gifts: mostly the same few, so that combos come about.
    pub(super) fn give(&mut self, a: u16, b: u16) {
        let gift = GiftId(1 + u32::from(b % 3));
        self.ask(USERS[a as usize % 4], Ask::Gift(GiftAsk::Send { gift, count: 1 + u32::from(b / 3 % 4) }));
    }

    pub(super) fn fan(&mut self, a: u16, b: u16) {
        let who = USERS[a as usize / 4 % 4];
        match b % 4 {
            0 | 1 => self.ask(who, Ask::Gift(GiftAsk::JoinFanClub)),
            2 => self.ask(who, Ask::Gift(GiftAsk::LeaveFanClub)),
            _ => {
                let settings = FanClubSettings { free: b % 8 == 3, ..FanClubSettings::default() };
                self.ask("host", Ask::Gift(GiftAsk::SetFanClub { settings: Box::new(settings) }));
            }
        }
    }
}
