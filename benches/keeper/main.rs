//! One keeper under a storm of claims, in batches as they form: how many a second, and what CPU each costs this process.
//! `benches/redis.sh` runs it beside a function call for each claim, on the same Redis.

#[allow(dead_code, reason = "the micro-benchmarks use the rest")]
#[path = "../liveroom/stage.rs"]
mod stage;

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use liveroom::store::journal::{Options, RealDisk};
use liveroom::store::redis::RedisOptions;
use liveroom::store::{Answer, Bounds, EmbeddedKeeper, Keeper, Op, RedisKeeper};

use stage::{NOW, claim, open, rain, room};

const USAGE: &str =
    "usage: keeper embedded|URL [--batch N] [--claims N] [--stripes N] [--durability LEVEL] [--prefix NAME]";

fn main() {
    let mut args = env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(place) = args.next() else {
        // `cargo bench` runs every bench there is: this one is for the script.
        println!("{USAGE}");
        return;
    };
    let (mut batch, mut claims) = (512, 400_000);
    let mut options = place.parse().map(RedisOptions::new).ok();
    while let Some(name) = args.next() {
        let value = args.next().expect(USAGE);
        match (name.as_str(), &mut options) {
            ("--batch", _) => batch = value.parse().expect(USAGE),
            ("--claims", _) => claims = value.parse().expect(USAGE),
            ("--stripes", Some(options)) => options.stripes = value.parse().expect(USAGE),
            ("--durability", Some(options)) => options.durability = value.parse().expect(USAGE),
            ("--prefix", Some(options)) => options.prefix = value,
            _ => panic!("{USAGE}"),
        }
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut keeper: Box<dyn Keeper> = match &options {
        Some(options) => Box::new(RedisKeeper::open(options, Bounds::default()).expect("a Redis")),
        None => {
            let disk = Arc::new(RealDisk::open(dir.path()).expect("a disk"));
            let (keeper, _) = EmbeddedKeeper::open(disk, &Options::default(), Bounds::default()).expect("an empty log");
            Box::new(keeper)
        }
    };
    let (wall, cpu) = storm(keeper.as_mut(), claims, batch);
    println!("{{");
    println!("  \"claims_per_s\": {:.0},", claims as f64 / wall.as_secs_f64());
    println!("  \"node_cpu_us_per_claim\": {:.3},", cpu.as_secs_f64() * 1e6 / claims as f64);
    println!("  \"batches\": {},", claims.div_ceil(batch));
    println!("  \"wall_s\": {:.3}", wall.as_secs_f64());
    println!("}}");
}

/// The time that so many claims take, and this process' share of the CPU, making the claims left out.
fn storm(keeper: &mut dyn Keeper, claims: u64, batch: u64) -> (Duration, Duration) {
    let (activity, token) = open(keeper, room(0), rain(claims as u32));
    let (mut wall, mut cpu) = (Duration::ZERO, Duration::ZERO);
    let (mut answers, mut events) = (Vec::new(), Vec::new());
    for first in (0..claims).step_by(batch as usize) {
        let until = claims.min(first + batch);
        let ops: Vec<Op> = (first..until).map(|n| claim(room(0), activity, token, n)).collect();
        let (began, used) = (Instant::now(), cpu_time());
        keeper.commit(NOW, &ops, &mut answers, &mut events).expect("a bench's store works");
        wall += began.elapsed();
        cpu += cpu_time() - used;
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Granted(_))), "{:?}", answers[0]);
        answers.clear();
        events.clear();
    }
    (wall, cpu)
}

/// What all threads of this process have had of the CPU.
fn cpu_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("Linux");
    let spent = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(|thread| spent(thread.ok()?)).sum())
}
