//! One viewer's stay: it talks, comes back when its line breaks, and in between asks once more for what was decided.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::aims::{RoomAims, RoomEar};
use super::ask::Asking;
use super::learned::Learned;
use super::link::{Dial, Guest, Line};
use super::random;
use crate::drive::{Conversation, DRAIN, End};
use crate::line::{LineIn, LineOut};

/// The first pause before coming back, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How long answers to what was decided before may take.
const PROBE: Duration = Duration::from_secs(5);

/// A viewer who has joined.
pub(super) struct Viewer {
    pub(super) dial: Arc<Dial>,
    pub(super) guest: Guest,
    pub(super) room: Arc<RoomAims>,
    /// Whether this viewer listens for all of its room.
    pub(super) listens: bool,
    /// When it is over.
    pub(super) until: Instant,
    /// The server it is at, counted round and round.
    pub(super) at: usize,
}

impl Viewer {
    /// What this viewer hears the room with.
    pub(super) fn ear(&self) -> Option<RoomEar> {
        self.listens.then(|| RoomEar::new(Arc::clone(&self.room)))
    }

    /// Talks to the end.
    pub(super) async fn live(mut self, line: Line, mut conversation: Conversation<Asking>) -> Learned {
        let mut line = Some(line);
        let mut reconnects = 0;
        let end = loop {
            let Some(now) = &mut line else { break End::TimeUp };
            let end = conversation.over(&mut now.out, &mut now.input).await;
            let End::LineBroke(_) = end else { break end };
            drop(line.take());
            line = self.come_back().await;
            let Some(now) = &mut line else { break end };
            reconnects += 1;
            probe(conversation.script_mut(), now).await;
        };
        if let (End::Settled, Some(now)) = (&end, &mut line) {
            probe(conversation.script_mut(), now).await;
        }
        let mut learned = conversation.conclude(&end).into_learned();
        learned.reconnects = reconnects;
        learned
    }

    /// A new line, to the next server if there are several, unless the time is over first.
    async fn come_back(&mut self) -> Option<Line> {
        let (mut pause, longest) = PAUSES;
        while Instant::now() < self.until + DRAIN {
            // The upper half by chance, so that a crowd that was thrown out together does not come back together.
            sleep(pause / 2 + pause.mul_f64(random() as f64 / u64::MAX as f64 / 2.0)).await;
            pause = (pause * 2).min(longest);
            self.at += 1;
            if let Ok(mut line) = self.dial.connect_to(self.at, &self.guest).await {
                line.attend(self.ear());
                return Some(line);
            }
        }
        None
    }
}

/// Asks once more for the latest decisions. A line that breaks meanwhile shows in what follows.
async fn probe(asking: &mut Asking, line: &mut Line) {
    let mut out = Vec::new();
    if !asking.probe(&mut out) || line.out.send(&out).await.is_err() {
        return;
    }
    let mut input = Vec::new();
    let answered = async {
        while !asking.is_probed() {
            let before = input.len();
            if line.input.receive(&mut input).await.is_err() || input.len() == before {
                return;
            }
            let Ok(whole) = asking.probe_replies(&input) else { return };
            input.drain(..whole);
        }
    };
    let _ = timeout(PROBE, answered).await;
    line.input.head = input;
}
