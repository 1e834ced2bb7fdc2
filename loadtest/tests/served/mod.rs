//! Servers for the tester to storm: development servers in this process, a Redis of the test's own, and the program itself.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use liveroom::engine::Clock;
use liveroom::server::audit::{Books, audit_redis};
use liveroom::server::config::Layers;
use liveroom::server::development::Development;
use liveroom::server::{Secrets, Server};
use liveroom::store::Bounds;
use liveroom::store::redis::RedisOptions;
use serde_json::Value;
use tokio::runtime::Runtime;

/// Scenarios in which viewers are told nothing that the audit looks up: they watch, talk, or sign up.
const NOTHING_TOLD: [&str; 3] = ["broadcast", "talk", "enrolment"];

/// Servers on one keeper or the other, and what is left of a run.
pub(crate) struct Served {
    pub runtime: Runtime,
    pub servers: Vec<Server>,
    redis: Option<Redis>,
    dirs: Vec<tempfile::TempDir>,
}

impl Served {
    /// One server on the embedded keeper, with this configured beyond the usual.
    pub(crate) fn alone(more: &[(&'static str, String)]) -> Self {
        let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
        let server = runtime.block_on(started(&dir, more.to_vec()));
        Self { runtime, servers: vec![server], redis: None, dirs: vec![dir] }
    }

    /// So many that share a Redis; they sign receipts with one key.
    pub(crate) fn together(count: usize, more: &[(&'static str, String)]) -> Self {
        let (runtime, redis) = (Runtime::new().unwrap(), Redis::start());
        let dirs: Vec<_> = (0..count).map(|_| tempfile::tempdir().unwrap()).collect();
        let mut servers = Vec::new();
        for dir in &dirs {
            let mut flags = vec![("store.redis", redis.url()), ("store.durability", "memory".to_owned())];
            flags.extend_from_slice(more);
            if !servers.is_empty() {
                let key = Development::below(&dirs[0].path().join("data")).receipt_key_file();
                flags.push(("draws.receipt_key_file", key.display().to_string()));
            }
            servers.push(runtime.block_on(started(dir, flags)));
        }
        Self { runtime, servers, redis: Some(redis), dirs }
    }

    /// A folder that goes with the test.
    pub(crate) fn dir(&self) -> &Path {
        self.dirs[0].path()
    }

    /// Where a run writes its result, and what its viewers were told.
    pub(crate) fn files(&self) -> [PathBuf; 2] {
        ["result.json", "acks"].map(|name| self.dir().join(name))
    }

    /// The tester, about to play a scenario.
    pub(crate) fn tester(&self, scenario: &str, options: &[&str]) -> Command {
        let [json, acks] = self.files();
        let mut tester = Command::new(env!("CARGO_BIN_EXE_liveroom-loadtest"));
        tester.args([scenario, "--warmup", "100ms"]).args(options);
        for server in &self.servers {
            let target = if options.contains(&"ws") { server.ws } else { server.quic };
            tester.args(["--target", &target.to_string(), "--admin", &server.admin.to_string()]);
        }
        if scenario == "show" {
            match &self.redis {
                Some(redis) => tester.args(["--store", &redis.url()]),
                None => tester.arg("--data-dir").arg(self.dir().join("data")),
            };
        }
        tester.arg("--json").arg(json).arg("--acks").arg(acks);
        tester
    }

    /// Plays a scenario, which must come out right; its result.
    pub(crate) fn play(&self, scenario: &str, options: &[&str]) -> Value {
        let output = self.tester(scenario, options).output().unwrap();
        self.came_out_right(&format!("{scenario} {options:?}"), &output)
    }

    /// The result of a run that must have come out right.
    pub(crate) fn came_out_right(&self, case: &str, output: &Output) -> Value {
        let (words, shown) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{case}: {}\n{words}\n{shown}", output.status);
        let [json, _] = self.files();
        let result: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
        assert_eq!(result["ok"], true, "{case}: {result:#}");
        result
    }

    /// Stops them after a scenario. Their books must hold, and against what viewers were told.
    pub(crate) fn stop(self, scenario: &str) {
        let [_, acks] = self.files();
        let told = std::fs::metadata(&acks).is_ok_and(|file| file.len() > 0);
        assert_eq!(told, !NOTHING_TOLD.contains(&scenario), "{scenario}: whether it writes what viewers were told");
        let acks = told.then_some(acks);
        let Self { runtime, redis, dirs, servers } = self;
        servers.into_iter().for_each(|server| runtime.block_on(server.stop()));
        let report = match &redis {
            Some(redis) => audit_redis(&RedisOptions::new(redis.url().parse().unwrap()), acks.as_deref()).unwrap(),
            None => {
                let books = Books::of(&dirs[0].path().join("data"), Bounds::default());
                Books { acks, ..books }.audit().unwrap()
            }
        };
        assert!(report.ok, "{:?}", report.first_failure());
    }
}

/// A development server of the test's own, on free ports, with more that is configured.
async fn started(dir: &tempfile::TempDir, more: Vec<(&'static str, String)>) -> Server {
    let anywhere = || "127.0.0.1:0".to_owned();
    let data_dir = dir.path().join("data").display().to_string();
    let mut flags = vec![
        ("listen.quic", anywhere()),
        ("listen.ws", anywhere()),
        ("listen.admin", anywhere()),
        ("store.data_dir", data_dir),
        ("store.segment_bytes", (4 << 20).to_string()),
        ("engine.presence_every", "1s".to_owned()),
    ];
    flags.extend(more);
    let config = Layers { development: true, file: None, environment: Vec::new(), flags }.load().unwrap();
    let development = Development::below(&config.store.data_dir);
    let secrets = Secrets::load(&config, Some(&development), Clock::real().now()).unwrap();
    Server::start(&config, secrets).await.unwrap()
}

/// Ends with the test.
struct Redis {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Redis {
    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// On a free port.
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(dir.path());
        let child = command.stdout(Stdio::null()).spawn().expect("apt install redis-server");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child, port, _dir: dir }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
