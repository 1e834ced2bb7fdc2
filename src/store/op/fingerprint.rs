//! The parameters of an operation, folded into a number: a repeat has the same, a conflict another.

use super::{Ask, coupon};
use crate::rules::Fingerprint;

impl Ask {
    /// The parameters, folded: the same for a repeat, another for a conflict. Tags are part of the log's format.
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Claim { activity, token, opening } => {
                Fingerprint::of(1).word(activity.0).word(*token).word(u64::from(*opening))
            }
            Self::Reserve { activity, token, cart, coupons } => {
                let sum = cart.iter().fold(Fingerprint::of(2).word(activity.0).word(*token), |sum, line| {
                    sum.word(u64::from(line.sku.0) << 32 | u64::from(line.quantity)).word(u64::from(line.opening))
                });
                coupon::with_choice(sum, coupons)
            }
            Self::Release { order } => Fingerprint::of(3).word(order.0),
            Self::Pay { order, payment, amount } => {
                Fingerprint::of(4).word(order.0).word(amount.get() as u64).bytes(payment.as_bytes())
            }
            Self::CreateRoom { host, utc_offset_min } => {
                Fingerprint::of(5).bytes(host.as_str().as_bytes()).word(*utc_offset_min as u64)
            }
            // The seed is not the asker's parameter.
            Self::Draft { plan, .. } => Fingerprint::of(6).bytes(&encoded(plan.as_ref())),
            Self::Step { activity, step } => Fingerprint::of(7).word(activity.0).word(*step as u64),
            Self::Amend { activity, amendment } => {
                Fingerprint::of(8).word(activity.0).bytes(&encoded(amendment.as_ref()))
            }
            Self::TopUp { currency, amount } => Fingerprint::of(9).word(*currency as u64).word(*amount as u64),
            Self::Due { activity } => Fingerprint::of(10).word(activity.0),
            Self::Expire { order } => Fingerprint::of(11).word(order.0),
            Self::Presence(ask) => ask.fingerprint(),
            Self::Campaign(ask) => ask.fingerprint(),
            Self::Forget => Fingerprint::of(12),
            Self::Gift(ask) => ask.fingerprint(),
            Self::Draw(ask) => ask.fingerprint(),
            Self::Talk(ask) => ask.fingerprint(),
            Self::Coupon(ask) => ask.fingerprint(),
            Self::Template(ask) => ask.fingerprint(),
            Self::Risk(ask) => ask.fingerprint(),
            Self::Experiment(ask) => ask.fingerprint(),
        }
    }
}

/// As the log holds it.
pub(super) fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain values always encode")
}
