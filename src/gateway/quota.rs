//! How often one user may ask, over all of the user's connections to this server.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use liveroom_protocol::wire::client_frame;
use parking_lot::Mutex;

use super::Rates;
use super::session::Buckets;
use crate::rules::{Time, UserId};

/// So that users do not wait for each other.
const SHARDS: usize = 64;

/// Users of a shard who are gone and whose buckets are not full again; more are forgotten, those first who soonest would be.
const GONE_MAX: usize = 1_024;

/// The buckets of all users who are here, and of those who were until just now: whoever comes back at once finds them as
/// they were left.
#[derive(Debug)]
pub struct Quotas {
    rates: Rates,
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    users: HashMap<UserId, Held, RandomState>,
    /// Who is gone, and when nothing of it is left to remember.
    gone: BTreeSet<(Time, UserId)>,
}

#[derive(Debug)]
struct Held {
    buckets: Arc<Mutex<Buckets>>,
    connections: u32,
}

/// One connection's share in a user's buckets.
#[derive(Debug)]
pub(super) struct Quota {
    quotas: Arc<Quotas>,
    user: UserId,
    buckets: Arc<Mutex<Buckets>>,
}

impl Quotas {
    /// Nobody has asked for anything yet.
    pub fn new(rates: Rates) -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Arc::new(Self { rates, shards, hasher: RandomState::default() })
    }

    /// A connection of `user` has come.
    pub(super) fn join(self: &Arc<Self>, user: UserId, now: Time) -> Quota {
        let mut shard = self.shard(&user).lock();
        shard.forget_until(now);
        let new = || Held { buckets: Arc::new(Mutex::new(Buckets::new(&self.rates, now))), connections: 0 };
        let held = shard.users.entry(user).or_insert_with(new);
        held.connections += 1;
        let buckets = Arc::clone(&held.buckets);
        if held.connections == 1 {
            let full_at = buckets.lock().full_at();
            shard.gone.remove(&(full_at, user));
        }
        Quota { quotas: Arc::clone(self), user, buckets }
    }

    fn shard(&self, user: &UserId) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(user) as usize % SHARDS]
    }
}

impl Shard {
    fn forget_until(&mut self, now: Time) {
        while self.gone.first().is_some_and(|(full_at, _)| *full_at <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, user)) = self.gone.pop_first() {
            self.users.remove(&user);
        }
    }
}

impl Quota {
    /// Takes one request of this kind; or says how many milliseconds to wait for it.
    pub(super) fn take(&self, body: &client_frame::Body, now: Time) -> Result<(), u32> {
        self.buckets.lock().of(body).take(now)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let mut shard = self.quotas.shard(&self.user).lock();
        let Some(held) = shard.users.get_mut(&self.user) else { return };
        held.connections -= 1;
        if held.connections == 0 {
            let full_at = held.buckets.lock().full_at();
            shard.gone.insert((full_at, self.user));
            if shard.gone.len() > GONE_MAX {
                shard.forget_first();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Rate;
    use liveroom_protocol::wire::{Claim, Release};

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn at(ms: i64) -> Time {
        Time::from_ms(ms)
    }

    fn quotas() -> Arc<Quotas> {
        Quotas::new(Rates { claim: Rate { per_second: 10, burst: 2 }, ..Rates::default() })
    }

    fn held(quotas: &Quotas) -> usize {
        quotas.shards.iter().map(|shard| shard.lock().users.len()).sum()
    }

    #[test]
    fn a_user_has_one_quota_of_each_kind_over_all_connections() {
        let quotas = quotas();
        let claim = client_frame::Body::Claim(Claim::default());
        let (phone, tablet) = (quotas.join(user("ann"), at(0)), quotas.join(user("ann"), at(0)));
        let other = quotas.join(user("bob"), at(0));
        assert_eq!(phone.take(&claim, at(0)), Ok(()));
        assert_eq!(tablet.take(&claim, at(0)), Ok(()));
        assert_eq!(phone.take(&claim, at(0)), Err(100));
        assert_eq!(other.take(&claim, at(0)), Ok(()), "others have their own");
        assert_eq!(
            phone.take(&client_frame::Body::Release(Release::default()), at(0)),
            Ok(()),
            "and so have other kinds"
        );
        drop(phone);
        assert_eq!(tablet.take(&claim, at(0)), Err(100));
        drop(tablet);
        let back = quotas.join(user("ann"), at(50));
        assert_eq!(back.take(&claim, at(50)), Err(50), "whoever comes back finds what was left");
        assert_eq!(back.take(&claim, at(100)), Ok(()));
    }

    #[test]
    fn nobody_is_remembered_for_longer_than_it_matters() {
        let quotas = quotas();
        let claim = client_frame::Body::Claim(Claim::default());
        for n in 0..SHARDS * GONE_MAX * 5 / 4 {
            let quota = quotas.join(user(&format!("u{n}")), at(0));
            quota.take(&claim, at(0)).unwrap();
        }
        assert!(held(&quotas) <= SHARDS * GONE_MAX, "{}", held(&quotas));
        // Whoever comes later sweeps.
        let later: Vec<_> = (0..20 * SHARDS).map(|n| quotas.join(user(&format!("later{n}")), at(200))).collect();
        assert_eq!(held(&quotas), later.len());
        drop(later);
        assert_eq!(quotas.shards.iter().map(|shard| shard.lock().gone.len()).sum::<usize>(), 20 * SHARDS);
    }
}
