//! Viewers who came for the same: let in together, talking for as long as a window lasts.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::acks::Acks;
use super::ask::Asking;
use super::learned::Learned;
use super::link::{Dial, Line};
use super::random;
use super::stage::Stage;
use super::viewer::Viewer;
use crate::board::Board;
use crate::cli::LoadArgs;
use crate::drive::{Conversation, Pace};
use crate::pacer::{in_turn, pace};
use crate::progress::Progress;
use crate::schedule::Schedule;

/// Requests that one viewer has under way at most in the open loop, if the server allows it.
const IN_FLIGHT_MAX: usize = 64;

/// How long viewers wait to hear what is open.
const OPENING: Duration = Duration::from_secs(20);

/// Viewers who have joined, and have not asked for anything yet.
pub(super) struct Party {
    viewers: Vec<(Viewer, Line)>,
    /// What their requests are called in acknowledgements.
    ask: &'static str,
}

/// How a party asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tempo {
    /// As answers come, each viewer with so many under way.
    Closed(usize),
    /// So often in all per second.
    Open(f64),
}

impl Tempo {
    /// The tempo that the command line asks for.
    pub(super) fn of(load: &LoadArgs) -> Self {
        Self::share_of(load, 1, 1)
    }

    /// What falls to `some` of `all` viewers of it.
    pub(super) fn share_of(load: &LoadArgs, some: usize, all: usize) -> Self {
        let share = some as f64 / all as f64;
        load.common.rate.map_or(Self::Closed(load.in_flight as usize), |rate| Self::Open(rate * share))
    }
}

/// A party that asks.
pub(super) struct Talking {
    viewers: JoinSet<Learned>,
    schedule: Option<Schedule>,
    _pacing: Option<JoinHandle<()>>,
}

impl Party {
    /// Lets `count` viewers into the stage's rooms.
    pub(super) async fn join(
        dial: &Arc<Dial>, stage: &Stage, count: usize, ask: &'static str, progress: &Progress,
    ) -> anyhow::Result<Self> {
        let guests = stage.guests(count)?;
        let lines = dial.connect_all(&guests, progress).await?;
        let mut viewers = Vec::with_capacity(count);
        for (guest, mut line) in guests.into_iter().zip(lines) {
            let room = Arc::clone(&stage.rooms[guest.number % stage.rooms.len()]);
            let listens = guest.number < stage.rooms.len();
            let (dial, at) = (Arc::clone(dial), guest.home);
            let viewer = Viewer { dial, guest, room, listens, until: Instant::now(), at };
            line.attend(viewer.ear());
            viewers.push((viewer, line));
        }
        progress.stage("waiting for the opening", 0);
        for (viewer, line) in viewers.iter_mut().filter(|(viewer, _)| viewer.listens) {
            let opened = timeout(OPENING, line.input.until_opened(&viewer.room)).await;
            opened.context("nothing opened in a room")??;
        }
        Ok(Self { viewers, ask })
    }

    /// Lets them ask until the board's window is over.
    pub(super) fn talk(self, board: &Arc<Board>, tempo: Tempo, acks: Option<&Acks>) -> anyhow::Result<Talking> {
        let window = board.window();
        let mut viewers = JoinSet::new();
        let mut lanes = Vec::new();
        for (mut viewer, line) in self.viewers {
            viewer.until = window.until;
            let pace = match tempo {
                Tempo::Open(_) => {
                    let (lane, due) = unbounded_channel();
                    lanes.push(lane);
                    Pace::Open { due, in_flight_max: in_flight(&line, IN_FLIGHT_MAX) }
                }
                Tempo::Closed(wanted) => Pace::Closed { in_flight: in_flight(&line, wanted) },
            };
            let voice = acks.map(|acks| acks.voice(&viewer.guest.room, &viewer.guest.user, self.ask));
            let asking = Asking::new(Arc::clone(&viewer.room), random(), voice);
            let conversation = Conversation::new(asking, pace, board.desk(viewer.guest.number));
            viewers.spawn(viewer.live(line, conversation));
        }
        let schedule = match tempo {
            Tempo::Open(rate) => Some(Schedule::new(Instant::now(), rate)),
            Tempo::Closed(_) => None,
        };
        // The lanes close when the last is told, and that ends the viewers.
        let pacing = schedule.map(|schedule| pace(schedule, window, in_turn(lanes))).transpose()?;
        Ok(Talking { viewers, schedule, _pacing: pacing })
    }
}

impl Talking {
    /// What an open loop meant to ask within the board's window.
    pub(super) fn offered(&self, board: &Board) -> Option<u64> {
        self.schedule.map(|schedule| schedule.within(board.window()))
    }

    /// What they learned, when all have said their last.
    pub(super) async fn learned(mut self) -> anyhow::Result<Learned> {
        let mut learned = Learned::default();
        while let Some(one) = self.viewers.join_next().await {
            learned.add(one?);
        }
        learned.check_orders();
        Ok(learned)
    }
}

fn in_flight(line: &Line, wanted: usize) -> usize {
    wanted.min(line.welcome.in_flight_max as usize).max(1)
}
