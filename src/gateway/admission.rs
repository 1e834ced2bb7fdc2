//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::Network;

/// Bounds on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// In all.
    pub connections: usize,
    /// From one address.
    pub per_address: usize,
}

/// Counts connections.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    turned_away: u64,
    by_address: HashMap<Network, usize, RandomState>,
}

/// A connection that was let in; dropping it makes room for another.
#[derive(Debug)]
pub struct Admitted {
    admission: Arc<Admission>,
    address: Network,
    /// Whether it counts among the connections of its address.
    counted: bool,
}

/// There are too many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// In all.
    #[error("the server has as many connections as it takes")]
    Full,
    /// From this address.
    #[error("this address has as many connections as one may")]
    Address,
}

impl Admission {
    /// Nobody is here yet.
    pub fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// Lets one more connection in, if there is room.
    ///
    /// # Errors
    /// What there is too much of.
    pub fn admit(self: &Arc<Self>, address: Network) -> Result<Admitted, TurnedAway> {
        let mut admitted = self.admit_proxied(address)?;
        admitted.name(address)?;
        Ok(admitted)
    }

    /// Lets one more connection in through a proxy, if there is room in all: for whom it is, [`Admitted::name`] says later.
    ///
    /// # Errors
    /// There are too many.
    pub fn admit_proxied(self: &Arc<Self>, proxy: Network) -> Result<Admitted, TurnedAway> {
        let mut counts = self.counts.lock();
        if counts.all >= self.limits.connections {
            counts.turned_away += 1;
            return Err(TurnedAway::Full);
        }
        counts.all += 1;
        Ok(Admitted { admission: Arc::clone(self), address: proxy, counted: false })
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.counts.lock().all
    }

    /// Connections turned away since the start.
    pub fn turned_away(&self) -> u64 {
        self.counts.lock().turned_away
    }
}

impl Admitted {
    /// Says from which address the connection is.
    ///
    /// # Errors
    /// There are too many from there.
    pub fn name(&mut self, address: Network) -> Result<(), TurnedAway> {
        if self.counted {
            return Ok(());
        }
        let limit = self.admission.limits.per_address;
        let mut counts = self.admission.counts.lock();
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if here >= limit {
            counts.turned_away += 1;
            return Err(TurnedAway::Address);
        }
        counts.by_address.insert(address, here + 1);
        (self.address, self.counted) = (address, true);
        Ok(())
    }

    /// Where the connection comes from.
    pub fn address(&self) -> Network {
        self.address
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.all -= 1;
        if self.counted
            && let Some(here) = counts.by_address.get_mut(&self.address)
        {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_bounded_in_all_and_by_address() {
        let admission = Admission::new(AdmissionLimits { connections: 3, per_address: 2 });
        let [a, b] = [1, 2].map(|n| Network::of([10, 0, 0, n].into()));
        let first = admission.admit(a).unwrap();
        let _second = admission.admit(a).unwrap();
        assert_eq!(admission.admit(a).unwrap_err(), TurnedAway::Address);
        let _third = admission.admit(b).unwrap();
        assert_eq!(admission.admit(b).unwrap_err(), TurnedAway::Full);
        drop(first);
        admission.admit(a).unwrap();
        assert_eq!((admission.connections(), admission.turned_away()), (2, 2));
    }

    #[test]
    fn behind_a_proxy_viewers_count_where_they_are() {
        let admission = Admission::new(AdmissionLimits { connections: 4, per_address: 1 });
        let [proxy, a, b] = [9, 1, 2].map(|n| Network::of([10, 0, 0, n].into()));
        let mut ann = admission.admit_proxied(proxy).unwrap();
        let mut bob = admission.admit_proxied(proxy).unwrap();
        let mut cid = admission.admit_proxied(proxy).unwrap();
        assert_eq!((ann.name(a), bob.name(b), cid.name(a)), (Ok(()), Ok(()), Err(TurnedAway::Address)));
        assert_eq!((ann.address(), bob.address()), (a, b));
        drop(ann);
        assert_eq!((cid.name(a), cid.name(b)), (Ok(()), Ok(())), "once it is said it stays so");
        assert_eq!(cid.address(), a);
        let _direct = admission.admit(proxy).unwrap();
        let _fourth = admission.admit_proxied(proxy).unwrap();
        assert_eq!(admission.admit_proxied(proxy).unwrap_err(), TurnedAway::Full);
    }
}
