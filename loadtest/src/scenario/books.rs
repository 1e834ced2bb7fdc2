//! What must hold between what viewers were told and what the server counts.

use super::learned::Learned;
use super::stage::{COUPON_FEN, Counted, Coupons, SALE_PRICE_FEN, Stage};
use crate::report::Report;

/// Adds the invariants of one stage to a report, and says on standard error what is wrong.
pub(super) fn with_books(mut report: Report, learned: &Learned, stage: &Stage) -> Report {
    let disorder = stage.rooms.iter().find_map(|room| room.disorder());
    let complaints = [learned.duplicate.as_deref(), learned.unstable.as_deref(), disorder];
    for complaint in complaints.into_iter().flatten() {
        eprintln!("{complaint}");
    }
    let mut judged = vec![
        ("no_duplicate_grants", learned.duplicate.is_none()),
        ("same_answer_on_retry", learned.unstable.is_none()),
        ("order_of_frames", disorder.is_none()),
    ];
    match stage.count() {
        Ok(counted) => judged.extend(compared(learned, &counted)),
        // The server may be gone by now: what viewers know themselves is told all the same.
        Err(why) => {
            eprintln!("the server can't be asked for its books: {why:#}");
            judged.push(("books_compared", false));
        }
    }
    for (name, holds) in judged {
        // Over several stages each has to hold in all.
        let so_far = report.invariants.get(name).copied().unwrap_or(true);
        report = report.with_invariant(name, so_far && holds);
    }
    report.repeats += learned.repeats;
    report.reconnects += learned.reconnects;
    if let (true, Some(word)) = (learned.reconnects > 0, &learned.goodbye) {
        eprintln!("the server said goodbye: {word}");
    }
    report
}

/// What viewers were told beside what the server counts.
fn compared(learned: &Learned, counted: &Counted) -> [(&'static str, bool); 4] {
    // What was never answered may have been given or not.
    let (told, unknown) = (learned.given(), learned.unanswered);
    let granted_equals_pool = counted.complete && (told..=told + unknown).contains(&counted.given);
    let judged = [
        ("granted_equals_pool", granted_equals_pool),
        ("pools_add_up", counted.pools_add_up),
        ("money_adds_up", money_adds_up(learned, counted)),
        ("coupons_add_up", coupons_add_up(learned, counted)),
    ];
    if judged.iter().any(|(_, holds)| !holds) {
        eprintln!(
            "{counted:?}; viewers were told of {told}, worth {} fen, and of {unknown} nothing",
            learned.shares_fen
        );
    }
    judged
}

/// What the sponsor paid was given or is still there; what was given is what viewers were told; orders cost what they should.
fn money_adds_up(learned: &Learned, counted: &Counted) -> bool {
    let paid = counted.sponsor_paid_fen == counted.given_fen + counted.unspent_fen;
    let told = match learned.unanswered {
        0 => learned.shares_fen == counted.given_fen,
        _ => learned.shares_fen <= counted.given_fen,
    };
    // What orders are short of is whole coupons, and as many as are in orders.
    let short = learned.orders.len() as i64 * SALE_PRICE_FEN - learned.orders_fen;
    let in_orders = counted.coupons.in_orders as i64 * COUPON_FEN;
    let unknown = learned.unanswered as i64 * COUPON_FEN;
    paid && told && short % COUPON_FEN == 0 && (in_orders - unknown..=in_orders).contains(&short)
}

/// Every coupon that was issued is in an order or is not, and was told to somebody.
fn coupons_add_up(learned: &Learned, counted: &Counted) -> bool {
    let Coupons { issued, in_orders, elsewhere } = counted.coupons;
    let told = issued == 0 || (learned.shares..=learned.shares + learned.unanswered).contains(&issued);
    issued == in_orders + elsewhere && told
}

#[cfg(test)]
mod tests {
    use super::super::frames::{Granted, Reserved};
    use super::*;

    #[test]
    fn money_that_is_missing_anywhere_shows() {
        let mut learned = Learned::default();
        learned.grant(&Granted { activity: 1, slot: 1, amount_fen: 30, ..Granted::default() });
        learned.order(&Reserved { order: 1, total_fen: SALE_PRICE_FEN, ..Reserved::default() });
        let counted = Counted { given_fen: 30, unspent_fen: 70, sponsor_paid_fen: 100, ..Counted::default() };
        assert!(money_adds_up(&learned, &counted));
        for wrong in [
            Counted { given_fen: 31, ..counted },
            Counted { unspent_fen: 71, ..counted },
            Counted { sponsor_paid_fen: 99, ..counted },
            Counted { given_fen: 40, unspent_fen: 60, ..counted },
            Counted { coupons: Coupons { in_orders: 1, ..Coupons::default() }, ..counted },
        ] {
            assert!(!money_adds_up(&learned, &wrong), "{wrong:?}");
        }
        learned.unanswered = 1;
        let unheard = Counted { given_fen: 40, unspent_fen: 60, ..counted };
        assert!(money_adds_up(&learned, &unheard), "a share that was given and not heard of");
        learned.orders_fen += 1;
        assert!(!money_adds_up(&learned, &counted));
    }

    #[test]
    fn coupons_that_are_missing_anywhere_show() {
        let mut learned = Learned::default();
        (1..=3).for_each(|slot| learned.grant(&Granted { activity: 1, slot, ..Granted::default() }));
        learned.order(&Reserved { order: 1, total_fen: SALE_PRICE_FEN - COUPON_FEN, ..Reserved::default() });
        let coupons = |issued, in_orders, elsewhere| {
            let coupons = Coupons { issued, in_orders, elsewhere };
            Counted { coupons, ..Counted::default() }
        };
        let good = coupons(3, 1, 2);
        assert!(money_adds_up(&learned, &good) && coupons_add_up(&learned, &good));
        assert!(!money_adds_up(&learned, &coupons(3, 2, 1)), "used without being heard of");
        assert!(!money_adds_up(&learned, &coupons(3, 0, 3)), "cheaper without a coupon");
        assert!(!coupons_add_up(&learned, &coupons(3, 1, 1)), "one is nowhere");
        assert!(!coupons_add_up(&learned, &coupons(4, 1, 3)), "nobody was told");
    }
}
