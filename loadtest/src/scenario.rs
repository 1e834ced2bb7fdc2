//! Load on a liveroom server: who the viewers are, what they ask for, and what must hold afterwards.

use crate::cli::LoadArgs;

/// The scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Red-packet rain: every viewer claims.
    Rain,
    /// Flash sale: every viewer reserves.
    Sale,
    /// Messages to everybody in the room.
    Broadcast,
    /// Viewers who are only there.
    Idle,
    /// Rain, sale and messages together.
    Mixed,
}

/// Runs a scenario, and says whether all went well.
pub fn run(shape: Shape, load: &LoadArgs) -> anyhow::Result<bool> {
    anyhow::bail!("{shape:?} against {} needs the client, which this build lacks", load.target)
}
