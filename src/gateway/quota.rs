//! How often one user may ask, and all who come from one address, over all connections to this server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use liveroom_protocol::wire::client_frame;
use serde::{Deserialize, Serialize};

use super::rate::{Bucket, Rate};
use super::session::Buckets;
use super::shares::{Filling, Share, Shares};
use super::{Network, Rates};
use crate::rules::{NotDone, NotDoneCode, Time, UserId};

/// Users who are gone and whose buckets are not full again; more are forgotten, those first who soonest would be.
const USERS_GONE_MAX: usize = 65_536;

/// What all who come from one address may ask together. Many people may be behind one: an office, a carrier's NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// What is decided: claims, carts, tickets, gifts, ballots and the like.
    pub claims: Rate,
    /// What is said and asked: comments, hearts, announcements, questions.
    pub talk: Rate,
    /// Addresses nobody is connected from any more that are remembered until their budgets are full again.
    pub addresses_max: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            claims: Rate { per_second: 2_000, burst: 10_000 },
            talk: Rate { per_second: 1_000, burst: 5_000 },
            addresses_max: 65_536,
        }
    }
}

/// The buckets of all users and addresses.
#[derive(Debug)]
pub struct Quotas {
    rates: Rates,
    budgets: Budgets,
    users: Arc<Shares<UserId, Buckets>>,
    addresses: Arc<Shares<Network, Budget>>,
    refused: Refused,
}

/// Requests that were one too many.
#[derive(Debug, Default)]
struct Refused {
    by_user: AtomicU64,
    by_address: AtomicU64,
}

/// What is left of an address's budgets.
#[derive(Debug)]
struct Budget {
    claims: Bucket,
    talk: Bucket,
}

/// One connection's share in its user's buckets and in its address's.
#[derive(Debug)]
pub(super) struct Quota {
    quotas: Arc<Quotas>,
    user: Share<UserId, Buckets>,
    address: Share<Network, Budget>,
}

impl Quotas {
    /// Nobody has asked for anything yet.
    pub fn new(rates: Rates, budgets: Budgets) -> Arc<Self> {
        Arc::new(Self {
            rates,
            budgets,
            users: Shares::new(USERS_GONE_MAX),
            addresses: Shares::new(budgets.addresses_max),
            refused: Refused::default(),
        })
    }

    /// A connection of `user` has come, from an address in `network`.
    pub(super) fn join(self: &Arc<Self>, user: UserId, network: Network, now: Time) -> Quota {
        let user = self.users.join(user, now, || Buckets::new(&self.rates, now));
        let address = self.addresses.join(network, now, || Budget::new(&self.budgets, now));
        Quota { quotas: Arc::clone(self), user, address }
    }

    /// Requests refused because their users had asked too often, and because all from their addresses had.
    pub fn refused(&self) -> (u64, u64) {
        let Refused { by_user, by_address } = &self.refused;
        (by_user.load(Ordering::Relaxed), by_address.load(Ordering::Relaxed))
    }

    /// Addresses whose budgets are held.
    pub fn addresses(&self) -> usize {
        self.addresses.count().0
    }
}

impl Quota {
    /// Takes one request of this kind.
    ///
    /// The user's own is asked first: who asks too often takes nothing from those who share the address.
    ///
    /// # Errors
    /// [`NotDone`], with the time to wait.
    pub(super) fn take(&self, body: &client_frame::Body, now: Time) -> Result<(), NotDone> {
        let Refused { by_user, by_address } = &self.quotas.refused;
        self.user.take(|user| user.of(body).take(now)).map_err(|retry_after_ms| {
            by_user.fetch_add(1, Ordering::Relaxed);
            NotDoneCode::RateLimited.for_now("too many requests a second", retry_after_ms)
        })?;
        self.address.take(|address| address.of(body).take(now)).map_err(|retry_after_ms| {
            by_address.fetch_add(1, Ordering::Relaxed);
            NotDoneCode::AddressBudget.for_now("too many requests a second from this address", retry_after_ms)
        })
    }
}

impl Budget {
    fn new(budgets: &Budgets, now: Time) -> Self {
        Self { claims: Bucket::new(budgets.claims, now), talk: Bucket::new(budgets.talk, now) }
    }

    fn of(&mut self, body: &client_frame::Body) -> &mut Bucket {
        match body {
            client_frame::Body::Announce(_)
            | client_frame::Body::Comment(_)
            | client_frame::Body::Like(_)
            | client_frame::Body::AskBoard(_)
            | client_frame::Body::AskCatalogue(_)
            | client_frame::Body::AskFanClub(_)
            | client_frame::Body::Quote(_)
            // Neither is a request: both are told apart before anything is counted.
            | client_frame::Body::Ping(_)
            | client_frame::Body::Hello(_) => &mut self.talk,
            client_frame::Body::Claim(_)
            | client_frame::Body::Reserve(_)
            | client_frame::Body::Release(_)
            | client_frame::Body::ClaimStep(_)
            | client_frame::Body::CheckIn(_)
            | client_frame::Body::EnterDraw(_)
            | client_frame::Body::ReplyPrize(_)
            | client_frame::Body::ProveTicket(_)
            | client_frame::Body::SendGift(_)
            | client_frame::Body::JoinFanClub(_)
            | client_frame::Body::LeaveFanClub(_)
            | client_frame::Body::Vote(_)
            | client_frame::Body::SignUp(_) => &mut self.claims,
        }
    }
}

impl Filling for Budget {
    fn full_at(&self) -> Time {
        self.claims.full_at().max(self.talk.full_at())
    }
}

impl Filling for Buckets {
    fn full_at(&self) -> Time {
        self.full_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use liveroom_protocol::wire::{Claim, Comment, Release};

    const GONE_MAX: usize = 1_024;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn home(n: u32) -> Network {
        Network::of(std::net::Ipv4Addr::from_bits(n).into())
    }

    fn at(ms: i64) -> Time {
        Time::from_ms(ms)
    }

    fn claim() -> client_frame::Body {
        client_frame::Body::Claim(Claim::default())
    }

    fn told(taken: Result<(), NotDone>) -> String {
        taken.map_or_else(|why| format!("{} {}", why.code.word(), why.retry_after_ms), |()| "ok".to_owned())
    }

    fn quotas(budgets: Budgets) -> Arc<Quotas> {
        Quotas::new(Rates { claim: Rate { per_second: 10, burst: 2 }, ..Rates::default() }, budgets)
    }

    #[test]
    fn a_user_has_one_quota_of_each_kind_over_all_connections() {
        let quotas = quotas(Budgets::default());
        let join = |name: &str, ms| quotas.join(user(name), home(1), at(ms));
        let (phone, tablet, other) = (join("ann", 0), join("ann", 0), join("bob", 0));
        assert_eq!(told(phone.take(&claim(), at(0))), "ok");
        assert_eq!(told(tablet.take(&claim(), at(0))), "ok");
        assert_eq!(told(phone.take(&claim(), at(0))), "rate_limited 100");
        assert_eq!(told(other.take(&claim(), at(0))), "ok", "others have their own");
        let release = client_frame::Body::Release(Release::default());
        assert_eq!(told(phone.take(&release, at(0))), "ok", "and so have other kinds");
        drop(phone);
        assert_eq!(told(tablet.take(&claim(), at(0))), "rate_limited 100");
        drop(tablet);
        let back = join("ann", 50);
        assert_eq!(told(back.take(&claim(), at(50))), "rate_limited 50", "whoever comes back finds what was left");
        assert_eq!(told(back.take(&claim(), at(100))), "ok");
        assert_eq!(quotas.refused(), (3, 0));
    }

    #[test]
    fn an_address_has_one_budget_over_all_its_users() {
        let claims = Rate { per_second: 10, burst: 3 };
        let quotas = quotas(Budgets { claims, talk: Rate { per_second: 1, burst: 1 }, ..Budgets::default() });
        let here: Vec<_> = ["ann", "bob", "cid"].map(|name| quotas.join(user(name), home(1), at(0))).into();
        let elsewhere = quotas.join(user("ann"), home(2), at(0));
        let comment = client_frame::Body::Comment(Comment::default());
        for (what, share, body, ms, want) in [
            ("the first", &here[0], claim(), 0, "ok"),
            ("the second", &here[0], claim(), 0, "ok"),
            ("a user's own bound comes first, and costs the others nothing", &here[0], claim(), 0, "rate_limited 100"),
            ("the third", &here[1], claim(), 0, "ok"),
            ("the budget is used up", &here[2], claim(), 0, "address_budget 100"),
            ("talk has one of its own", &here[2], comment.clone(), 0, "ok"),
            ("of its own size", &here[1], comment, 0, "address_budget 1000"),
            ("the same user from elsewhere", &elsewhere, claim(), 100, "ok"),
            ("it fills again", &here[1], claim(), 100, "ok"),
        ] {
            assert_eq!(told(share.take(&body, at(ms))), want, "{what}");
        }
        drop(here);
        let back = quotas.join(user("dan"), home(1), at(150));
        assert_eq!(told(back.take(&claim(), at(150))), "address_budget 50", "another user comes back to the same");
        assert_eq!(quotas.refused(), (1, 3));
    }

    #[test]
    fn nobody_is_remembered_for_longer_than_it_matters() {
        let claims = Rate { per_second: 10, burst: 2 };
        let quotas = quotas(Budgets { claims, addresses_max: GONE_MAX, ..Budgets::default() });
        for n in 0..USERS_GONE_MAX as u32 * 5 / 4 {
            let quota = quotas.join(user(&format!("u{n}")), home(n), at(0));
            quota.take(&claim(), at(0)).unwrap();
        }
        assert!(quotas.users.count().0 <= USERS_GONE_MAX, "{:?}", quotas.users.count());
        assert!(quotas.addresses() <= GONE_MAX, "{:?}", quotas.addresses.count());
        // Whoever comes later sweeps.
        let late = |n: u32| quotas.join(user(&format!("later{n}")), home(n), at(200));
        let later: Vec<_> = (0..20 * 64).map(late).collect();
        assert_eq!((quotas.users.count().0, quotas.addresses()), (later.len(), later.len()));
        drop(later);
        assert_eq!(quotas.users.count().1, 20 * 64);
        assert!(quotas.addresses() <= GONE_MAX, "{:?}", quotas.addresses.count());
    }
}
