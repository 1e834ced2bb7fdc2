//! Fetches the beacons that closed draws wait for, from a drand relay. They are verified before they count, so the relay
//! need not be trusted; and an operator may bring one through the API instead.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::fetch;
use crate::engine::Engine;
use crate::rules::{Beacon, HexBytes};
use crate::store::{Answer, Ask, AwaitedBeacon, DrawAsk, Op, Partition, Query, Reply};

/// How often it is looked whether a draw waits.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a relay may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A round, as drand's HTTP API answers it.
#[derive(Deserialize)]
struct Round {
    round: u64,
    signature: HexBytes,
    #[serde(default)]
    previous_signature: HexBytes,
}

/// Runs until it is aborted. `relay` is the address of a drand relay: `https://api.drand.sh`.
pub(super) async fn run(engine: Engine, relay: String) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let Ok(Reply::AwaitingBeacon(awaited)) = engine.ask(Query::AwaitingBeacons).await else { continue };
        for awaited in awaited {
            if awaited.chain.time_of(awaited.round) > engine.clock().now() {
                continue;
            }
            if let Err(error) = bring(&engine, &relay, &awaited).await {
                let (room, activity) = (awaited.room, awaited.activity);
                tracing::warn!(%room, %activity, error = format!("{error:#}"), "the beacon of a draw is not there yet");
            }
        }
    }
}

async fn bring(engine: &Engine, relay: &str, awaited: &AwaitedBeacon) -> Result<()> {
    let url = format!("{}/{}/public/{}", relay.trim_end_matches('/'), awaited.chain.hash, awaited.round);
    let text = fetch::get(&url, 64 << 10, ANSWER_WITHIN).await?;
    let Round { round, signature, previous_signature } =
        serde_json::from_slice(&text).with_context(|| format!("{url} answers with no round"))?;
    let beacon = Beacon { round, signature, previous_signature };
    beacon.verify(&awaited.chain, awaited.round)?;
    let (activity, winners) = (awaited.activity, awaited.winners);
    let ask = Ask::Draw(DrawAsk::Beacon { activity, beacon: Box::new(beacon), winners });
    match engine.commit(Op { partition: Partition::Room(awaited.room), by: None, request: None, ask }).await {
        Answer::NotDone(why) => Err(why.into()),
        _ => Ok(()),
    }
}
