//! The gate in front of the store: answers the hopeless in nanoseconds, without a lock and without the arbiter.
//!
//! It may only refuse what the store would refuse, in the same words, and it never grants. Two things make that safe.
//! An opening of a pool that has ended is never available again ([`crate::rules::UnitPool`]), so `sold_out` and `closed` can't
//! become wrong. And whoever has anything recorded in the room is let through to the store, which knows the receipts: the
//! room keeps a filter of those users, filled *before* a pool is marked as empty.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use crossbeam::utils::CachePadded;
use foldhash::fast::{FixedState, RandomState};

use crate::rules::{ActivityId, CartLine, Phase, Refusal, RefusalCode, SalePlan, SkuId, UserId};
use crate::store::{Ask, GateFacts};

/// The gate of one activity.
#[derive(Debug)]
pub struct Gate {
    token: u64,
    /// While it is open the store looks at something that the gate does not know before it looks at stock.
    has_conditions: AtomicBool,
    is_claimed: bool,
    state: AtomicU8,
    /// Item, and its latest opening (high half) with the units free in it (low half).
    pools: Box<[(SkuId, CachePadded<AtomicU64>)]>,
}

const OPEN: u8 = 0;
const ENDED: u8 = 1;

impl Gate {
    /// A gate for an activity that is open or has ended; `None` before that, and where there is no pool: only the store
    /// answers then.
    pub fn new(facts: &GateFacts) -> Option<Self> {
        if facts.pools.is_empty() {
            return None;
        }
        let pools = facts.pools.iter().map(|(sku, ..)| (*sku, CachePadded::new(AtomicU64::new(0))));
        let gate = Self {
            token: facts.token,
            has_conditions: AtomicBool::new(true),
            is_claimed: facts.is_claimed,
            state: AtomicU8::new(OPEN),
            pools: pools.collect(),
        };
        gate.update(facts);
        Some(gate)
    }

    /// Takes over what a commit has made of the activity.
    pub fn update(&self, facts: &GateFacts) {
        for ((_, pool), (_, opening, free)) in self.pools.iter().zip(&facts.pools) {
            pool.store(u64::from(*opening) << 32 | u64::from(*free), Ordering::Release);
        }
        let state = if facts.phase == Phase::Open { OPEN } else { ENDED };
        self.state.store(state, Ordering::Release);
        self.has_conditions.store(facts.has_conditions, Ordering::Release);
    }

    /// Per pool: the latest opening, and whether there is anything in it.
    pub fn availability(&self) -> Vec<(u32, bool)> {
        let counts = self.pools.iter().map(|(_, pool)| pool.load(Ordering::Acquire));
        counts.map(|counts| ((counts >> 32) as u32, counts as u32 > 0)).collect()
    }

    /// The refusal that the store would give to somebody who has nothing recorded, if that is certain.
    fn refuses(&self, ask: &Ask) -> Option<Refusal> {
        let (token, sku, opening) = match ask {
            Ask::Claim { token, opening, .. } if self.is_claimed => (*token, SkuId(0), *opening),
            // Larger carts are rare, and the order of their checks is the store's business.
            Ask::Reserve { token, cart, .. } if !self.is_claimed => match cart.as_slice() {
                [CartLine { sku, quantity: 1..=SalePlan::QUANTITY_MAX, opening }] => (*token, *sku, *opening),
                _ => return None,
            },
            _ => return None,
        };
        let (_, pool) = self.pools.iter().find(|(of, _)| *of == sku)?;
        // The state first: an activity that has ended sells out no more, so what the pool says then is final.
        let ended = self.state.load(Ordering::Acquire) == ENDED;
        if self.has_conditions.load(Ordering::Acquire) && !ended {
            return None;
        }
        let counts = pool.load(Ordering::Acquire);
        let (latest, free) = ((counts >> 32) as u32, counts as u32);
        if token != self.token || opening == 0 || opening > latest {
            return None;
        }
        let code = match (opening < latest || free == 0, ended) {
            (true, _) => RefusalCode::SoldOut,
            (false, true) => RefusalCode::Closed,
            (false, false) => return None,
        };
        Some(Refusal::plain(code))
    }
}

/// A filter of users: may say yes to one it has never seen, never says no to one it has.
#[derive(Debug)]
struct SeenUsers {
    words: Box<[AtomicU64]>,
    hasher: FixedState,
    /// About how many users it has seen.
    seen: AtomicU64,
}

impl SeenUsers {
    /// Sixteen bits for each user: about one in a hundred of the others is let through needlessly.
    const USERS_PER_WORD: u64 = 4;

    fn for_users(users: u64) -> Self {
        let words = users.div_ceil(Self::USERS_PER_WORD).clamp(8, 1 << 20).next_power_of_two();
        Self {
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
            hasher: FixedState::default(),
            seen: AtomicU64::new(0),
        }
    }

    fn add(&self, user: &UserId) {
        let (word, bits) = self.place(user);
        if word.fetch_or(bits, Ordering::Relaxed) & bits != bits {
            self.seen.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn may_hold(&self, user: &UserId) -> bool {
        let (word, bits) = self.place(user);
        word.load(Ordering::Relaxed) & bits == bits
    }

    /// As many users as it can tell apart well; `None` if it can't grow any more, and only lets more through.
    fn outgrown(&self) -> Option<u64> {
        let seen = self.seen.load(Ordering::Relaxed);
        let words = self.words.len() as u64;
        (seen > words * Self::USERS_PER_WORD && words < 1 << 20).then_some(seen * 2)
    }

    /// Two bits of one word: one cache line a look.
    fn place(&self, user: &UserId) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(user);
        let word = &self.words[(hash >> 12) as usize & (self.words.len() - 1)];
        (word, 1 << (hash & 63) | 1 << (hash >> 6 & 63))
    }
}

/// The gates of a room. Read by every claim, written when an activity comes or goes.
#[derive(Debug)]
pub struct Gates {
    gates: ArcSwap<HashMap<ActivityId, Arc<Gate>, RandomState>>,
    /// Whoever has anything recorded in the room. Not by activity: a request id that was used elsewhere in the room must
    /// reach the store, too, which calls it a conflict.
    seen: ArcSwap<SeenUsers>,
}

impl Default for Gates {
    fn default() -> Self {
        Self { gates: ArcSwap::default(), seen: ArcSwap::from_pointee(SeenUsers::for_users(0)) }
    }
}

impl Gates {
    /// The refusal that the store would give, if that is certain.
    pub fn refuses(&self, user: &UserId, ask: &Ask) -> Option<Refusal> {
        let (Ask::Claim { activity, .. } | Ask::Reserve { activity, .. }) = ask else { return None };
        let refusal = self.gates.load().get(activity)?.refuses(ask)?;
        // After the pool was read: who was granted the last unit was remembered before it read as empty.
        if self.seen.load().may_hold(user) { None } else { Some(refusal) }
    }

    /// Lets everything of this user through to the store from now on. Call before [`Gate::update`].
    pub fn remember(&self, user: &UserId) {
        self.seen.load().add(user);
    }

    /// Makes room for more users if need be; `each` visits all of them.
    pub fn grow(&self, each: impl FnOnce(&mut dyn FnMut(&UserId))) {
        let outgrown = self.seen.load().outgrown();
        if let Some(users) = outgrown {
            let larger = SeenUsers::for_users(users);
            each(&mut |user| larger.add(user));
            self.seen.store(Arc::new(larger));
        }
    }

    /// The gate of an activity.
    pub fn get(&self, activity: ActivityId) -> Option<Arc<Gate>> {
        self.gates.load().get(&activity).cloned()
    }

    /// An activity has opened.
    pub fn insert(&self, activity: ActivityId, gate: Gate) {
        let mut gates = HashMap::clone(&self.gates.load());
        gates.insert(activity, Arc::new(gate));
        self.gates.store(Arc::new(gates));
    }

    /// An activity is gone.
    pub fn remove(&self, activity: ActivityId) {
        if self.gates.load().contains_key(&activity) {
            let mut gates = HashMap::clone(&self.gates.load());
            gates.remove(&activity);
            self.gates.store(Arc::new(gates));
        }
    }
}
