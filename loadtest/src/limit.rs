//! What the bare transport does with the same traffic: the measure that a server is judged by.
//!
//! Each shape runs against a bare server of its own ([`bare`]), in a child process ([`child`]).

pub mod bare;
pub mod child;
mod echo;
mod fanout;
mod idle;

use std::time::Duration;

use liveroom_protocol::transport;

use crate::cli::{BareShape, LimitArgs};
use crate::crowd::trusting_client;
use crate::machine;
use crate::outcome::{Outcome, publish_limits};
use crate::progress::Progress;
use child::BareServer;

/// How one shape is run.
#[derive(Debug, Clone)]
struct Plan {
    viewers: usize,
    /// Operations per second, in the open loop.
    rate: Option<f64>,
    warmup: Duration,
    duration: Duration,
    /// One per worker.
    desks: usize,
    progress: Progress,
}

/// Runs the shapes asked for, one after the other, and says whether all went well.
pub fn run(args: &LimitArgs) -> anyhow::Result<bool> {
    // A child would inherit the tester's core, and share it.
    anyhow::ensure!(args.server_core.is_some() == args.common.tester_core.is_some(), "name both cores or none");
    machine::raise_descriptor_limit();
    let runtime = machine::runtime(args.common.tester_core)?;
    let mut outcomes = Vec::new();
    for shape in args.shapes() {
        let (plan, core) = (plan(shape, args, runtime.metrics().num_workers()), args.server_core);
        let progress = plan.progress.clone();
        let running = runtime.spawn(async move { run_shape(shape, core, plan).await });
        let outcome = runtime.block_on(running);
        progress.done();
        outcomes.push(outcome??);
    }
    publish_limits(&outcomes, &args.common)
}

fn plan(shape: BareShape, args: &LimitArgs, desks: usize) -> Plan {
    let (name, viewers) = match shape {
        BareShape::Echo => ("echo", 300),
        BareShape::Fanout => ("fanout", 1_000),
        BareShape::TcpFanout => ("tcp fanout", 1_000),
        BareShape::Idle => ("idle", 5_000),
    };
    Plan {
        viewers: args.viewers.unwrap_or(viewers) as usize,
        rate: args.common.rate,
        warmup: args.common.warmup,
        duration: args.common.duration,
        desks,
        progress: Progress::new(name),
    }
}

/// The viewers' side of the connections, the same as a liveroom client's.
fn client_config() -> anyhow::Result<quinn::ClientConfig> {
    trusting_client(transport::ALPN, transport::client_transport(transport::IDLE_TIMEOUT))
}

async fn run_shape(shape: BareShape, core: Option<usize>, plan: Plan) -> anyhow::Result<Outcome> {
    let server = BareServer::start(shape, core)?;
    match shape {
        BareShape::Echo => echo::run(server, plan).await,
        BareShape::Fanout => fanout::over_quic(server, plan).await,
        BareShape::TcpFanout => fanout::over_tcp(server, plan).await,
        BareShape::Idle => idle::run(server, plan).await,
    }
}
