//! Where orders are paid: the payment provider's part is played by a thread of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::super::stage::Stage;

/// Where a viewer pays.
#[derive(Debug, Clone)]
pub(super) struct Till {
    queue: Sender<(u64, i64)>,
}

/// Everybody's payments.
pub(super) struct Payments {
    thread: JoinHandle<BTreeMap<u64, Payment>>,
}

/// What became of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) total_fen: i64,
    /// `sold`, `sold_late` or `refund_due`; nothing if the server could not be reached or takes no payments.
    pub(super) outcome: Option<String>,
}

impl Till {
    /// A till, and what will have been paid there.
    pub(super) fn open(stage: Arc<Stage>) -> anyhow::Result<(Self, Payments)> {
        let (queue, waiting) = channel();
        let thread = thread::Builder::new().name("till".to_owned()).spawn(move || take(&stage, &waiting))?;
        Ok((Self { queue }, Payments { thread }))
    }

    /// Pays.
    pub(super) fn pay(&self, order: u64, total_fen: i64) {
        // The till is open for as long as there is somebody to pay.
        let _ = self.queue.send((order, total_fen));
    }
}

impl Payments {
    /// Waits until everything is paid, and everybody who could pay has left.
    pub(super) fn close(self) -> anyhow::Result<BTreeMap<u64, Payment>> {
        self.thread.join().map_err(|_| anyhow::anyhow!("the till panicked"))
    }
}

fn take(stage: &Stage, waiting: &Receiver<(u64, i64)>) -> BTreeMap<u64, Payment> {
    let mut payments = BTreeMap::new();
    while let Ok((order, total_fen)) = waiting.recv() {
        let outcome = stage.pay(order, total_fen).ok();
        payments.insert(order, Payment { total_fen, outcome });
    }
    payments
}
