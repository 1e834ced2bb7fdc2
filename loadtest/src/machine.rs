//! What the process asks of the machine: cores, descriptors, a runtime.

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::runtime::{Builder, Runtime};

/// Keeps this thread, and every thread it starts from now on, to one core.
pub fn keep_to(core: usize) -> anyhow::Result<()> {
    let mut only = CpuSet::new();
    anyhow::ensure!(core < CpuSet::MAX_CPU, "no core {core}");
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("keeping to core {core}"))
}

/// Raises the limit of open descriptors as far as allowed; a WebSocket or TCP viewer needs one each.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // A refusal leaves the limit as it is: whoever runs out is told so by the socket call that fails.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// A runtime with one worker when kept to a core, else with one worker per core.
///
/// Work belongs in spawned tasks: the future of `block_on` is polled by the calling thread, beside the workers, and what
/// passes between the two threads costs wake-ups.
pub fn runtime(core: Option<usize>) -> anyhow::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(core) = core {
        keep_to(core)?;
        builder.worker_threads(1);
    }
    builder.enable_all().build().context("starting the runtime")
}

/// How many threads this runtime has for spawned tasks.
pub fn workers() -> usize {
    tokio::runtime::Handle::current().metrics().num_workers()
}
