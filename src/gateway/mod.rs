//! Where viewers arrive: one [`Session`] without sockets, driven by thin transports.

mod admission;
mod network;
pub mod quic;
mod quota;
mod rate;
pub mod receipt;
mod session;
mod shares;
pub mod token;
mod viewer;
mod wire;
pub mod ws;

use std::sync::Arc;
use std::time::Duration;

pub use admission::{Admission, AdmissionLimits, Admitted, TurnedAway};
/// What client and server agreed on below the messages; the server needs it to open its endpoints.
pub use liveroom_protocol::transport;
pub use network::{Network, TrustedProxies};
pub use quota::{Budgets, Quotas};
pub use rate::Rate;
pub use receipt::ReceiptKey;
pub use session::{Authenticate, Ended, Rates, Session, SessionLimits};
pub use wire::{WireEncoder, bare};

use crate::engine::Engine;

/// What every transport needs.
#[derive(Clone)]
pub struct Gateway {
    /// The inside.
    pub engine: Engine,
    /// Who may come in.
    pub authenticate: Arc<dyn Authenticate>,
    /// How many may come in.
    pub admission: Arc<Admission>,
    /// What receipts for entries of draws are signed with.
    pub receipts: Option<Arc<ReceiptKey>>,
    /// What a session may do.
    pub limits: Arc<SessionLimits>,
    /// How often each user may ask, and all from one address.
    pub quotas: Arc<Quotas>,
    /// How long a write may wait for a peer that does not read.
    pub write_timeout: Duration,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("admission", &self.admission).finish_non_exhaustive()
    }
}
