//! A Redis of a test's own: on a free port, in a folder of its own, gone with the test, whatever ends it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use liveroom::store::redis::{Durability, RedisOptions};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The server's program: another one, such as valkey-server, can be named.
const PROGRAM: &str = "LIVEROOM_TEST_REDIS";

/// Ends the server when this process ends, however it ends: the pipe closes then.
const GUARD: &str = r#""$@" >>redis.log 2>&1 & pid=$!; echo $pid; read -r _; kill -9 $pid; wait"#;

pub struct RedisServer {
    dir: TempDir,
    port: u16,
    words: Vec<String>,
    running: Option<Running>,
}

struct Running {
    guard: Child,
    pid: Pid,
}

impl RedisServer {
    /// `settings` as on the command line: `["--appendonly", "yes"]`.
    pub fn start(settings: &[&str]) -> Self {
        let mut server = Self::with(free_port(), |_, words| words.extend(settings.iter().map(|&word| word.to_owned())));
        server.begin();
        server
    }

    /// One that will be part of a cluster, and is not answering yet.
    fn part_of_cluster(settings: &[&str]) -> Self {
        let bus = free_port().to_string();
        let mut server = Self::with(free_port(), |_, words| {
            let own = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "1000"];
            let quick = ["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"];
            words.extend(own.iter().chain(&quick).chain(settings).map(|&word| word.to_owned()));
        });
        server.launch();
        server
    }

    /// A sentinel that watches `primary` under the name `main`; two must agree that it is down.
    pub fn sentinel(primary: &Self) -> Self {
        let mut server = Self::with(free_port(), |dir, words| {
            let conf = dir.join("sentinel.conf");
            let watched = format!(
                "sentinel monitor main 127.0.0.1 {} 2\nsentinel down-after-milliseconds main 400\n\
                 sentinel failover-timeout main 2000\n",
                primary.port
            );
            std::fs::write(&conf, watched).unwrap();
            words.insert(0, conf.to_str().unwrap().to_owned());
            words.push("--sentinel".to_owned());
        });
        server.begin();
        server
    }

    fn with(port: u16, more: impl FnOnce(&Path, &mut Vec<String>)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut words = vec!["--port".to_owned(), port.to_string()];
        words.extend(["--bind", "127.0.0.1"].map(str::to_owned));
        more(dir.path(), &mut words);
        Self { dir, port, words, running: None }
    }

    /// Starts it again where it was, after [`Self::kill`].
    pub fn restart(&mut self) {
        self.kill();
        self.begin();
    }

    fn begin(&mut self) {
        self.launch();
        crate::stage::until("redis answers", || self.said(&["PING"]).is_some_and(|pong| pong == "PONG"));
    }

    fn launch(&mut self) {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| "redis-server".to_owned());
        let found = Command::new(&program).arg("--version").output();
        assert!(found.is_ok(), "{program} is needed and not here: apt install redis-server, or name one in {PROGRAM}");
        let sentinel = self.words.iter().any(|word| word == "--sentinel");
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &program])
            .args(&self.words)
            .args(if sentinel { &[][..] } else { &["--save", "", "--enable-debug-command", "yes"] })
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        self.running = Some(Running { guard, pid });
    }

    /// One command, and its answer as text; `None` if there was none, or an error.
    pub fn said(&self, words: &[&str]) -> Option<String> {
        self.ask(words)
    }

    /// One command and its answer, if there is one.
    pub fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> Option<T> {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_connection_with_timeout(std::time::Duration::from_millis(500)).ok()?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut connection).ok()
    }

    /// Where it keeps its files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Options for a log that nobody else uses.
    pub fn options(&self) -> RedisOptions {
        options(&self.url())
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.running.as_ref().unwrap().pid, signal).unwrap();
    }

    /// As a power switch does, for this process.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            // Its guard does it: the number is still the server's there.
            drop(running.guard.stdin.take());
            running.guard.wait().unwrap();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Options for a log that nobody else uses.
pub fn options(url: &str) -> RedisOptions {
    static LOGS: AtomicU32 = AtomicU32::new(0);
    let prefix = format!("test{}", LOGS.fetch_add(1, Ordering::Relaxed));
    RedisOptions { prefix, durability: Durability::Memory, ..RedisOptions::new(url.parse().unwrap()) }
}

/// Whether `program` ends well.
fn runs(program: &str, words: &[String]) -> bool {
    let done = Command::new(program).args(words).stdin(Stdio::null()).output();
    done.is_ok_and(|output| output.status.success())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Three primaries with a replica each.
pub struct RedisCluster {
    pub servers: Vec<RedisServer>,
}

impl RedisCluster {
    pub fn start(settings: &[&str]) -> Self {
        let servers: Vec<_> = (0..6).map(|_| RedisServer::part_of_cluster(settings)).collect();
        let answer = |server: &RedisServer| server.said(&["PING"]).is_some();
        crate::stage::until("all answer", || servers.iter().all(answer));
        let mut words: Vec<_> = ["--cluster", "create"].map(str::to_owned).into();
        words.extend(servers.iter().map(|server| format!("127.0.0.1:{}", server.port)));
        words.extend(["--cluster-replicas", "1", "--cluster-yes"].map(str::to_owned));
        assert!(runs("redis-cli", &words), "redis-cli makes a cluster");
        let cluster = Self { servers };
        cluster.settle();
        cluster
    }

    /// Everybody has a place, and every replica follows.
    pub fn settle(&self) {
        let up = |server: &RedisServer| {
            let (info, replication) = (server.said(&["CLUSTER", "INFO"]), server.said(&["INFO", "replication"]));
            info.is_some_and(|text| text.contains("cluster_state:ok"))
                && replication
                    .is_some_and(|text| text.contains("master_link_status:up") || text.contains("state=online"))
        };
        crate::stage::until("the cluster has settled", || self.servers.iter().all(up));
    }

    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        format!("redis://{}?cluster=true", hosts.join(","))
    }

    /// Options for a log that nobody else uses.
    pub fn options(&self) -> RedisOptions {
        options(&self.url())
    }

    /// Which server has the slot of a key.
    pub fn primary_of(&self, key: &str) -> usize {
        (0..self.servers.len()).find(|at| self.is_primary_of(*at, key)).expect("somebody has it")
    }

    /// Whether a server says that it has the slot of a key.
    pub fn is_primary_of(&self, at: usize, key: &str) -> bool {
        let server = &self.servers[at];
        let slot = server.ask::<u16>(&["CLUSTER", "KEYSLOT", key]);
        let nodes = server.said(&["CLUSTER", "NODES"]);
        slot.zip(nodes)
            .is_some_and(|(slot, nodes)| nodes.lines().any(|line| line.contains("myself,master") && has(line, slot)))
    }
}

/// Whether a line of `CLUSTER NODES` has a slot among its ranges, which are its ninth word and those after it.
fn has(line: &str, slot: u16) -> bool {
    line.split(' ').skip(8).any(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        from.parse().is_ok_and(|from: u16| from <= slot) && to.parse().is_ok_and(|to: u16| to >= slot)
    })
}

impl RedisCluster {
    /// Takes a slot with all its keys from one server to another, one key after the other, as `redis-cli --cluster reshard`
    /// does with more at a time.
    pub fn move_slot(&self, key: &str, to: usize) {
        let (from, to) = (&self.servers[self.primary_of(key)], &self.servers[to]);
        let slot = from.said(&["CLUSTER", "KEYSLOT", key]).unwrap();
        let [from_id, to_id] = [from, to].map(|server| server.said(&["CLUSTER", "MYID"]).unwrap());
        to.said(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).unwrap();
        from.said(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).unwrap();
        loop {
            let keys: Vec<String> = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "1"]).unwrap();
            let Some(key) = keys.first() else { break };
            from.said(&["MIGRATE", "127.0.0.1", &to.port.to_string(), key, "0", "5000"]).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        for server in [to, from].into_iter().chain(&self.servers) {
            // Replicas refuse, and hear of it from their primaries.
            let _ = server.said(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }
}

/// One server for all tests that do it no harm.
pub fn shared() -> &'static RedisServer {
    static SHARED: LazyLock<RedisServer> = LazyLock::new(|| RedisServer::start(&[]));
    &SHARED
}

/// One cluster for all tests that do it no harm.
pub fn shared_cluster() -> &'static RedisCluster {
    static SHARED: LazyLock<RedisCluster> = LazyLock::new(|| RedisCluster::start(&[]));
    &SHARED
}
