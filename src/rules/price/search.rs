//! The best legal combination: every one is considered, but for those that can't be better (branch and bound).
//!
//! Offers are taken or left in the order in which they count, so that combinations share what they have in common. What the
//! offers of the rest could take off at most, each from the lines as they were at first, bounds what a branch can come
//! to. Only coupons on items need the lines one by one; all that comes after them is about the sum.

use super::apply::Slip;
use super::{Offer, Price, PriceLine, Scope};

const OFFERS_MAX: usize = Price::COUPONS_MAX + Price::REDUCTIONS_MAX;

/// The places of the offers that count, as bits; `None` if not all of those that must count can. `offers` are in order.
pub(super) fn best(slip: &Slip, lines: &[PriceLine], offers: &[Offer], must: impl Fn(&Offer) -> bool) -> Option<u32> {
    let mut search = Search::new(slip, lines, offers, must);
    search.visit(0, slip, slip.total(), 0, Chosen::default());
    search.best.map(|(_, chosen)| chosen.places)
}

#[derive(Clone, Copy, Default)]
struct Chosen {
    places: u32,
    groups: u32,
}

struct Search<'a> {
    lines: &'a [PriceLine],
    offers: &'a [Offer],
    /// Which group each offer is of.
    group: [u32; OFFERS_MAX],
    groups: usize,
    /// For each place: what one offer of each group takes off at most, of those from there on.
    most: [[i64; OFFERS_MAX]; OFFERS_MAX + 1],
    must: [bool; OFFERS_MAX],
    /// The least that it costs so far, with how many offers; and by which.
    best: Option<((i64, u32), Chosen)>,
}

impl<'a> Search<'a> {
    fn new(slip: &Slip, lines: &'a [PriceLine], offers: &'a [Offer], must: impl Fn(&Offer) -> bool) -> Self {
        let mut search = Self {
            lines,
            offers,
            group: [0; OFFERS_MAX],
            groups: 0,
            most: [[0; OFFERS_MAX]; OFFERS_MAX + 1],
            must: [false; OFFERS_MAX],
            best: None,
        };
        for (place, offer) in offers.iter().enumerate() {
            let known = offers[..place].iter().position(|other| other.group == offer.group);
            search.group[place] = known.map_or(search.groups as u32, |known| search.group[known]);
            search.groups += usize::from(known.is_none());
            search.must[place] = must(offer);
        }
        for (place, offer) in offers.iter().enumerate().rev() {
            search.most[place] = search.most[place + 1];
            // Whatever else counts only makes the sum smaller, and no offer takes more off a smaller sum.
            let most = offer.off(slip.base(lines, offer)).unwrap_or(0);
            let of_group = &mut search.most[place][search.group[place] as usize];
            *of_group = most.max(*of_group);
        }
        search
    }

    /// Decides on the offer at `place`, with `total` left by those before it. The lines are only right as long as offers on
    /// items may follow.
    fn visit(&mut self, place: usize, slip: &Slip, total: i64, count: u32, chosen: Chosen) {
        let most: i64 = (0..self.groups)
            .filter(|group| chosen.groups & 1 << group == 0)
            .map(|group| self.most[place][group])
            .fold(0, i64::saturating_add);
        let least = total.saturating_sub(most).max(1);
        let at_least = (least, count + u32::from(least < total));
        if self.best.is_some_and(|(best, _)| best <= at_least) {
            return;
        }
        let Some(offer) = self.offers.get(place) else {
            self.best = Some(((total, count), chosen));
            return;
        };
        let group = 1 << self.group[place];
        if chosen.groups & group == 0 {
            let on_items = matches!(offer.scope, Scope::Items(_));
            let base = if on_items { slip.base(self.lines, offer) } else { total };
            let off = offer.off(base).map_or(0, |off| off.min(total - 1));
            if off > 0 {
                let with = Chosen { places: chosen.places | 1 << place, groups: chosen.groups | group };
                if on_items {
                    let mut after = *slip;
                    after.take(self.lines, offer, off);
                    self.visit(place + 1, &after, total - off, count + 1, with);
                } else {
                    self.visit(place + 1, slip, total - off, count + 1, with);
                }
            }
        }
        if !self.must[place] {
            self.visit(place + 1, slip, total, count, chosen);
        }
    }
}
