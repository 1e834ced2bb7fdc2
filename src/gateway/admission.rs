//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

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
    by_address: HashMap<IpAddr, usize, RandomState>,
}

/// A connection that was let in; dropping it makes room for another.
#[derive(Debug)]
pub struct Admitted {
    admission: Arc<Admission>,
    address: IpAddr,
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
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, TurnedAway> {
        let mut counts = self.counts.lock();
        let full = counts.all >= self.limits.connections;
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if full || here >= self.limits.per_address {
            counts.turned_away += 1;
            return Err(if full { TurnedAway::Full } else { TurnedAway::Address });
        }
        counts.all += 1;
        counts.by_address.insert(address, here + 1);
        Ok(Admitted { admission: Arc::clone(self), address })
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

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.all -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.address) {
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
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = admission.admit(a).unwrap();
        let _second = admission.admit(a).unwrap();
        assert_eq!(admission.admit(a).unwrap_err(), TurnedAway::Address);
        let _third = admission.admit(b).unwrap();
        assert_eq!(admission.admit(b).unwrap_err(), TurnedAway::Full);
        drop(first);
        admission.admit(a).unwrap();
        assert_eq!((admission.connections(), admission.turned_away()), (2, 2));
    }
}
